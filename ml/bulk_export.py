"""Writes the readings of an equipment class to a Parquet file, for training elsewhere (S4-028). Windows are cut there.

What is in the file is what a training sees: readings on the grid, gaps filled as far as windows fill them, one row per
equipment and step in which a sensor reported, one column per sensor. No more than one chunk is in memory.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from sqlalchemy import Connection, text

from ml.dataset import bytes_of, common_sensors, spans_of
from ml.errors import NotEnoughData
from ml.features import Equipment, Frame, frames, sampling_intervals_s, signals_between
from ml.grid import MICROSECONDS, infer_grid_s
from ml.windows import LEAD_STEPS

if TYPE_CHECKING:
    import pyarrow as pa

METADATA_KEY: Final = "millrace"
_MOMENT: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class BulkExport:
    """What was written; the file's metadata say it too.

    Attributes:
        sensors: Metrics, the columns after `event_time`.
        grid_s: Time between two steps, seconds.
        as_of: What the warehouse knew at this moment.
        sha256: Of the readings on the grid, as that of a training on the same readings.
    """

    equipment_class: str
    sensors: tuple[str, ...]
    grid_s: float
    started_at: datetime
    ended_at: datetime
    as_of: datetime
    row_count: int
    sha256: str


def export(
    connection: Connection, equipment_class: str, start: datetime, end: datetime, path: Path, grid_s: float | None
) -> BulkExport:
    """Write the readings of [start, end), one row group per chunk; a reader of the path finds a whole file or none.

    Args:
        connection: In a transaction that sees one snapshot (REPEATABLE READ).
        equipment_class: Whose readings.
        start: UTC, inclusive.
        end: UTC, exclusive.
        path: Of the file; its folder is made where there is none.
        grid_s: The grid, or None to take the median sampling interval.

    Raises:
        NotEnoughData: There is nothing to write.
    """
    import pyarrow.parquet as pq

    signals = signals_between(connection, equipment_class, start - _MOMENT, end - _MOMENT)
    intervals_s = sampling_intervals_s(connection, signals)
    if not intervals_s:
        raise NotEnoughData(f"No signal of equipment class {equipment_class!r} has two readings in this time.")
    grid = grid_s or infer_grid_s(intervals_s.values())
    grid_us = round(grid * MICROSECONDS)
    sensors = common_sensors(signals, intervals_s, grid)
    digest, row_count = hashlib.sha256(repr((sensors, grid_us)).encode()), 0
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}")
    try:
        with pq.ParquetWriter(unfinished, _schema(sensors), compression="zstd") as writer:
            for span in spans_of(signals, sensors, grid_us):
                digest.update(repr((span.equipment, span.steps.start)).encode())
                for frame in frames(connection, span.equipment, sensors, grid_us, span.steps):
                    digest.update(bytes_of(frame))
                    rows = _rows(frame, span.equipment, sensors, grid_us)
                    writer.write_table(rows)
                    row_count += rows.num_rows
            as_of: datetime = connection.execute(text("select now()")).scalar_one()
            found = BulkExport(equipment_class, sensors, grid, start, end, as_of, row_count, digest.hexdigest())
            writer.add_key_value_metadata({METADATA_KEY: json.dumps(asdict(found), default=datetime.isoformat)})
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return found


def _schema(sensors: tuple[str, ...]) -> "pa.Schema":
    import pyarrow as pa

    key = {"site_code": pa.string(), "equipment_code": pa.string(), "event_time": pa.timestamp("us", "UTC")}
    return pa.schema({**key, **dict.fromkeys(sensors, pa.float64())})


def _rows(frame: Frame, equipment: Equipment, sensors: tuple[str, ...], grid_us: int) -> "pa.Table":
    """The observed rows of a frame without its lead; what is not known is NULL."""
    import pyarrow as pa

    chosen = np.flatnonzero(frame.is_observed[LEAD_STEPS:]) + LEAD_STEPS
    times = (chosen + frame.first_step) * grid_us
    columns = [pa.array(column, from_pandas=True) for column in frame.values[chosen].T]
    names = [pa.repeat(code, len(chosen)) for code in (equipment.site_code, equipment.equipment_code)]
    return pa.table([*names, pa.array(times).cast(pa.timestamp("us", "UTC")), *columns], schema=_schema(sensors))
