"""A trained model with all it takes to judge raw windows, and its files. Training and MLflow do not belong here."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.arrays import BoolArray, FloatArray
from ml.calibration import Calibration, confidence
from ml.detectors.catalogue import restore
from ml.detectors.protocol import Detector
from ml.errors import SensorMismatch
from ml.scaling import MinMaxScaler
from ml.windows import WINDOW_STEPS, check_shape

DESCRIPTION_FILE = "model.json"
WEIGHTS_FILE = "weights.npz"
SCALER = "scaler."
DETECTOR = "detector."


@dataclass(frozen=True)
class Judgement:
    """What a model thinks of windows; every field has shape (window,).

    Attributes:
        score: Dimensionless, higher is stranger.
        is_anomaly: The score exceeds the threshold (S2-024).
        probability: Calibrated probability of an anomaly.
        confidence: max(p, 1 - p).
    """

    score: FloatArray
    is_anomaly: BoolArray
    probability: FloatArray
    confidence: FloatArray


@dataclass(frozen=True)
class AnomalyModel:
    """Scaler, detector, threshold and calibration of one equipment class.

    Attributes:
        sensors: Metrics, in the order of the windows' last axis.
        grid_s: Time between two steps of a window, seconds (C27).
    """

    sensors: tuple[str, ...]
    grid_s: float
    scaler: MinMaxScaler
    detector: Detector
    threshold: float
    calibration: Calibration

    def judge(self, windows: FloatArray) -> Judgement:
        """Judge windows.

        Args:
            windows: Any number of them, shape (window, time, sensor), in the sensors' own units.

        Raises:
            SensorMismatch: The windows have another shape than the training's.
        """
        check_shape(windows, len(self.sensors))
        score = self.detector.score(self.scaler.scale(windows))
        probability = self.calibration.probability(score)
        return Judgement(score, np.asarray(score > self.threshold), probability, confidence(probability))

    def explain(self, windows: FloatArray) -> FloatArray:
        """Each sensor's share of each window's score, shape (window, sensor); windows as in `judge`."""
        check_shape(windows, len(self.sensors))
        return self.detector.explain(self.scaler.scale(windows))

    def columns_in(self, sensors: tuple[str, ...]) -> list[int]:
        """Find this model's sensors among others.

        Raises:
            SensorMismatch: One of them is not there.
        """
        missing = sorted(set(self.sensors) - set(sensors))
        if missing:
            raise SensorMismatch(f"The model reads {', '.join(missing)}, which the data do not have.")
        return [sensors.index(sensor) for sensor in self.sensors]

    def save(self, folder: Path) -> None:
        """Write the model as JSON and plain arrays; nothing is pickled."""
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "detector": self.detector.name,
            "sensors": self.sensors,
            "grid_s": self.grid_s,
            "window_steps": WINDOW_STEPS,
            "threshold": self.threshold,
            "calibration": asdict(self.calibration),
        }
        (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")
        arrays = {SCALER + name: value for name, value in vars(self.scaler).items()}
        arrays |= {DETECTOR + name: np.asarray(value) for name, value in self.detector.weights().items()}
        np.savez_compressed(folder / WEIGHTS_FILE, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, folder: Path) -> "AnomalyModel":
        """Read what `save` wrote."""
        description: Mapping[str, Any] = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as arrays:
            scaler = {name.removeprefix(SCALER): arrays[name] for name in arrays if name.startswith(SCALER)}
            weights = {name.removeprefix(DETECTOR): arrays[name] for name in arrays if name.startswith(DETECTOR)}
        return cls(
            sensors=tuple(description["sensors"]),
            grid_s=float(description["grid_s"]),
            scaler=MinMaxScaler(**scaler),
            detector=restore(description["detector"], weights),
            threshold=float(description["threshold"]),
            calibration=Calibration(**description["calibration"]),
        )
