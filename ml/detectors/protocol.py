"""What every detector can do. Detectors themselves, thresholds and calibration do not belong here."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Protocol, TypeAlias

from numpy.typing import NDArray

from ml.arrays import FloatArray

Weights: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by name: all that a fitted detector is, so that no pickle is ever needed."""

Progress: TypeAlias = Callable[[str, float], None]
"""Called with what is going on and how much of it is done, 0-1."""


class Detector(Protocol):
    """Learns normal operation from scaled windows and says how far others depart from it.

    Windows are shape (window, time, sensor), scaled by `ml.scaling`, and may come in any number.
    """

    name: ClassVar[str]

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters, as MLflow records them."""
        ...

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Learn from windows of normal operation; return the curves of the training (loss by epoch), if any."""
        ...

    def score(self, windows: FloatArray) -> FloatArray:
        """Return anomaly scores, shape (window,), dimensionless; higher is stranger.

        Raises:
            NotFitted: `fit` was never called.
            SensorMismatch: The windows have another shape than those of the training.
        """
        ...

    def explain(self, windows: FloatArray) -> FloatArray:
        """Return each sensor's share of each window's score, shape (window, sensor); rows sum to 1."""
        ...

    def weights(self) -> Weights:
        """Return everything learnt."""
        ...

    @classmethod
    def restore(cls, weights: Weights) -> "Detector":
        """Build the fitted detector again from `weights()`."""
        ...
