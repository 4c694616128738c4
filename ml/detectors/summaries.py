"""A window in a few numbers per sensor, for detectors without a memory. Learning does not belong here."""

import numpy as np

from ml.arrays import FloatArray

SUMMARY_COUNT = 3
"""Numbers per sensor: level, spread, slope."""

SPREAD_FLOOR = 1e-4
"""Least standard deviation, as a share of the training range: a stuck sensor is far from normal, not infinitely far."""


def summarize(windows: FloatArray) -> FloatArray:
    """Reduce each window to level, spread and slope of each sensor.

    Args:
        windows: Scaled, shape (window, time, sensor).

    Returns:
        Shape (window, 3 * sensor): the means, then the logarithms of the standard deviations around the slope, then
        the slopes over the window. The logarithm makes a stuck sensor as visible as a noisy one.
    """
    time = np.linspace(-0.5, 0.5, windows.shape[1])
    values = windows.astype(np.float64)
    levels = values.mean(axis=1)
    slopes = np.einsum("t,wts->ws", time, values) / np.square(time).sum()
    squares = np.square(values).mean(axis=1) - np.square(levels) - np.square(slopes) * np.square(time).mean()
    spreads = np.log(np.sqrt(np.maximum(squares, 0.0)) + SPREAD_FLOOR)
    return np.concatenate([levels, spreads, slopes], axis=1)
