"""Brings archived days back into the raw tables, exactly once. Who asked for it and why is not known here.

Rows that are there stay. Where rows came after a day was dropped, both are versions of one history and stand in the
order of the inbox, as if the day had never been away (D4).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text, update

from warehouse import archive_files, ingest_ledger
from warehouse.archived_tables import FAMILIES, TABLES, ArchivedTable, Family, bounds
from warehouse.compression import allow_changes
from warehouse.errors import NothingArchived
from warehouse.ledger import WAITS_FOR_EVER, WAITS_FOR_RESTORE
from warehouse.signals import find_signals
from warehouse.storage_lock import exclusively
from warehouse.tables import archived_days

_BY_NAME = {table.name: table for table in TABLES}
_FROZEN = text(
    f"""
    select distinct site_code, cast(hour at time zone 'UTC' as date) as day from raw.touched_hours
    where summarized_count < touch_count and hour >= :start and hour < :end
    and {WAITS_FOR_RESTORE} and not {WAITS_FOR_EVER}
    order by 1, 2
    """
)


@dataclass
class RestoreSummary:
    """What a restoring did.

    Attributes:
        file_count: Files read.
        row_count: Rows in them.
        inserted_count: Of these, rows that were not there.
        waiting: Days within the range, with their site, whose touched hours still cannot be computed because days
            around them are dropped.
    """

    file_count: int = 0
    row_count: int = 0
    inserted_count: int = 0
    waiting: list[tuple[str, date]] = field(default_factory=list)


def restore(
    engine: Engine,
    directory: Path,
    start: date,
    end: date,
    *,
    families: Sequence[Family] = FAMILIES,
    keep_for: timedelta = timedelta(days=7),
    progress: Callable[[str, int], None] | None = None,
) -> RestoreSummary:
    """Restore the UTC days from `start` until before `end`, each file in a transaction of its own.

    Args:
        engine: Of the warehouse.
        directory: Of the archive.
        start: First day.
        end: Day after the last one.
        families: Of tables.
        keep_for: How long they are not dropped again.
        progress: Called with each file and the number of rows that were not there.

    Raises:
        ArchiveDamaged: A file is missing or damaged; those before it are restored.
        NothingArchived: There is nothing in the range.
        StorageBusy: Another archiving, restoring or dropping is under way.
    """
    summary = RestoreSummary()
    names = [table.name for table in TABLES if table.family in families]
    days = archived_days.c
    query = select(archived_days).where(days.table_name.in_(names), days.day >= start, days.day < end)
    with exclusively(engine, directory):
        with engine.connect() as connection:
            entries = connection.execute(query.order_by(days.day, days.site_code, days.table_name)).all()
        if not entries:
            raise NothingArchived(f"no {', '.join(families)} from {start} until before {end} are in the archive")
        for entry in entries:
            with engine.begin() as connection:
                inserted = _restore(connection, directory, entry, datetime.now(UTC) + keep_for)
            if entry.path is None:
                continue
            summary.file_count += 1
            summary.row_count += entry.row_count
            summary.inserted_count += inserted
            if progress:
                progress(entry.path, inserted)
    with engine.connect() as connection:
        midnights = {"start": bounds(start)[0], "end": bounds(end)[0]}
        summary.waiting = [(row.site_code, row.day) for row in connection.execute(_FROZEN, midnights)]
    return summary


def _restore(connection: Connection, directory: Path, entry: Row[Any], droppable_at: datetime) -> int:
    inserted = 0
    if entry.path is not None:
        table = _BY_NAME[entry.table_name]
        # A load that came in between would overwrite a version, or be overwritten, unseen.
        if table.versioned is None and table.family == "scores":
            connection.execute(text(f"lock table {table.relation} in share row exclusive mode"))
        else:
            ingest_ledger.lock(connection, entry.site_code, table.family)
        allow_changes(connection)
        rows = _resolved(
            connection, table, archive_files.stage(connection, table, directory / entry.path, entry.sha256)
        )
        if table.versioned is not None:
            start, end = bounds(entry.day)
            connection.execute(text(_settle(table, rows)), {"start": start, "end": end})
        columns = ", ".join(table.stored_columns)
        inserted = connection.execute(
            text(f"insert into {table.relation} ({columns}) select {columns} from {rows} as p on conflict do nothing")
        ).rowcount
    key = (entry.table_name, entry.site_code, entry.equipment_class, entry.day)
    is_entry = [column == value for column, value in zip(archived_days.primary_key, key, strict=True)]
    connection.execute(update(archived_days).where(*is_entry).values(dropped_at=None, droppable_at=droppable_at))
    return inserted


def _resolved(connection: Connection, table: ArchivedTable, stage: str) -> str:
    """SQL of staged rows with the table's columns: another warehouse may have given the signals other numbers."""
    if table.family != "readings":
        return stage
    signals = text(
        "select site_code, equipment_code, metric, max(unit_code) as unit_code, min(recorded_at) as recorded_at"
        f" from {stage} group by 1, 2, 3"
    )
    # A signal was known when its first reading was.
    for row in connection.execute(signals).all():
        found = [(row.equipment_code, row.metric, row.unit_code)]
        find_signals(connection, row.site_code, found, row.recorded_at)
    return (
        f"(select s.signal_id, f.* from {stage} as f join raw.signals as s using (site_code, equipment_code, metric))"
    )


def _settle(table: ArchivedTable, rows: str) -> str:
    """File the older of two versions of a key among the revisions; of equal ones in a row the first to come counts."""
    versioned = table.versioned
    if versioned is None:
        raise ValueError(f"{table.name} has no versions")
    current, revisions = table.relation, f"{versioned.revisions.schema}.{versioned.revisions.name}"
    columns = ", ".join(table.stored_columns)
    archived, present = (", ".join(f"{of}{name}" for name in table.stored_columns) for of in ("p.", "c_"))
    present_named = ", ".join(f"c.{name} as c_{name}" for name in table.stored_columns)
    replaced = ", ".join(f"{name} = p.{name}" for name in table.stored_columns if name not in versioned.key)
    key = " and ".join(f"c.{name} = p.{name}" for name in versioned.key)
    differs = " or ".join(f"c.{name} is distinct from p.{name}" for name in versioned.content)
    order = "({0}.batch_seq, {0}.item_index)".format
    between = (
        f"{order('r')} > least({order('c')}, {order('p')}) and {order('r')} < greatest({order('c')}, {order('p')})"
    )
    # Tells the planner which chunk can hold the keys.
    in_day = "c.event_time >= :start and c.event_time < :end"
    return f"""
        with clashing as materialized (
            select {archived}, {present_named}, {order("p")} < {order("c")} as is_older,
                {differs} or exists (
                    select from {revisions} as r where {key.replace("c.", "r.")} and {between}
                ) as is_different
            from {rows} as p join {current} as c on {key}
            where {order("p")} <> {order("c")} and {in_day}
        ),
        filed as (
            insert into {revisions} ({columns}, superseded_at)
            select {columns}, greatest(recorded_at, c_recorded_at) from clashing where is_different and is_older
            union all
            select {present}, greatest(recorded_at, c_recorded_at) from clashing where is_different and not is_older
            on conflict do nothing
        )
        update {current} as c set {replaced} from clashing as p
        where {key} and p.is_different <> p.is_older and {in_day}
    """
