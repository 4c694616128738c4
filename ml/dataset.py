"""The windows of one training, in three parts by time. Fitting on them and judging by them do not belong here.

Each equipment's own time is divided: the earliest part teaches, the next is held out for threshold and calibration, the
latest judges. No window reaches across a border, so what judges is strictly later than what taught.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
from sqlalchemy import Connection, text

from ml.arrays import FloatArray, IntArray
from ml.errors import NotEnoughData
from ml.features import Equipment, Frame, Signal, frames, sampling_intervals_s, signals_of
from ml.grid import MICROSECONDS, infer_grid_s, microseconds_of, step_of
from ml.sensor_choice import drifting_sensors
from ml.trimming import ordinary_windows
from ml.windows import FILL_STEPS, LEAD_STEPS, WINDOW_STEPS, cut, window_ends

FIT_UNTIL = 0.45
HELD_OUT_UNTIL = 0.60
"""Shares of each equipment's time: normal operation is assumed before, and the faults that matter come last."""

SLOWEST_STEPS = FILL_STEPS // 2 + 1
"""Steps between two readings that forward filling bridges with a margin for jitter."""

LEAST_WINDOWS = {"fit": 200, "held_out": 60, "later": 100}
PART_NAMES = tuple(LEAST_WINDOWS)


@dataclass(frozen=True)
class Part:
    """Windows of one part.

    Attributes:
        windows: Shape (window, time, sensor), float32, in the sensors' units.
        equipment: Index of each window's equipment, shape (window,).
    """

    windows: FloatArray
    equipment: IntArray


@dataclass(frozen=True)
class TrainingData:
    """All that one training sees; times are UTC.

    Attributes:
        sensors: Metrics, in the order of the windows' last axis.
        left_out: Metrics that drift with their surroundings, and are not among them.
        stride: One window is taken every so many steps.
        trimmed_count: Windows that would teach, had something strange not happened in them.
        spread: Normal standard deviation of each sensor within a machine, shape (sensor,), in its unit.
        sha256: Of the readings on the grid, in order: the same data give the same digest.
        as_of: What the warehouse knew at this moment.
    """

    equipment: tuple[Equipment, ...]
    sensors: tuple[str, ...]
    left_out: tuple[str, ...]
    grid_s: float
    stride: int
    fit: Part
    held_out: Part
    later: Part
    spread: FloatArray
    trimmed_count: int
    reading_count: int
    sha256: str
    started_at: datetime
    ended_at: datetime
    as_of: datetime


@dataclass(frozen=True)
class Span:
    """The steps of one equipment, and where its parts begin."""

    equipment: Equipment
    steps: range

    def part_of(self, ends: IntArray) -> IntArray:
        """Index in PART_NAMES of the windows that end at these steps; -1 for those that reach across a border."""
        borders = [self.steps.start + int(len(self.steps) * share) for share in (FIT_UNTIL, HELD_OUT_UNTIL)]
        parts = np.searchsorted(borders, ends, side="right")
        return np.where(np.searchsorted(borders, ends - LEAD_STEPS, side="right") == parts, parts, -1)


