"""The best single-sensor rule: the robust z-score of one sensor, a naive baseline. `ml.contest` chooses the sensor."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.naive import AlwaysOnDetector
from ml.detectors.protocol import Progress, Weights
from ml.errors import NotFitted

MAD_TO_SD = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation (Rousseeuw and Croux 1993)."""

LEAST_SPREAD = 1e-6
"""Of a sensor that hardly moved in training, in training ranges."""


class SingleSensorDetector(AlwaysOnDetector):
    """Scores a window by how far one sensor's last value lies from its median, in robust standard deviations.

    Args:
        sensor: Index of the sensor.
    """

    name: ClassVar[str] = "single_sensor"

    def __init__(self, sensor: int) -> None:
        self.params = {"sensor": sensor}
        self._sensor = sensor
        self._centre: float | None = None
        self._spread = LEAST_SPREAD

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Learn the sensor's median and spread; `seed` does not matter."""
        values = windows[:, -1, self._sensor].astype(np.float64)
        self._centre = float(np.median(values))
        self._spread = max(MAD_TO_SD * float(np.median(np.abs(values - self._centre))), LEAST_SPREAD)
        return {}

    def score(self, windows: FloatArray) -> FloatArray:
        """Return the distances, shape (window,)."""
        if self._centre is None:
            raise NotFitted("This single-sensor rule has not been fitted: call fit() first.")
        distances: FloatArray = np.abs(windows[:, -1, self._sensor] - self._centre) / self._spread
        return distances

    def explain(self, windows: FloatArray) -> FloatArray:
        """Return all of it for the one sensor, shape (window, sensor)."""
        shares = np.zeros((len(windows), windows.shape[2]))
        shares[:, self._sensor] = 1.0
        return shares

    def weights(self) -> Weights:
        """Return sensor, median and spread."""
        return {"rule": np.array([self._sensor, self._centre or 0.0, self._spread])}

    @classmethod
    def restore(cls, weights: Weights) -> "SingleSensorDetector":
        """Build it again."""
        rule = weights["rule"]
        detector = cls(int(rule[0]))
        detector._centre, detector._spread = float(rule[1]), float(rule[2])
        return detector
