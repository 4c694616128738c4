"""What every estimator of remaining life can do. Estimators themselves and their calibration do not belong here."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Protocol

from ml.arrays import FloatArray
from ml.detectors.protocol import Weights
from ml.rul.histories import Samples

LOWER_QUANTILE = 0.05
UPPER_QUANTILE = 0.95
"""The two ends of a 90 % interval."""


@dataclass(frozen=True)
class Forecast:
    """Remaining life with its 90 % interval; every field has shape (window,), in steps.

    Attributes:
        expected: Mean, never above the cap.
        lower: With a probability of 95 % it lasts at least so long.
        upper: With a probability of 95 % it lasts at most so long.
    """

    expected: FloatArray
    lower: FloatArray
    upper: FloatArray


class Estimator(Protocol):
    """Learns from lives that ended how much of a life is left."""

    name: ClassVar[str]

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters, as MLflow records them."""
        ...

    def fit(self, samples: Samples, *, cap: float, seed: int) -> None:
        """Learn; scales and everything else come from these samples alone.

        Args:
            samples: Of the equipment to learn from.
            cap: Remaining steps above which nothing is told apart: the target is min(remaining, cap).
            seed: Of everything that is left to chance.
        """
        ...

    def predict(self, windows: FloatArray, age: FloatArray) -> Forecast:
        """Forecast, without calibration.

        Args:
            windows: Shape (window, time, sensor), in the sensors' units, NaN before the start of a life.
            age: Steps lived, shape (window,).

        Raises:
            NotFitted: `fit` was never called.
            SensorMismatch: The windows have another shape than those of the training.
        """
        ...

    def weights(self) -> Weights:
        """Return everything learnt."""
        ...

    @classmethod
    def restore(cls, weights: Weights) -> "Estimator":
        """Build the fitted estimator again from `weights()`."""
        ...
