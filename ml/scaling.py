"""MinMax scaling to 0-1, fitted on training windows only (S2-020). Scaling per machine does not belong here."""

from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray
from ml.errors import NotEnoughData


@dataclass(frozen=True)
class MinMaxScaler:
    """Maps each sensor's training range to 0-1; later values may lie outside, and that is information.

    Attributes:
        low: Smallest training value of each sensor, shape (sensor,), in its unit.
        high: Largest, shape (sensor,).
    """

    low: FloatArray
    high: FloatArray

    @classmethod
    def fit(cls, windows: FloatArray) -> "MinMaxScaler":
        """Learn the ranges.

        Args:
            windows: Training windows, shape (window, time, sensor), in the sensors' units.

        Raises:
            NotEnoughData: There are no windows.
        """
        if not len(windows):
            raise NotEnoughData("There is no training window to fit the scaler on.")
        return cls(windows.min(axis=(0, 1)).astype(np.float64), windows.max(axis=(0, 1)).astype(np.float64))

    @property
    def span(self) -> FloatArray:
        """What becomes one, shape (sensor,), in the sensor's unit.

        A sensor that never moved in training has no range: its departures are measured in units of one percent of its
        value, so that it neither divides by zero nor drowns the others.
        """
        span = self.high - self.low
        return np.where(span > 0, span, np.maximum(np.abs(self.high) * 0.01, 1e-6))

    def scale(self, windows: FloatArray) -> FloatArray:
        """Scale windows, shape (window, time, sensor), to training range = 0-1, float32."""
        scaled: FloatArray = ((windows - self.low) / self.span).astype(np.float32)
        return scaled

    def unscale(self, values: FloatArray) -> FloatArray:
        """Back to the sensors' units; values of shape (…, sensor)."""
        return np.asarray(values * self.span + self.low)
