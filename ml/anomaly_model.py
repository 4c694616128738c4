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
from ml.errors import ModelTooOld, SensorMismatch
from ml.scaling import MinMaxScaler
from ml.stand_in import StandIn
from ml.windows import WINDOW_STEPS, check_shape

DESCRIPTION_FILE = "model.json"
WEIGHTS_FILE = "weights.npz"
SCALER = "scaler."
DETECTOR = "detector."
STAND_IN = "stand_in."
FORMAT = 2
"""Of the files. The promotion ledger has it of every version: a champion of an older format counts as none."""

HALVINGS = 20
"""Of the way between a strange window and a normal one: the nearest normal value is exact to a millionth of it."""


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
class Explanation:
    """Why a window is strange; every field has shape (sensor,).

    Attributes:
        shares: Each sensor's share of the score; they sum to 1.
        values: The window's last values, in the sensors' units, NaN where a sensor is missing.
        nearest_normal: What they would be if the window were just normal.
    """

    shares: FloatArray
    values: FloatArray
    nearest_normal: FloatArray


@dataclass(frozen=True)
class AnomalyModel:
    """Scaler, detector, threshold, calibration and what to do about silent sensors, of one equipment class.

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
    stand_in: StandIn

    def judge(self, windows: FloatArray) -> Judgement:
        """Judge windows.

        Args:
            windows: Any number of them, shape (window, time, sensor), in the sensors' own units. Silent sensors, stuck
                or with NaN, are stood in for and do not count.

        Raises:
            SensorMismatch: The windows have another shape than the training's.
        """
        check_shape(windows, len(self.sensors))
        score = self.detector.score(self._prepared(windows))
        probability = self.calibration.probability(score)
        return Judgement(score, np.asarray(score > self.threshold), probability, confidence(probability))

    def explain(self, windows: FloatArray) -> FloatArray:
        """Each sensor's share of each window's score, shape (window, sensor); windows as in `judge`."""
        check_shape(windows, len(self.sensors))
        return self.detector.explain(self._prepared(windows))

    def explanations(self, windows: FloatArray) -> list[Explanation]:
        """All there is to say about each of some windows; windows as in `judge`."""
        columns = self.explain(windows), windows[:, -1, :].astype(np.float64), self.nearest_normal(windows)
        return [Explanation(*fields) for fields in zip(*columns, strict=True)]

    def nearest_normal(self, windows: FloatArray) -> FloatArray:
        """The values at which windows would just be normal: on the way to an ordinary window, up to the threshold.

        Args:
            windows: Shape (window, time, sensor), in the sensors' units.

        Returns:
            Of each window's last step, shape (window, sensor), in the sensors' units; normal windows' own values.
        """
        check_shape(windows, len(self.sensors))
        strange = self._prepared(windows).astype(np.float64)
        normal = self.stand_in.normal_window
        near, far = np.zeros(len(windows)), np.ones(len(windows))  # shares of the departure: normal, strange
        near[self.detector.score(strange.astype(np.float32)) <= self.threshold] = 1.0
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            blended = normal + middle[:, None, None] * (strange - normal)
            is_normal = self.detector.score(blended.astype(np.float32)) <= self.threshold
            near, far = np.where(is_normal, middle, near), np.where(is_normal, far, middle)
        last = normal[-1] + near[:, None] * (strange[:, -1] - normal[-1])
        return self.scaler.unscale(last)

    def _prepared(self, windows: FloatArray) -> FloatArray:
        """Scaled windows without silent sensors, same shape."""
        return self.stand_in.mend(self.scaler.scale(windows))

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
            "format": FORMAT,
            "detector": self.detector.name,
            "sensors": self.sensors,
            "grid_s": self.grid_s,
            "window_steps": WINDOW_STEPS,
            "threshold": self.threshold,
            "calibration": asdict(self.calibration),
        }
        (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")
        arrays = {SCALER + name: value for name, value in vars(self.scaler).items()}
        arrays |= {STAND_IN + name: value for name, value in vars(self.stand_in).items()}
        arrays |= {DETECTOR + name: np.asarray(value) for name, value in self.detector.weights().items()}
        np.savez_compressed(folder / WEIGHTS_FILE, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, folder: Path) -> "AnomalyModel":
        """Read what `save` wrote.

        Raises:
            ModelTooOld: An earlier release wrote it.
        """
        description: Mapping[str, Any] = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        if description.get("format", 1) < FORMAT:
            raise ModelTooOld("It was stored by an earlier release: train anew with python -m ml train <class>.")
        with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as arrays:
            scaler, weights, stand_in = (_part(arrays, prefix) for prefix in (SCALER, DETECTOR, STAND_IN))
        return cls(
            sensors=tuple(description["sensors"]),
            grid_s=float(description["grid_s"]),
            scaler=MinMaxScaler(**scaler),
            detector=restore(description["detector"], weights),
            threshold=float(description["threshold"]),
            calibration=Calibration(**description["calibration"]),
            stand_in=StandIn(**stand_in),
        )


def _part(arrays: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The arrays whose names begin with a prefix, without it."""
    return {name.removeprefix(prefix): arrays[name] for name in arrays if name.startswith(prefix)}
