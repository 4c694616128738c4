"""Causal windows: a window ends at the step it judges and sees nothing later. Resampling does not belong here."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ml.arrays import FloatArray, IntArray
from ml.errors import SensorMismatch

WINDOW_STEPS = 30
"""Length of a window in grid steps (S2-019, C27)."""

FILL_STEPS = 5
"""Steps over which a value is carried forward; a longer gap breaks windows."""

LEAD_STEPS = WINDOW_STEPS - 1
"""Steps before a window's end that the window needs."""

REACH_STEPS = LEAD_STEPS + FILL_STEPS
"""Steps after a reading whose windows may still see it, directly or carried forward."""


def window_ends(matrix: FloatArray, least_sensors: int | None = None) -> IntArray:
    """Find the rows at which a window without holes ends.

    Args:
        matrix: Shape (time, sensor), NaN where there is nothing to see.
        least_sensors: How many sensors must be without a hole; None: all.

    Returns:
        Row indices, ascending, shape (window,).
    """
    if len(matrix) < WINDOW_STEPS:
        return np.empty(0, dtype=np.int64)
    seen = np.cumsum(np.isfinite(matrix), axis=0, dtype=np.int32)
    seen[WINDOW_STEPS:] -= seen[:-WINDOW_STEPS].copy()
    whole = (seen[LEAD_STEPS:] == WINDOW_STEPS).sum(axis=1)
    least = matrix.shape[1] if least_sensors is None else least_sensors
    return np.flatnonzero(whole >= least).astype(np.int64) + LEAD_STEPS


def cut(matrix: FloatArray, ends: IntArray) -> FloatArray:
    """Cut the windows that end at the given rows; only these are copied.

    Args:
        matrix: Shape (time, sensor).
        ends: Row indices, at least `LEAD_STEPS` each, shape (window,).

    Returns:
        Shape (window, time, sensor), float32.
    """
    if not len(ends):
        return np.empty((0, WINDOW_STEPS, matrix.shape[1]), dtype=np.float32)
    # Time before sensor: then the rows of a window lie together in memory, and are copied as one.
    views = sliding_window_view(matrix, WINDOW_STEPS, axis=0).transpose(0, 2, 1)  # (time - 29, 30, sensor)
    windows: FloatArray = views[ends - LEAD_STEPS].astype(np.float32, copy=False)
    return windows


def check_shape(windows: FloatArray, sensor_count: int) -> None:
    """Refuse windows that a model of `sensor_count` sensors cannot read.

    Raises:
        SensorMismatch: The shape is not (window, 30, sensor_count).
    """
    if windows.ndim != 3 or windows.shape[1:] != (WINDOW_STEPS, sensor_count):
        raise SensorMismatch(
            f"Windows of shape {windows.shape} do not fit a model of (window, {WINDOW_STEPS}, {sensor_count}): "
            "cut them with ml.windows from the model's own sensors."
        )
