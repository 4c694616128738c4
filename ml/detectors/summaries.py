"""A window in a few numbers per sensor, for detectors without a memory. Learning does not belong here."""

from typing import Final

import numpy as np

from ml.arrays import FloatArray

SUMMARY_COUNT: Final = 2
"""Numbers per sensor: level, spread."""

SMOOTHING_STEPS: Final = 8.0
"""Time constant of the level, in grid steps: it follows a jump within a window and forgets one as fast."""

SPREAD_FLOOR: Final = 1e-4
"""Least standard deviation, as a share of the training range: a stuck sensor is far from normal, not infinitely far."""


def summarize(windows: FloatArray) -> FloatArray:
    """Reduce each window to level and spread of each sensor.

    Args:
        windows: Scaled, shape (window, time, sensor).

    Returns:
        Shape (window, 2 * sensor): the exponentially smoothed values at the window's end, then the logarithms of the
        standard deviations around the line through the window. The logarithm makes a stuck sensor as visible as a
        noisy one.
    """
    values = windows.astype(np.float64)
    levels = np.einsum("t,wts->ws", smoothing_weights(windows.shape[1]), values)
    time = np.linspace(-0.5, 0.5, windows.shape[1])
    # Squares of what is left of the mean: of the values themselves, a stuck sensor would leave rounding, not nothing.
    values -= values.mean(axis=1, keepdims=True)
    slopes = np.einsum("t,wts->ws", time, values) / np.square(time).sum()
    squares = np.square(values).mean(axis=1) - np.square(slopes) * np.square(time).mean()
    spreads = np.log(np.sqrt(np.maximum(squares, 0.0)) + SPREAD_FLOOR)
    return np.concatenate([levels, spreads], axis=1)


def smoothing_weights(steps: int) -> FloatArray:
    """Weights of a window's values in its level, the newest the heaviest, shape (time,); their sum is 1."""
    weights = np.exp((np.arange(steps) - steps + 1) / SMOOTHING_STEPS)
    return np.asarray(weights / weights.sum())
