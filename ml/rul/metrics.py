"""Figures of merit of remaining-life forecasts, as small pure functions. What is judged is chosen elsewhere."""

import numpy as np

from ml.arrays import FloatArray

EARLY_SCALE = 13.0
LATE_SCALE = 10.0


def rmse(expected: FloatArray, truth: FloatArray) -> float:
    """Root of the mean squared error, in the unit of both, shape (window,)."""
    return float(np.sqrt(np.mean((expected - truth) ** 2)))


def nasa_score(expected: FloatArray, truth: FloatArray) -> float:
    """Sum of exponential penalties, late forecasts dearer than early ones; 0 is perfect.

    With d = expected - truth: exp(-d / 13) - 1 for d < 0, else exp(d / 10) - 1 (Saxena et al., PHM 2008, equation 11).

    Args:
        expected: In cycles, shape (equipment,).
        truth: In cycles, shape (equipment,).
    """
    late = expected - truth
    return float(np.where(late < 0, np.expm1(-late / EARLY_SCALE), np.expm1(late / LATE_SCALE)).sum())


def coverage(lower: FloatArray, upper: FloatArray, truth: FloatArray) -> float:
    """Share of truths inside their interval, bounds included, 0-1."""
    return float(np.mean((lower <= truth) & (truth <= upper)))


def mean_width(lower: FloatArray, upper: FloatArray) -> float:
    """Mean width of the intervals, in the unit of the bounds."""
    return float(np.mean(upper - lower))
