"""Deletes hourly rollups that are past their time, once daily marts cover them and raw rows have gone (C2).

A day without its hours is closed (`ops.closed_days`): no mart is computed of it again, whatever is restored or comes
late. Raw rows and alarms are `retention`'s.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, insert, text

from warehouse import hourly_tables
from warehouse.archive_content import count
from warehouse.archived_tables import Piece, bounds, groups, tables_of
from warehouse.hourly_tables import HourlyTable
from warehouse.keep_days import HOURLY_KEEP_DAYS
from warehouse.ledger import WAITS_FOR_EVER
from warehouse.retention import RetentionSummary
from warehouse.retention_rules import HOURLY, rule_for, rules
from warehouse.storage_lock import exclusively
from warehouse.tables import closed_days

_DUE = text(
    """
    select distinct t.site_code, cast(t.hour at time zone 'UTC' as date) as day from raw.touched_hours as t
    where t.hour < :end and not exists (
        select from ops.closed_days as c
        where c.site_code = t.site_code and c.day = cast(t.hour at time zone 'UTC' as date)
    )
    order by 2, 1
    """
)
# The days whose hours would wait for ever (warehouse/ledger.py), seen from the other side.
_REACH = (timedelta(days=3), timedelta(days=7))
_UNSETTLED = text(
    f"""
    select min(hour) as hour from raw.touched_hours
    where site_code = :site_code and hour >= :start and hour < :end
    and summarized_count < touch_count and not {WAITS_FOR_EVER}
    """
)


@dataclass(frozen=True)
class ClosedDay:
    """A site's UTC day whose hours were deleted, and how many rows those were."""

    site_code: str
    day: date
    row_count: int

    def __str__(self) -> str:
        return f"hours of {self.site_code}, {self.day}"


def retain_hours(
    engine: Engine,
    directory: Path,
    now: datetime,
    keep_days: int = HOURLY_KEEP_DAYS,
    *,
    is_rehearsal: bool = False,
    progress: Callable[[ClosedDay], None] | None = None,
) -> tuple[list[ClosedDay], RetentionSummary]:
    """Delete the hours that are past their retention, each site's day in a transaction of its own.

    Args:
        engine: Of the warehouse, as an owner of what dbt builds.
        directory: Of the archive, which nobody else works on meanwhile.
        now: UTC.
        keep_days: How long hours stay at sites that no rule is about.
        is_rehearsal: Prove everything, delete nothing.
        progress: Called after each day.

    Returns:
        What was deleted, and what was kept though it is past its time.

    Raises:
        StorageBusy: Archiving, restoring or dropping is under way.
    """
    closed, summary = [], RetentionSummary()
    with exclusively(engine, directory):
        for site_code, day in days_past_retention(engine, now, keep_days, summary):
            with engine.begin() as connection:
                found = _close(connection, site_code, day, summary, is_rehearsal)
            if found is not None:
                closed.append(found)
                if progress:
                    progress(found)
    return closed, summary


def days_past_retention(
    engine: Engine, now: datetime, keep_days: int, summary: RetentionSummary
) -> list[tuple[str, date]]:
    """Sites and days whose hours are past their retention and not deleted, oldest first. Nothing is proven."""
    found: list[tuple[str, date]] = []
    with engine.connect() as connection:
        known = rules(connection)
        for row in connection.execute(_DUE, {"end": bounds(now.date())[0]}):
            rule = rule_for(known, HOURLY, row.site_code, "", keep_days)
            if rule.keep_days is None or bounds(row.day)[1] > now - timedelta(days=rule.keep_days):
                continue
            if rule.is_legal_hold:
                summary.keep(f"hours of {row.site_code}, {row.day}", "legal hold")
            else:
                found.append((row.site_code, row.day))
    return found


def _close(
    connection: Connection, site_code: str, day: date, summary: RetentionSummary, is_rehearsal: bool
) -> ClosedDay | None:
    tables = hourly_tables.built(connection)
    _lock(connection, tables)
    if reason := _unsettled(connection, site_code, day) or _uncovered(connection, tables, site_code, day):
        summary.keep(f"hours of {site_code}, {day}", reason)
        return None
    start, end = bounds(day)
    of_day = "site_code = :site_code and hour >= :start and hour < :end"
    verb = "select from" if is_rehearsal else "delete from"
    row_count = sum(
        connection.execute(
            text(f"{verb} {table.relation} where {of_day}"), {"site_code": site_code, "start": start, "end": end}
        ).rowcount
        for table in tables
    )
    if not is_rehearsal:
        row = {"site_code": site_code, "day": day, "row_count": row_count, "closed_at": datetime.now(UTC)}
        connection.execute(insert(closed_days).values(row))
    return ClosedDay(site_code, day, row_count)


def _lock(connection: Connection, tables: list[HourlyTable]) -> None:
    """Let no build be between deleting rows of a mart and writing them anew: it would find the day closed."""
    connection.execute(text("set local lock_timeout = '60s'"))
    names = text(
        "select format('%I.%I', schemaname, tablename) from pg_tables "
        "where schemaname in ('intermediate', 'marts') order by 1"
    )
    if relations := ", ".join(connection.scalars(names)) if tables else "":
        connection.execute(text(f"lock table {relations} in share row exclusive mode"))


def _unsettled(connection: Connection, site_code: str, day: date) -> str | None:
    """Whether the day's raw rows are there yet, or something still waits to be computed from its hours."""
    for family in ("readings", "events", "scores"):
        for group in groups(connection, family):
            if group.site_code != site_code:
                continue
            for table in tables_of(family):
                if found := count(connection, table, Piece(group, day)):
                    return f"raw rows are there: {found} of {table.relation}"
    start, end = bounds(day)
    reach = {"site_code": site_code, "start": start - _REACH[0], "end": end + _REACH[1]}
    hour = connection.scalar(_UNSETTLED, reach)
    return f"not settled: the hour {hour:%F %H:%M} waits for its marts" if hour else None


def _uncovered(connection: Connection, tables: list[HourlyTable], site_code: str, day: date) -> str | None:
    start, end = bounds(day)
    of_day = {"site_code": site_code, "day": day, "start": start, "end": end}
    for table in tables:
        query = text(f"select exists (select from {table.relation} "
                     "where site_code = :site_code and hour >= :start and hour < :end)")  # fmt: skip
        if not connection.scalar(query, of_day):
            continue
        if connection.scalar(text("select to_regclass(:daily) is null"), {"daily": table.daily}):
            return f"not covered: {table.daily} is not built"
        if lacking := connection.scalar(text(table.lacking()), of_day):
            return f"not covered: {table.daily} lacks {lacking} of what {table.relation} has"
    return None
