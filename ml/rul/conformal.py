"""Calibrates intervals on equipment that the estimator has not seen (conformalised quantile regression).

Romano, Patterson, Candès, "Conformalized Quantile Regression", NeurIPS 2019, with each bound corrected by itself and in
bins of the expected value (Mondrian), since a forecast is worst where most life is left. Estimators do not belong here.
"""

from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.rul.protocol import LOWER_QUANTILE, Forecast

BIN_EDGES = (0.2, 0.4, 0.6, 0.8, 0.92)
"""Between bins, as shares of the cap."""


@dataclass(frozen=True)
class Correction:
    """How far each bound is moved outwards, by bin, in steps; negative moves it inwards.

    Attributes:
        cap: Of the estimator, steps.
        lower: Shape (bin,).
        upper: Shape (bin,).
    """

    cap: float
    lower: FloatArray
    upper: FloatArray

    @classmethod
    def fit(cls, forecast: Forecast, remaining: FloatArray, owner: IntArray, cap: float) -> "Correction":
        """Learn from forecasts about held-out equipment.

        Args:
            forecast: By estimators that never saw the equipment.
            remaining: Truth, not capped, steps, shape (window,).
            owner: Index of each window's equipment, shape (window,).
            cap: Of the estimators, steps.
        """
        bins = _bins(forecast.expected, cap)
        lower, upper = np.zeros(len(BIN_EDGES) + 1), np.zeros(len(BIN_EDGES) + 1)
        for index in range(len(lower)):
            mine = bins == index
            if not mine.any():
                continue
            lower[index] = bound_of(forecast.lower[mine] - remaining[mine], owner[mine])
            upper[index] = bound_of(remaining[mine] - forecast.upper[mine], owner[mine])
        return cls(cap, lower, upper)

    def apply(self, forecast: Forecast) -> Forecast:
        """Move the bounds; they stay on their sides of the expected value and at or above 0."""
        bins = _bins(forecast.expected, self.cap)
        lower = np.clip(forecast.lower - self.lower[bins], 0.0, forecast.expected)
        upper = np.maximum(forecast.upper + self.upper[bins], forecast.expected)
        return Forecast(forecast.expected, lower, upper)


def bound_of(misses: FloatArray, owner: IntArray) -> float:
    """The miss that 95 % of new equipment stay below, each equipment counting as much as any other.

    The windows of one equipment depend on one another, so the correction for few samples counts equipment: with n of
    them, the quantile of level 0.95 (n + 1) / n, and the worst miss where that is above 1.

    Args:
        misses: How far the truth lay outside the bound, steps, shape (window,).
        owner: Index of each window's equipment, shape (window,).
    """
    owners, inverse, counts = np.unique(owner, return_inverse=True, return_counts=True)
    level = min((1.0 - LOWER_QUANTILE) * (len(owners) + 1) / len(owners), 1.0)
    order = np.argsort(misses, kind="stable")
    weights = (1.0 / (counts[inverse] * len(owners)))[order]
    position = int(np.searchsorted(np.cumsum(weights), level - 1e-9))
    return float(misses[order][min(position, len(misses) - 1)])


def _bins(expected: FloatArray, cap: float) -> IntArray:
    return np.searchsorted(np.array(BIN_EDGES) * cap, expected).astype(np.int64)
