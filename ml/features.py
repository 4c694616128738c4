"""Reads the readings of an equipment class, piece by piece, onto the grid. Windows are cut in `ml.windows`.

Everything comes from `marts.features_equipment_readings`, and no more than one chunk of one equipment is in memory.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import Connection, text

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.binary_copy import EPOCH_US, decode_arrays, driver_connection
from ml.errors import NotEnoughData
from ml.grid import datetime_of, forward_fill, microseconds_of, resample, sampling_interval_s, step_of
from ml.windows import FILL_STEPS, LEAD_STEPS

CHUNK_STEPS = 20_000
SAMPLE_READINGS = 500
SAMPLE_SIGNALS = 10


@dataclass(frozen=True, order=True)
class Equipment:
    """A piece of equipment."""

    site_code: str
    equipment_code: str


@dataclass(frozen=True)
class Signal:
    """What there is of one metric of one piece of equipment; times are UTC."""

    equipment: Equipment
    metric: str
    reading_count: int
    first_at: datetime
    last_at: datetime


@dataclass(frozen=True)
class Frame:
    """A chunk of one equipment on the grid.

    Attributes:
        first_step: Step of the first row; the first `LEAD_STEPS` rows repeat the end of the chunk before.
        values: Shape (time, sensor); NaN where nothing is known, gaps up to `FILL_STEPS` are filled.
        is_observed: Whether any sensor reported in the step itself, shape (time,).
    """

    first_step: int
    values: FloatArray
    is_observed: BoolArray


def equipment_of(connection: Connection, equipment_class: str) -> list[Equipment]:
    """All equipment of a class, in a fixed order."""
    rows = connection.execute(
        text(
            "select site_code, equipment_code from marts.dim_equipment"
            " where equipment_class = :equipment_class order by site_code, equipment_code"
        ),
        {"equipment_class": equipment_class},
    )
    return [Equipment(row.site_code, row.equipment_code) for row in rows]


def signals_of(connection: Connection, equipment_class: str, history_days: float) -> list[Signal]:
    """What the last `history_days` up to the newest reading hold, in a fixed order.

    Raises:
        NotEnoughData: There is no reading at all.
    """
    newest: datetime | None = connection.scalar(
        text(
            "select event_time from marts.features_equipment_readings"
            " where equipment_class = :equipment_class order by event_time desc limit 1"
        ),
        {"equipment_class": equipment_class},
    )
    if newest is None:
        raise NotEnoughData(f"There is no good reading of equipment class {equipment_class!r}; push some first.")
    return signals_between(connection, equipment_class, newest - timedelta(days=history_days), newest)


def signals_between(connection: Connection, equipment_class: str, after: datetime, until: datetime) -> list[Signal]:
    """What (after, until] holds, in a fixed order."""
    rows = connection.execute(
        text("""
            select
                site_code, equipment_code, metric, count(*) as reading_count,
                min(event_time) as first_at, max(event_time) as last_at
            from marts.features_equipment_readings
            where equipment_class = :equipment_class and event_time > :after and event_time <= :until
                and value is not null
            group by site_code, equipment_code, metric
            order by site_code, equipment_code, metric
        """),
        {"equipment_class": equipment_class, "after": after, "until": until},
    )
    return [
        Signal(Equipment(row.site_code, row.equipment_code), row.metric, row.reading_count, row.first_at, row.last_at)
        for row in rows
    ]


def sampling_intervals_s(connection: Connection, signals: Sequence[Signal]) -> dict[str, float]:
    """The usual time between two readings of each metric, from the newest readings of some of its signals, seconds."""
    intervals = {}
    for metric in sorted({signal.metric for signal in signals}):
        own = [signal for signal in signals if signal.metric == metric]
        chosen = [own[i] for i in np.unique(np.linspace(0, len(own) - 1, SAMPLE_SIGNALS).astype(int))]
        interval = sampling_interval_s(_newest_times(connection, signal) for signal in chosen)
        if interval:
            intervals[metric] = interval
    return intervals


def _newest_times(connection: Connection, signal: Signal) -> IntArray:
    """Event times of a signal's newest readings, ascending, microseconds UTC."""
    times = connection.scalars(
        text("""
            select (extract(epoch from event_time) * 1000000)::bigint
            from marts.features_equipment_readings
            where site_code = :site_code and equipment_code = :equipment_code and metric = :metric
            order by event_time desc limit :count
        """),
        {**vars(signal.equipment), "metric": signal.metric, "count": SAMPLE_READINGS},
    )
    return np.array(times.all(), dtype=np.int64)[::-1]


