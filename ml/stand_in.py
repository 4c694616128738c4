"""What a silent sensor would have said, so that the others can still be judged. Judging does not belong here.

A sensor that is missing, or stuck at one value as it never was in training, tells nothing of the machine. Its place is
taken by what the other sensors lead one to expect (the conditional mean of a normal distribution) plus the ordinary
unrest that it had in a normal window: a line without noise would itself look strange.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.arrays import BoolArray, FloatArray

RIDGE: Final = 1e-4
"""Added to variances, in squared training ranges: sensors that follow each other exactly would divide by zero."""


@dataclass(frozen=True)
class StandIn:
    """How the sensors of normal windows go together; everything is scaled.

    Attributes:
        centre: Mean of each sensor, shape (sensor,).
        covariance: Shape (sensor, sensor).
        normal_window: A window as ordinary as any, shape (time, sensor).
        is_lively: Sensors that no training window saw stand still, shape (sensor,).
    """

    centre: FloatArray
    covariance: FloatArray
    normal_window: FloatArray
    is_lively: BoolArray

    @classmethod
    def fit(cls, windows: FloatArray, scores: FloatArray) -> "StandIn":
        """Learn from training windows.

        Args:
            windows: Scaled, shape (window, time, sensor).
            scores: A detector's, shape (window,); the window nearest to the median is the ordinary one.
        """
        values = windows[:, -1, :].astype(np.float64)
        covariance = np.atleast_2d(np.cov(values, rowvar=False)) + RIDGE * np.eye(values.shape[1])
        ordinary = int(np.argmin(np.abs(scores - np.median(scores))))
        is_lively: BoolArray = np.logical_not(_is_still(windows).any(axis=0))
        return cls(values.mean(axis=0), covariance, windows[ordinary].astype(np.float64), is_lively)

    def silent(self, windows: FloatArray) -> BoolArray:
        """Tell which sensors say nothing in which windows: with a hole, or stuck; shape (window, sensor)."""
        return np.isnan(windows).any(axis=1) | (_is_still(windows) & self.is_lively)

    def mend(self, windows: FloatArray) -> FloatArray:
        """Put stand-ins in the place of silent sensors.

        Args:
            windows: Scaled, shape (window, time, sensor), NaN where a sensor is missing. Not changed.

        Returns:
            Same shape, float32, without NaN; windows without a silent sensor are as they were.
        """
        mended: FloatArray = windows.astype(np.float32)
        silent = self.silent(windows)
        troubled = np.flatnonzero(silent.any(axis=1))
        for pattern in np.unique(silent[troubled], axis=0):
            rows = troubled[(silent[troubled] == pattern).all(axis=1)]
            mended[np.ix_(rows, np.arange(windows.shape[1]), np.flatnonzero(pattern))] = self._expected(
                windows[rows][:, :, ~pattern], pattern
            )
        return mended

    def _expected(self, speaking: FloatArray, is_silent: BoolArray) -> FloatArray:
        """Values of the silent sensors given the others', shape (window, time, silent sensor)."""
        weights = np.linalg.solve(
            self.covariance[np.ix_(~is_silent, ~is_silent)], self.covariance[np.ix_(~is_silent, is_silent)]
        )  # (speaking, silent)
        departures = speaking - self.centre[~is_silent]
        normal = self.normal_window - self.centre
        unrest = normal[:, is_silent] - normal[:, ~is_silent] @ weights  # (time, silent)
        expected: FloatArray = self.centre[is_silent] + departures @ weights + unrest
        return expected


def _is_still(windows: FloatArray) -> BoolArray:
    """Sensors that have one and the same value throughout a window, shape (window, sensor)."""
    still: BoolArray = (windows == windows[:, :1, :]).all(axis=1)
    return still
