"""Irregular readings onto the declared time grid. Reading tables and cutting windows do not belong here.

Step k of a grid of g microseconds ends at k * g since 1970-01-01 UTC and holds the readings of (end - g, end], so that
nothing later than a step's own time is in it.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from ml.arrays import FloatArray, IntArray

MICROSECONDS = 1_000_000
SHORTEST_GRID_S = 0.001
UNIX_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds_of(at: datetime) -> int:
    """Microseconds since 1970-01-01 UTC, exactly."""
    return (at - UNIX_EPOCH) // timedelta(microseconds=1)


def datetime_of(unix_us: int) -> datetime:
    """The UTC time that is so many microseconds after 1970-01-01."""
    return UNIX_EPOCH + timedelta(microseconds=unix_us)


def sampling_interval_s(event_times: Iterable[IntArray]) -> float | None:
    """The usual time between two readings: the median over signals of each one's median interval.

    Args:
        event_times: One array per signal, ascending, in microseconds.

    Returns:
        Seconds; None where no signal has two readings.
    """
    medians = [float(np.median(np.diff(times))) for times in event_times if len(times) > 1]
    return float(np.median(medians)) / MICROSECONDS if medians else None


def infer_grid_s(intervals_s: Iterable[float]) -> float:
    """Choose the grid that the data themselves suggest (C27).

    Args:
        intervals_s: Sampling interval of each metric, seconds; at least one.

    Returns:
        Their median in seconds, rounded to two significant digits, so that jitter does not make a grid of 59.98 s.
    """
    return max(float(f"{float(np.median(list(intervals_s))):.2g}"), SHORTEST_GRID_S)


def step_of(time_us: int, grid_us: int) -> int:
    """The step that holds a reading of this time."""
    return -(-time_us // grid_us)


def resample(
    times_us: IntArray, sensors: IntArray, values: FloatArray, *, grid_us: int, first_step: int, shape: tuple[int, int]
) -> FloatArray:
    """Average the readings of each grid step.

    Args:
        times_us: Event time of each reading, microseconds UTC, shape (reading,), in any order.
        sensors: Index of each reading's sensor, shape (reading,).
        values: Shape (reading,), in the sensor's unit.
        grid_us: Length of a step.
        first_step: Step of the first row of the result.
        shape: (time, sensor) of the result; readings outside it are left out.

    Returns:
        Means, shape (time, sensor); NaN where a step has no reading. Bit-identical whatever the order of readings.
    """
    # Sums of floats depend on their order: by time within a cell, as (signal, event time) is unique.
    if not _are_sorted(times_us, sensors):
        order = np.lexsort((times_us, sensors))
        times_us, sensors, values = times_us[order], sensors[order], values[order]
    rows = -(-times_us // grid_us) - first_step
    inside = (rows >= 0) & (rows < shape[0])
    if not inside.all():
        rows, sensors, values = rows[inside], sensors[inside], values[inside]
    cells = rows * shape[1] + sensors
    sums = np.bincount(cells, weights=values, minlength=shape[0] * shape[1])
    counts = np.bincount(cells, minlength=shape[0] * shape[1])
    with np.errstate(invalid="ignore"):
        means: FloatArray = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)
    return means.reshape(shape)


def _are_sorted(times_us: IntArray, sensors: IntArray) -> bool:
    """Whether readings stand by sensor and then by time, as an index hands them out; sorting them again is dear."""
    further = sensors[1:] > sensors[:-1]
    return bool(np.all(further | ((sensors[1:] == sensors[:-1]) & (times_us[1:] >= times_us[:-1]))))


def forward_fill(matrix: FloatArray, limit: int) -> FloatArray:
    """Carry the last value forward over at most `limit` empty steps.

    Args:
        matrix: Shape (time, sensor), NaN where empty.
        limit: Steps that a value stays believable.

    Returns:
        Shape (time, sensor); longer gaps stay NaN and so break windows.
    """
    if not np.isnan(matrix).any():
        return matrix
    rows = np.arange(len(matrix))[:, None]
    last_seen = np.maximum.accumulate(np.where(np.isnan(matrix), -1, rows), axis=0)
    filled = np.take_along_axis(matrix, np.maximum(last_seen, 0), axis=0)
    return np.where((last_seen >= 0) & (rows - last_seen <= limit), filled, np.nan)
