"""Settles which of several versions of a row counts: the newest received wins, the others are kept (D4).

How a page gets into the stage table does not belong here; that is `load_readings.py` and `load_events.py`.

Versions of a key stand in the order of the inbox, (batch_seq, item_index): the sequence number is the one receipt order
that no clock can turn round. Of consecutive versions with the same content the first one counts and the others are
duplicates. A version that arrives after a newer one (a replay) either is known already or is filed among the revisions.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, text

_ARRIVAL = ("is_server_time", "item_index", "batch_seq", "received_at")


@dataclass(frozen=True)
class VersionedTable:
    """A table of current versions, with the table of those that were replaced.

    Attributes:
        current: One row per key.
        revisions: The same columns and `superseded_at`.
        key: Columns of the natural key; `event_time` is one of them.
        content: Columns that make two versions differ.
        hours: SQL set of the hours that a row `v` has a part in.
    """

    current: Table
    revisions: Table
    key: tuple[str, ...]
    content: tuple[str, ...]
    hours: str

    @property
    def stage(self) -> str:
        """Name of the temporary table that a page is copied to, emptied at the end of each transaction."""
        return f"stage_{self.current.name}"

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that an item brings along."""
        return (*self.key, *self.content, *_ARRIVAL)


@dataclass(frozen=True)
class StagedPage:
    """What a stage table holds, and what of the page is stored already.

    Attributes:
        item_count: Items in the stage table.
        first_count: Of these, first versions of their key in the page (`is_first`).
        earliest: Least event time of the page.
        latest: Greatest event time of the page.
        stored: Items of the page that went straight into the current table, per batch_seq.
        hours: Hours that read otherwise for what is stored already, and in which hours that was received.
    """

    item_count: int
    first_count: int
    earliest: datetime
    latest: datetime
    stored: Mapping[int, int] = field(default_factory=dict)
    hours: Mapping[datetime, set[datetime]] = field(default_factory=dict)


@dataclass
class Outcome:
    """What settling a page did.

    Attributes:
        inserted: Items per batch_seq that were the first of their key.
        revised: Items per batch_seq that differ from other versions.
        hours: Hours whose current rows changed, and the hours in which was received what changed them.
    """

    inserted: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    revised: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    hours: dict[datetime, set[datetime]] = field(default_factory=lambda: defaultdict(set))


def create_stage(connection: Connection, versioned: VersionedTable) -> None:
    """Create the stage table of this session unless it is there. `is_first` marks the first version of its key."""
    connection.execute(
        text(
            f"create temp table if not exists {versioned.stage} on commit delete rows as "
            f"select {_list(versioned.columns)}, true as is_first from {_name(versioned.current)} with no data"
        )
    )


def settle(
    connection: Connection, versioned: VersionedTable, page: StagedPage, load_id: int, recorded_at: datetime
) -> Outcome:
    """Bring the staged items into the current table and the revisions.

    Args:
        connection: In the transaction that filled the stage.
        versioned: The tables.
        page: What was staged.
        load_id: The load that brings them.
        recorded_at: When, by the warehouse's clock.
    """
    outcome = Outcome()
    outcome.hours.update(page.hours)
    outcome.inserted.update(page.stored)
    load: dict[str, object] = {"load_id": load_id, "recorded_at": recorded_at}
    if page.first_count:
        _collect(connection.execute(text(_insert(versioned)), load).all(), outcome.inserted, outcome.hours)
    if sum(outcome.inserted.values()) < page.item_count + sum(page.stored.values()):
        load |= {"earliest": page.earliest, "latest": page.latest}
        _collect(connection.execute(text(_revise(versioned)), load).all(), outcome.revised, outcome.hours)
    return outcome


def _collect(rows: Iterable[Any], counts: dict[int, int], hours: dict[datetime, set[datetime]]) -> None:
    for batch_seq, count, hour, received_hour in rows:
        if batch_seq is not None:
            counts[batch_seq] += count
        else:
            hours[hour].add(received_hour)


def _insert(versioned: VersionedTable) -> str:
    """Insert the first version of each key that is not there yet."""
    columns = _list(versioned.columns)
    return f"""
        with inserted as (
            insert into {_name(versioned.current)} ({columns}, load_id, recorded_at)
            select {columns}, :load_id, :recorded_at from {versioned.stage} where is_first
            on conflict do nothing
            returning batch_seq, {_list(versioned.key)}, {_list(versioned.content)}, received_at as brought_at
        )
        {_counts_and_hours("inserted", versioned, "inserted")}
    """


