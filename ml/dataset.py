"""The windows of one training, in three parts by time. Fitting on them and judging by them do not belong here.

Each equipment's own time is divided: the earliest part teaches, the next is held out for threshold and calibration, the
latest judges. No window reaches across a border, so what judges is strictly later than what taught. The first two are
windows, thinned evenly; the last is kept as stretches in order of time.
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
from ml.stretches import LEAST_WINDOWS_EACH, Stretch, plan, stretches_in
from ml.trimming import ordinary_windows
from ml.windows import FILL_STEPS, LEAD_STEPS, WINDOW_STEPS, cut, window_ends

FIT_UNTIL = 0.45
HELD_OUT_UNTIL = 0.60
"""Shares of each equipment's time: normal operation is assumed before, and the faults that matter come last."""

SLOWEST_STEPS = FILL_STEPS // 2 + 1
"""Steps between two readings that forward filling bridges with a margin for jitter."""

LEAST_WINDOWS = {"fit": 200, "held_out": 60}
PART_NAMES = (*LEAST_WINDOWS, "later")
LATER = PART_NAMES.index("later")
_ADVICE = "wait for more readings, or set MILLRACE_ML_GRID_S to the interval at which its sensors report."


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
        stride: One window is taken every so many steps, of the parts that teach.
        trimmed_count: Windows that would teach, had something strange not happened in them.
        later: What judges.
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
    later: tuple[Stretch, ...]
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

    @property
    def borders(self) -> list[int]:
        """First steps of the parts after the first."""
        return [self.steps.start + int(len(self.steps) * share) for share in (FIT_UNTIL, HELD_OUT_UNTIL)]

    def part_of(self, ends: IntArray) -> IntArray:
        """Index in PART_NAMES of the windows that end at these steps; -1 for those that reach across a border."""
        parts = np.searchsorted(self.borders, ends, side="right")
        return np.where(np.searchsorted(self.borders, ends - LEAD_STEPS, side="right") == parts, parts, -1)

    @property
    def later(self) -> range:
        """Ends of the windows that judge."""
        return range(min(self.borders[-1] + LEAD_STEPS, self.steps.stop), self.steps.stop)


def read_training_data(
    connection: Connection, equipment_class: str, *, grid_s: float | None, history_days: float, max_windows: int
) -> TrainingData:
    """Read what a training needs, chunk by chunk.

    Kept are no more than about `max_windows` windows to learn from and as many steps to judge by.

    Args:
        connection: In a transaction that sees one snapshot (REPEATABLE READ).
        equipment_class: Whose readings.
        grid_s: The grid, or None to take the median sampling interval.
        history_days: Days before the newest reading.
        max_windows: Of windows, and of steps that judge; more are thinned evenly.

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
    collector = _Collector(stride, plan([span.later for span in spans], max_windows))
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
    later = [replace(one, values=one.values[:, ~is_drifting]) for one in collector.later(equipment_class)]
    return TrainingData(
        equipment=tuple(span.equipment for span in spans),
        sensors=tuple(np.array(sensors)[~is_drifting].tolist()),
        left_out=tuple(np.array(sensors)[is_drifting].tolist()),
        grid_s=grid,
        stride=stride,
        fit=fit,
        held_out=parts["held_out"],
        later=tuple(later),
        spread=_spread(fit),
        trimmed_count=int((~is_ordinary).sum()),
        reading_count=sum(signal.reading_count for signal in signals),
        sha256=digest.hexdigest(),
        started_at=min(signal.first_at for signal in signals),
        ended_at=max(signal.last_at for signal in signals),
        as_of=connection.execute(text("select now()")).scalar_one(),
    )


class _Collector:
    """Takes windows of frame after frame, one every `stride` steps, and the planned stretches of the later part."""

    def __init__(self, stride: int, planned: Sequence[Sequence[range]]) -> None:
        self._stride = stride
        self._planned = planned
        self._stretches: list[Stretch] = []
        self._taken: list[tuple[IntArray, FloatArray, IntArray]] = []  # part, windows, equipment

    def add(self, frame: Frame, span: Span, index: int) -> None:
        """Take the windows of a frame that end at an observed step, and its stretches."""
        self._stretches += stretches_in(frame, index, self._planned[index])
        ends = window_ends(frame.values)
        ends = ends[frame.is_observed[ends] & ((ends + frame.first_step) % self._stride == 0)]
        part = span.part_of(ends + frame.first_step)
        teaches = (part >= 0) & (part < LATER)
        ends, part = ends[teaches], part[teaches]
        self._taken.append((part, cut(frame.values, ends), np.full(len(ends), index, dtype=np.int64)))

    def parts(self, equipment_class: str, sensor_count: int) -> dict[str, Part]:
        """All windows of the parts that teach.

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
                    f"{name!r} of its history, {least} are needed: {_ADVICE}"
                )
        return found

    def later(self, equipment_class: str) -> tuple[Stretch, ...]:
        """The stretches that judge, by equipment and time.

        Raises:
            NotEnoughData: There is none.
        """
        if not self._stretches:
            raise NotEnoughData(
                f"Equipment class {equipment_class!r} has nowhere {LEAST_WINDOWS_EACH} complete windows in a row in "
                f"the later part of its history, by which models are judged: {_ADVICE}"
            )
        return tuple(self._stretches)


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