def frames(
    connection: Connection, equipment: Equipment, sensors: Sequence[str], grid_us: int, steps: range
) -> Iterator[Frame]:
    """Read one equipment in chunks.

    Args:
        connection: All chunks are read on it, within its transaction.
        equipment: Whose readings.
        sensors: Metrics, in the order of the columns.
        grid_us: Length of a step, microseconds.
        steps: Window ends wanted; what windows need before them is read as well.

    Yields:
        Frames such that each step of `steps` with a reading is in exactly one, not counting the lead.
    """
    start = steps.start
    while start < steps.stop:
        first, stop = start - LEAD_STEPS - FILL_STEPS, min(start + CHUNK_STEPS, steps.stop)
        times, columns, values = _readings(connection, equipment, sensors, (first - 1) * grid_us, (stop - 1) * grid_us)
        if len(times):
            shape = (stop - first, len(sensors))
            matrix = resample(times, columns, values, grid_us=grid_us, first_step=first, shape=shape)
            observed = np.asarray(np.isfinite(matrix).any(axis=1))[FILL_STEPS:]
            yield Frame(first + FILL_STEPS, forward_fill(matrix, FILL_STEPS)[FILL_STEPS:], observed)
            start = stop
        else:
            following = _next_reading_us(connection, equipment, (stop - 1) * grid_us, (steps.stop - 1) * grid_us)
            start = steps.stop if following is None else step_of(following, grid_us)


def _next_reading_us(connection: Connection, equipment: Equipment, after_us: int, until_us: int) -> int | None:
    """Event time of the first reading of (after, until], so that years of standstill cost one statement."""
    at: datetime | None = connection.scalar(
        text("""
            select event_time from marts.features_equipment_readings
            where site_code = :site_code and equipment_code = :equipment_code
                and event_time > :after and event_time <= :until
            order by event_time limit 1
        """),
        {**vars(equipment), "after": datetime_of(after_us), "until": datetime_of(until_us)},
    )
    return None if at is None else microseconds_of(at)


def _readings(
    connection: Connection, equipment: Equipment, sensors: Sequence[str], after_us: int, until_us: int
) -> tuple[IntArray, IntArray, FloatArray]:
    """Event times (microseconds UTC), sensor indices and values of (after, until], shape (reading,) each.

    One row per sensor, with arrays: the driver hands rows out one by one, which took ten times as long as judging them.
    """
    statement = """
        copy (
            select sensors.position, readings.event_times, readings.values
            from unnest(%(sensors)s::text[]) with ordinality as sensors (metric, position)
            cross join lateral (
                select array_agg(event_time) as event_times, array_agg(value) as values
                from marts.features_equipment_readings
                where site_code = %(site_code)s and equipment_code = %(equipment_code)s
                    and event_time > %(after)s and event_time <= %(until)s
                    and metric = sensors.metric and value is not null
            ) as readings
            where readings.values is not null
        ) to stdout (format binary)
    """
    parameters = {
        **vars(equipment),
        "sensors": list(sensors),
        "after": datetime_of(after_us),
        "until": datetime_of(until_us),
    }
    with driver_connection(connection).cursor() as cursor, cursor.copy(statement, parameters) as copy:
        rows = list(decode_arrays(b"".join(copy), (">i8", ">f8")))
    times = [event_times.astype(np.int64) + EPOCH_US for _, (event_times, _) in rows]
    columns = [np.full(len(values), position - 1) for position, (_, values) in rows]
    values = [values.astype(np.float64) for _, (_, values) in rows]
    none = np.empty(0, dtype=np.int64)
    return np.concatenate([none, *times]), np.concatenate([none, *columns]), np.concatenate([np.empty(0), *values])