def _revise(versioned: VersionedTable) -> str:
    """Judge the items that were not inserted, among the versions known of their keys.

    The first item of a key in the page that repeats the current row, or is it, is done with at once: most are.
    Of the others, runs of equal content are numbered. In a run that holds a known version nothing is new; of any other
    run the first item is. The newest of the new ones replaces the current row if no known version is newer.
    """
    key, columns = _list(versioned.key), _list(versioned.columns)
    current, revisions = _name(versioned.current), _name(versioned.revisions)
    order = f"partition by {key} order by batch_seq, item_index"
    # Tells the planner which chunks, or which part of the index, can hold the keys at all.
    within = "{}.event_time between :earliest and :latest"
    differs = " or ".join(f"{name} is distinct from lag({name}) over version" for name in versioned.content)
    return f"""
        with rest as materialized (
            select {columns} from {versioned.stage} as s where not is_first or not exists (
                select from {current} as c
                where {_equal("c", "s", versioned.key)} and {_same("c", "s", versioned.content)}
                and (c.batch_seq, c.item_index) <= (s.batch_seq, s.item_index) and {within.format("c")}
            )
        ),
        keys as (select distinct {key} from rest),
        merged as (
            select {columns}, true as is_known, true as is_current from {current} as c join keys using ({key})
            where {within.format("c")}
            union all
            select {columns}, true, false from {revisions} as r join keys using ({key}) where {within.format("r")}
            union all
            select {columns}, false, false from rest
        ),
        numbered as (
            select *, row_number() over (
                partition by {key}, batch_seq, item_index order by is_known desc
            ) as telling from merged
        ),
        compared as (
            select *, row_number() over version = 1 or {differs} as is_start
            from numbered where telling = 1 window version as ({order})
        ),
        runs as (select *, count(*) filter (where is_start) over ({order}) as run from compared),
        judged as materialized (
            select *,
                bool_or(is_known) over (partition by {key}, run) as is_known_run,
                max(run) over (partition by {key}) as last_run
            from runs
        ),
        fresh as materialized (select * from judged where is_start and not is_known_run),
        newest as materialized (select * from fresh where run = last_run),
        superseded as (
            insert into {revisions} ({columns}, load_id, recorded_at, superseded_at)
            select {_list(versioned.columns, "c.")}, c.load_id, c.recorded_at, greatest(c.recorded_at, :recorded_at)
            from {current} as c join newest as n on {_equal("c", "n", versioned.key)}
        ),
        filed as (
            insert into {revisions} ({columns}, load_id, recorded_at, superseded_at)
            select {columns}, :load_id, :recorded_at, :recorded_at from fresh where run < last_run
        ),
        replaced as (
            update {current} as c
            set {", ".join(f"{name} = n.{name}" for name in (*versioned.content, *_ARRIVAL))},
                load_id = :load_id, recorded_at = :recorded_at
            from newest as n where {_equal("c", "n", versioned.key)}
        ),
        changed as (
            select {columns}, received_at as brought_at from newest
            union all
            select {_list(versioned.columns, "j.")}, n.received_at from judged as j
            join newest as n on {_equal("j", "n", versioned.key)} where j.is_current
        )
        {_counts_and_hours("fresh", versioned, "changed")}
    """


def _counts_and_hours(counted: str, versioned: VersionedTable, changed: str) -> str:
    """What `_collect` reads: items by batch, and hours with those in which was received what changed them."""
    return f"""
        select batch_seq, count(*), null::timestamptz as hour, null::timestamptz as received_hour
        from {counted} group by batch_seq
        union all
        select distinct null::bigint, 0, {versioned.hours}, date_trunc('hour', v.brought_at, 'UTC') from {changed} as v
    """


def _name(table: Table) -> str:
    return f"{table.schema}.{table.name}"


def _list(names: tuple[str, ...], prefix: str = "") -> str:
    return ", ".join(prefix + name for name in names)


def _same(left: str, right: str, names: tuple[str, ...]) -> str:
    return " and ".join(f"{left}.{name} is not distinct from {right}.{name}" for name in names)


def _equal(left: str, right: str, names: tuple[str, ...]) -> str:
    return " and ".join(f"{left}.{name} = {right}.{name}" for name in names)
