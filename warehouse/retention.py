"""Deletes raw rows and alarms that are past their time, only after a proof (C2, S0-040); tells why others stay.

A chunk in which nothing stays is dropped whole; of other chunks, and where there are no chunks, rows are deleted.
Hourly rollups are `hourly_retention`'s.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from sqlalchemy import Connection, Engine, text, update

from warehouse import proofs
from warehouse.archive import archive_piece
from warehouse.archive_content import count
from warehouse.archived_tables import FAMILIES, Family, Piece, bounds, tables_of, touched_pieces
from warehouse.compression import allow_changes
from warehouse.errors import ArchiveDamaged
from warehouse.keep_days import ALARM_KEEP_DAYS
from warehouse.retention_rules import rule_for, rules
from warehouse.storage_lock import exclusively
from warehouse.tables import archived_days
from warehouse.timescale import capabilities

# Dropped, or without any rows since so many touches.
_DONE = text(
    """
    select site_code, equipment_class, day, max(touch_count) as touch_count,
        bool_or(dropped_at is not null) as is_dropped
    from ops.archived_days where table_name = any(:table_names)
    group by 1, 2, 3 having bool_or(dropped_at is not null) or sum(row_count) = 0
    """
)
_RESTORED = text(
    """
    select droppable_at from ops.archived_days where site_code = :site_code and equipment_class = :equipment_class
    and day = :day and table_name = any(:table_names) and droppable_at > now() limit 1
    """
)
_IS_HYPERTABLE = text(
    "select exists (select from timescaledb_information.hypertables "
    "where format('%s.%s', hypertable_schema, hypertable_name) = :table)"
)
_DROP_CHUNKS = text("select drop_chunks(cast(:table as regclass), older_than => :end, newer_than => :start)")


@dataclass(frozen=True)
class DroppedDay:
    """What was deleted of a family of tables in a UTC day.

    Attributes:
        family: Of tables.
        day: UTC.
        site_codes: Whose rows.
        row_count: Rows, revisions included.
        chunks: Chunks dropped whole; empty where rows were deleted.
    """

    family: Family
    day: date
    site_codes: tuple[str, ...]
    row_count: int
    chunks: tuple[str, ...] = ()


@dataclass
class RetentionSummary:
    """What was deleted, and what was kept though it is past its time, with the reason."""

    dropped: list[DroppedDay] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    kept_reasons: Counter[str] = field(default_factory=Counter)

    def keep(self, piece: object, reason: str) -> None:
        """Note why something stays."""
        self.kept[str(piece)] = reason
        self.kept_reasons[reason.split(":")[0]] += 1


def retain(
    engine: Engine,
    directory: Path,
    now: datetime,
    keep_days: int,
    *,
    alarm_keep_days: int = ALARM_KEEP_DAYS,
    families: Sequence[Family] = FAMILIES,
    is_rehearsal: bool = False,
    progress: Callable[[DroppedDay], None] | None = None,
) -> RetentionSummary:
    """Delete the days that are past their retention and proven to be covered, each in a transaction of its own.

    Args:
        engine: Of the warehouse.
        directory: Of the archive.
        now: UTC.
        keep_days: How long raw rows stay that no rule is about.
        alarm_keep_days: The same of alarms, from the day on which they were cleared.
        families: Of tables.
        is_rehearsal: Prove everything, delete nothing.
        progress: Called after each day.

    Raises:
        StorageBusy: Another archiving, restoring or dropping is under way.
    """
    summary = RetentionSummary()
    with exclusively(engine, directory):
        for family in families:
            kept = alarm_keep_days if family == "alarms" else keep_days
            for pieces in _due(engine, family, now, kept, summary):
                ready = [piece for piece in pieces if _prepare(engine, directory, piece, summary)]
                dropped = _drop(engine, directory, ready, summary, is_rehearsal) if ready else None
                if dropped:
                    summary.dropped.append(dropped)
                    if progress:
                        progress(dropped)
    return summary


def days_past_retention(engine: Engine, family: Family, now: datetime, keep_days: int) -> list[date]:
    """Days that retention would look at, oldest first. Nothing is proven."""
    return [pieces[0].day for pieces in _due(engine, family, now, keep_days, RetentionSummary())]


def _due(
    engine: Engine, family: Family, now: datetime, keep_days: int, summary: RetentionSummary
) -> Iterator[list[Piece]]:
    """The pieces that are past their retention and not dropped, by day, oldest first."""
    with engine.connect() as connection:
        known = rules(connection)
        names = [table.name for table in tables_of(family)]
        done = {
            (row.site_code, row.equipment_class, row.day): None if row.is_dropped else row.touch_count
            for row in connection.execute(_DONE, {"table_names": names})
        }
        touched = touched_pieces(connection, [family], date(1970, 1, 1), now.date())
    by_day: dict[date, list[Piece]] = {}
    for piece, touch_count in touched:
        group, key = piece.group, (piece.group.site_code, piece.group.equipment_class, piece.day)
        if key in done and done[key] in {None, touch_count}:
            continue
        rule = rule_for(known, family, group.site_code, group.equipment_class, keep_days)
        if rule.keep_days is None or bounds(piece.day)[1] > now - timedelta(days=rule.keep_days):
            continue
        if rule.is_legal_hold:
            summary.keep(piece, "legal hold")
        else:
            by_day.setdefault(piece.day, []).append(piece)
    yield from by_day.values()


def _prepare(engine: Engine, directory: Path, piece: Piece, summary: RetentionSummary) -> bool:
    """Bring the archive up to date unless the piece has to stay anyway."""
    tables = [table.name for table in tables_of(piece.group.family)]
    with engine.connect() as connection:
        if droppable_at := connection.scalar(_RESTORED, {**piece.key, "table_names": tables}):
            summary.keep(piece, f"restored: kept until {droppable_at:%F %H:%M} UTC")
            return False
        if reason := proofs.unsettled(connection, piece):
            summary.keep(piece, reason)
            return False
    archive_piece(engine, directory, piece)
    return True


def _drop(
    engine: Engine, directory: Path, pieces: Sequence[Piece], summary: RetentionSummary, is_rehearsal: bool
) -> DroppedDay | None:
    """Prove and delete pieces of one family and day in one transaction, in which nobody else writes."""
    family, day = pieces[0].group.family, pieces[0].day
    with engine.begin() as connection:
        allow_changes(connection)
        archived = _readable(connection, directory, pieces, summary)
        relations = ", ".join(table.relation for table in tables_of(family))
        # Loads wait; whatever they bring is there before the proof, or finds the day dropped.
        connection.execute(text("set local lock_timeout = '60s'"))
        connection.execute(text(f"lock table {relations} in share row exclusive mode"))
        proven: list[Piece] = []
        for piece in archived:
            if reason := proofs.unsettled(connection, piece) or proofs.uncovered(connection, piece):
                summary.keep(piece, reason)
            elif proofs.row_count(connection, piece):
                proven.append(piece)
        if not proven:
            return None
        if is_rehearsal:
            rows = sum(proofs.row_count(connection, piece) for piece in proven)
            return DroppedDay(family, day, tuple(sorted({piece.group.site_code for piece in proven})), rows)
        return _delete(connection, proven)


def _readable(
    connection: Connection, directory: Path, pieces: Sequence[Piece], summary: RetentionSummary
) -> list[Piece]:
    found: list[Piece] = []
    for piece in pieces:
        try:
            reason = proofs.unreadable(connection, directory, piece)
        except ArchiveDamaged as error:
            reason = f"the archive is damaged: {error}"
        if reason:
            summary.keep(piece, reason)
        else:
            found.append(piece)
    return found


def _delete(connection: Connection, pieces: Sequence[Piece]) -> DroppedDay:
    family, day = pieces[0].group.family, pieces[0].day
    row_count = 0
    chunks: tuple[str, ...] = ()
    for table in tables_of(family):
        found = sum(count(connection, table, piece) for piece in pieces)
        row_count += found
        if found and _is_all(connection, table.relation, day, found):
            start, end = bounds(day)
            chunks = tuple(connection.scalars(_DROP_CHUNKS, {"table": table.relation, "start": start, "end": end}))
        else:
            for piece in pieces:
                connection.exec_driver_sql(table.delete, piece.parameters)
        for piece in pieces:
            key = {**piece.key, "table_name": table.name}
            is_piece = [archived_days.c[name] == value for name, value in key.items()]
            values = {"dropped_at": datetime.now(UTC), "droppable_at": None}
            connection.execute(update(archived_days).where(*is_piece).values(values))
    return DroppedDay(family, day, tuple(sorted({piece.group.site_code for piece in pieces})), row_count, chunks)


def _is_all(connection: Connection, relation: str, day: date, row_count: int) -> bool:
    """Whether a day's chunk holds these rows and no others; False where there are no chunks."""
    if not capabilities(connection).has_hypertables or not connection.scalar(_IS_HYPERTABLE, {"table": relation}):
        return False
    start, end = bounds(day)
    query = text(f"select count(*) from {relation} where event_time >= :start and event_time < :end")
    return bool(connection.scalar(query, {"start": start, "end": end}) == row_count)
