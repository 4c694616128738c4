"""What must be shown before raw rows are deleted; each function names what speaks against it. `retention` deletes."""

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Final

from sqlalchemy import Connection, text

from warehouse import archive_files
from warehouse.archive import entry
from warehouse.archive_content import content_of, count
from warehouse.archived_tables import Family, Piece, bounds, tables_of
from warehouse.ledger import WAITS_FOR_EVER, WAITS_FOR_RESTORE

# The days whose hours would wait for a restore of this one (warehouse/ledger.py), seen from the other side.
_NEEDED_FROM, _NEEDED_UNTIL = timedelta(days=3), timedelta(days=4)
_UNSETTLED = text(
    f"""
    select min(hour) as first_hour, count(*) as hour_count from raw.touched_hours
    where site_code = :site_code and hour >= :start and hour < :end
    and summarized_count < touch_count
    -- Hours of other days that wait for a restore anyway will find this one in the archive too.
    and (hour >= :day_start and hour < :day_end or not {WAITS_FOR_RESTORE})
    -- And no mart is computed of closed days any more.
    and not {WAITS_FOR_EVER}
    """
)
# Nothing that counts alarms is computed again once the hours are closed in which they were raised and stood (C2).
_ALARM_HOURS = """
    select min(t.hour) as hour
    from raw.touched_hours as t
    where t.site_code = %(site_code)s and t.hour < %(end)s
        and t.hour >= (select date_trunc('hour', min(p.changed_at), 'UTC') from ({rows}) as p)
        and not ops.is_closed(t.site_code, cast(t.hour at time zone 'UTC' as date))
"""
_UNKNOWN_HOUR = """
    select date_trunc('hour', p.event_time, 'UTC') as hour from ({rows}) as p
    where not exists (
        select from raw.touched_hours as t
        where t.site_code = %(site_code)s and t.hour = date_trunc('hour', p.event_time, 'UTC')
    )
    order by 1 limit 1
"""
# Late rows of such a day are in no mart, and will be in none.
_IS_CLOSED = text("select ops.is_closed(:site_code, :day)")
# What a family is rolled up into: the tables, and how many raw rows the first of them says there were; None where it
# does not count them.
_ROLLUPS: Final[Mapping[Family, tuple[tuple[str, ...], str | None]]] = MappingProxyType(
    {
        "readings": (
            ("marts.fct_sensor_readings_hourly",),
            "select coalesce(sum(reading_count), 0) from marts.fct_sensor_readings_hourly "
            "where signal_id = any(%(members)s) and hour >= %(start)s and hour < %(end)s",
        ),
        "events": (("marts.fct_work_unit_hours", "intermediate.int_failures_reported"), None),
        "scores": (
            ("intermediate.int_hours_judged", "marts.fct_model_health_hourly"),
            "select coalesce(sum(window_count), 0) from intermediate.int_hours_judged "
            "where site_code = %(site_code)s and equipment_code = any(%(members)s) "
            "and hour >= %(start)s and hour < %(end)s",
        ),
    }
)


def unsettled(connection: Connection, piece: Piece) -> str | None:
    """Whether something still waits to be computed from the piece's rows; of alarms, whether anything ever may be."""
    if piece.group.family == "alarms":
        (table,) = tables_of("alarms")
        hour = connection.exec_driver_sql(_ALARM_HOURS.format(rows=table.rows), piece.parameters).scalar()
        return f"hours that count it are not deleted, the first {hour:%F %H:%M}" if hour else None
    start, end = bounds(piece.day)
    found = connection.execute(
        _UNSETTLED,
        {
            "site_code": piece.group.site_code,
            "start": start - _NEEDED_FROM,
            "end": end + _NEEDED_UNTIL,
            "day_start": start,
            "day_end": end,
        },
    ).one()
    if found.hour_count:
        first = f"{found.first_hour:%F %H:%M}"
        return f"not settled: {found.hour_count} hours near it wait for their rollup, the first {first}"
    current = tables_of(piece.group.family)[0]
    hour = connection.exec_driver_sql(_UNKNOWN_HOUR.format(rows=current.rows), piece.parameters).scalar()
    return f"not settled: the ledger does not know the hour {hour:%F %H:%M}" if hour else None


def unreadable(connection: Connection, directory: Path, piece: Piece) -> str | None:
    """Whether the archive's files, read back into temporary tables, hold something else than its ledger says.

    Raises:
        ArchiveDamaged: A file is missing, or is not what was written.
    """
    for table in tables_of(piece.group.family):
        known = entry(connection, table, piece)
        if known is None:
            return f"not archived: {table.name}"
        if known.path is None:
            continue
        stage = archive_files.stage(connection, table, directory / known.path, known.sha256)
        found = content_of(connection, table, f"select * from {stage}", {})
        if (found.row_count, found.checksum) != (known.row_count, known.checksum):
            return f"the archive is damaged: {known.path} does not hold the rows that were written"
    return None


def uncovered(connection: Connection, piece: Piece) -> str | None:
    """Whether archive or rollups lack something that the raw tables have."""
    for table in tables_of(piece.group.family):
        known, found = entry(connection, table, piece), content_of(connection, table, table.rows, piece.parameters)
        if known is None or known.dropped_at is not None:
            return f"not archived: {table.name}"
        if (found.row_count, found.checksum) != (known.row_count, known.checksum):
            return f"not archived: {table.name} has {found.row_count} rows, the archive {known.row_count}, or others"
    if piece.group.family == "alarms" or connection.scalar(_IS_CLOSED, piece.key):
        return None
    built, counting = _ROLLUPS[piece.group.family]
    rows = count(connection, tables_of(piece.group.family)[0], piece)
    for table_name in built if rows else ():
        if connection.scalar(text("select to_regclass(:name) is null"), {"name": table_name}):
            return f"no rollups: {table_name} is not built"
    if counting is not None and rows:
        rolled_up = connection.exec_driver_sql(counting, piece.parameters).scalar()
        if rolled_up != rows:
            return f"no rollups: {built[0]} tells of {rolled_up} rows, there are {rows}"
    return None


def row_count(connection: Connection, piece: Piece) -> int:
    """How many rows a piece has, revisions included."""
    return sum(count(connection, table, piece) for table in tables_of(piece.group.family))
