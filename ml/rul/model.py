"""A trained model of remaining life with all it takes to judge readings, and its files. It does not train."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.arrays import FloatArray
from ml.errors import SensorMismatch
from ml.rul.boosting import BoostedTrees
from ml.rul.conformal import Correction
from ml.rul.cross_fit import mean_forecast
from ml.rul.histories import History, cut
from ml.rul.protocol import Estimator, Forecast
from ml.rul.sequence.estimator import SequenceModel

DESCRIPTION_FILE = "model.json"
WEIGHTS_FILE = "weights.npz"
ESTIMATORS: Mapping[str, type[SequenceModel] | type[BoostedTrees]] = {
    kind.name: kind for kind in (SequenceModel, BoostedTrees)
}


@dataclass(frozen=True)
class RemainingLifeModel:
    """The estimators of all folds, and the correction of their intervals.

    Attributes:
        sensors: Metrics, in the order of the windows' last axis.
        step_s: Time between two steps, seconds; of a history in cycles, any.
        window_steps: Length of a window.
        members: Fitted estimators, all of one kind; the forecast is their mean.
    """

    sensors: tuple[str, ...]
    step_s: float
    window_steps: int
    members: tuple[Estimator, ...]
    correction: Correction

    @property
    def estimator(self) -> str:
        """Name of the kind of estimator."""
        return self.members[0].name

    @property
    def cap(self) -> float:
        """Remaining steps above which nothing is told apart."""
        return self.correction.cap

    def predict(self, windows: FloatArray, age: FloatArray) -> Forecast:
        """Forecast in steps.

        Args:
            windows: Shape (window, time, sensor), in the sensors' units; NaN before the start of a life.
            age: Steps lived when the window ends, shape (window,).

        Raises:
            SensorMismatch: The windows have another shape than the training's.
        """
        if windows.ndim != 3 or windows.shape[1:] != (self.window_steps, len(self.sensors)):
            raise SensorMismatch(
                f"Windows of shape {windows.shape} do not fit (window, {self.window_steps}, {len(self.sensors)})."
            )
        return self.correction.apply(mean_forecast(self.members, windows, age))

    def predict_last(self, histories: Sequence[History]) -> Forecast:
        """Forecast each history as of its last step, shape (history,)."""
        ends = [len(history.values) - 1 for history in histories]
        windows = np.concatenate(
            [
                cut(history.values, self.window_steps, np.array([end]))
                for history, end in zip(histories, ends, strict=True)
            ]
        )
        return self.predict(windows, np.array(ends) + 1.0)

    def save(self, folder: Path) -> None:
        """Write the model as JSON and plain arrays; nothing is pickled."""
        folder.mkdir(parents=True, exist_ok=True)
        description = {
            "estimator": self.estimator,
            "member_count": len(self.members),
            "sensors": self.sensors,
            "step_s": self.step_s,
            "window_steps": self.window_steps,
            "cap_steps": self.cap,
            "correction_lower": self.correction.lower.tolist(),
            "correction_upper": self.correction.upper.tolist(),
        }
        (folder / DESCRIPTION_FILE).write_text(json.dumps(description, indent=2), encoding="utf-8")
        arrays = {
            f"{number}.{name}": np.asarray(value)
            for number, member in enumerate(self.members)
            for name, value in member.weights().items()
        }
        np.savez_compressed(folder / WEIGHTS_FILE, allow_pickle=False, **arrays)

    @classmethod
    def load(cls, folder: Path) -> "RemainingLifeModel":
        """Read what `save` wrote."""
        about: Mapping[str, Any] = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        weights: list[dict[str, Any]] = [{} for _ in range(about["member_count"])]
        with np.load(folder / WEIGHTS_FILE, allow_pickle=False) as arrays:
            for key in arrays:
                number, _, name = key.partition(".")
                weights[int(number)][name] = arrays[key]
        bounds = (np.array(about["correction_lower"]), np.array(about["correction_upper"]))
        return cls(
            sensors=tuple(about["sensors"]),
            step_s=float(about["step_s"]),
            window_steps=int(about["window_steps"]),
            members=tuple(ESTIMATORS[about["estimator"]].restore(own) for own in weights),
            correction=Correction(float(about["cap_steps"]), *bounds),
        )