def read_training_data(
    connection: Connection, equipment_class: str, *, grid_s: float | None, history_days: float, max_windows: int
) -> TrainingData:
    """Read what a training needs, chunk by chunk; no more than about `max_windows` windows are kept.

    Args:
        connection: In a transaction that sees one snapshot (REPEATABLE READ).
        equipment_class: Whose readings.
        grid_s: The grid, or None to take the median sampling interval.
        history_days: Days before the newest reading.
        max_windows: Windows to keep; more are thinned evenly.

    Raises:
        NotEnoughData: One of the parts would be too small.
    """
    signals = signals_of(connection, equipment_class, history_days)
    intervals_s = sampling_intervals_s(connection, signals)
    if not intervals_s:
        raise NotEnoughData(f"No signal of equipment class {equipment_class!r} has two readings; push more first.")
    grid = grid_s or infer_grid_s(intervals_s.values())
    grid_us = round(grid * MICROSECONDS)
    sensors = common_sensors(signals, intervals_s, grid)
    spans = spans_of(signals, sensors, grid_us)
    stride = max(1, -(-sum(len(span.steps) for span in spans) // max_windows))
    collector = _Collector(stride)
    digest = hashlib.sha256(repr((sensors, grid_us)).encode())
    for index, span in enumerate(spans):
        digest.update(repr((span.equipment, span.steps.start)).encode())
        for frame in frames(connection, span.equipment, sensors, grid_us, span.steps):
            digest.update(bytes_of(frame))
            collector.add(frame, span, index)
    parts = collector.parts(equipment_class, len(sensors))
    is_drifting = drifting_sensors(parts["fit"].windows, parts["fit"].equipment)
    parts = {name: replace(part, windows=part.windows[:, :, ~is_drifting]) for name, part in parts.items()}
    is_ordinary = ordinary_windows(parts["fit"].windows, parts["fit"].equipment, stride)
    fit = Part(parts["fit"].windows[is_ordinary], parts["fit"].equipment[is_ordinary])
    return TrainingData(
        equipment=tuple(span.equipment for span in spans),
        sensors=tuple(np.array(sensors)[~is_drifting].tolist()),
        left_out=tuple(np.array(sensors)[is_drifting].tolist()),
        grid_s=grid,
        stride=stride,
        fit=fit,
        held_out=parts["held_out"],
        later=parts["later"],
        spread=_spread(fit),
        trimmed_count=int((~is_ordinary).sum()),
        reading_count=sum(signal.reading_count for signal in signals),
        sha256=digest.hexdigest(),
        started_at=min(signal.first_at for signal in signals),
        ended_at=max(signal.last_at for signal in signals),
        as_of=connection.execute(text("select now()")).scalar_one(),
    )


class _Collector:
    """Takes the windows of frame after frame, one every `stride` steps."""

    def __init__(self, stride: int) -> None:
        self._stride = stride
        self._taken: list[tuple[IntArray, FloatArray, IntArray]] = []  # part, windows, equipment

    def add(self, frame: Frame, span: Span, index: int) -> None:
        """Take the windows of a frame that end at an observed step."""
        ends = window_ends(frame.values)
        ends = ends[frame.is_observed[ends] & ((ends + frame.first_step) % self._stride == 0)]
        part = span.part_of(ends + frame.first_step)
        ends, part = ends[part >= 0], part[part >= 0]
        self._taken.append((part, cut(frame.values, ends), np.full(len(ends), index, dtype=np.int64)))

    def parts(self, equipment_class: str, sensor_count: int) -> dict[str, Part]:
        """All windows by part.

        Raises:
            NotEnoughData: A part is too small.
        """
        found = {}
        for number, (name, least) in enumerate(LEAST_WINDOWS.items()):
            windows = [taken[part == number] for part, taken, _ in self._taken]
            equipment = [owners[part == number] for part, _, owners in self._taken]
            empty = np.empty((0, WINDOW_STEPS, sensor_count), dtype=np.float32)
            found[name] = Part(np.concatenate([empty, *windows]), np.concatenate([np.empty(0, np.int64), *equipment]))
            if len(found[name].windows) < least:
                raise NotEnoughData(
                    f"Equipment class {equipment_class!r} has {len(found[name].windows)} complete windows in part "
                    f"{name!r} of its history, {least} are needed: wait for more readings, or set MILLRACE_ML_GRID_S "
                    "to the interval at which its sensors report."
                )
        return found


def bytes_of(frame: Frame) -> bytes:
    """The observed rows of a frame without its lead, each with its step: the same however the frames are cut."""
    rows = np.flatnonzero(frame.is_observed[LEAD_STEPS:]) + LEAD_STEPS
    steps = (rows + frame.first_step)[:, None].astype("<f8")
    return np.hstack([steps, frame.values[rows]]).astype("<f8").tobytes()


def common_sensors(signals: Sequence[Signal], intervals_s: Mapping[str, float], grid_s: float) -> tuple[str, ...]:
    """Metrics that at least half of the equipment has and that keep up with the grid: rarer ones break all windows.

    Raises:
        NotEnoughData: There is none.
    """
    equipment = {signal.equipment for signal in signals}
    having = Counter(signal.metric for signal in signals)
    common = [
        metric
        for metric, interval_s in intervals_s.items()
        if 2 * having[metric] >= len(equipment) and interval_s <= SLOWEST_STEPS * grid_s
    ]
    if not common:
        raise NotEnoughData(
            f"No metric reports every {SLOWEST_STEPS * grid_s:g} s on half of the equipment: set MILLRACE_ML_GRID_S to "
            "the interval at which the sensors report."
        )
    return tuple(sorted(common))


def spans_of(signals: Sequence[Signal], sensors: Sequence[str], grid_us: int) -> list[Span]:
    """From the first to the last reading of each equipment."""
    members = sorted({signal.equipment for signal in signals})
    spans = []
    for member in members:
        own = [signal for signal in signals if signal.equipment == member and signal.metric in sensors]
        if own:
            first = min(step_of(microseconds_of(signal.first_at), grid_us) for signal in own)
            last = max(step_of(microseconds_of(signal.last_at), grid_us) for signal in own)
            spans.append(Span(member, range(first, last + 1)))
    return spans


def _spread(part: Part) -> FloatArray:
    """Standard deviation of each sensor within a machine, over machines, shape (sensor,)."""
    members = [part.windows[part.equipment == member] for member in np.unique(part.equipment)]
    variances = [np.var(windows.astype(np.float64), axis=(0, 1)) for windows in members]
    spread: FloatArray = np.sqrt(np.mean(variances, axis=0))
    return spread
