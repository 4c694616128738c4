"""The touched-hours ledger (D6): which hours of which site changed, and who has not followed yet.

What follows (rollups, daily marts) does not belong here. Two consumers work one after the other: `rolled_up` follows
the loads, `summarized` follows the rollups. Hours whose raw rows are dropped, or that are too near to such, wait for a
restore: computed now, true figures would give way to those of the few rows that came late. An hour is summarized in the
local dates around its UTC day: while one of them has to stay as it is, the hour is rolled up and waits.

So do hours that a failed expectation holds back (`ops.holds`), and with them the local dates of their site, until the
hold ends: newer rows pass, or a person lets them go. Newer rows make such an hour pending, so that a run judges them;
until one has, it is computed by nobody and never settled.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, Engine, text

Consumer = Literal["rolled_up", "summarized"]

_HOUR = timedelta(hours=1)

_TOUCH = text(
    """
    insert into raw.touched_hours as t (site_code, hour, touch_count, touched_at, received_hours)
    select :site_code, hour, 1, :touched_at, array_remove(array_agg(received_hour order by received_hour), null)
    from unnest(cast(:hours as timestamptz[]), cast(:received_hours as timestamptz[])) as touched (hour, received_hour)
    group by hour
    order by hour
    on conflict (site_code, hour) do update set touch_count = t.touch_count + 1, touched_at = excluded.touched_at,
        received_hours = array(
            select distinct r.hour from unnest(t.received_hours || excluded.received_hours) as r (hour) order by r.hour
        )
    """
)
# What is not summarized is all that may be pending, and has an index of its own: settled history is not read.
_UNSETTLED = "summarized_count < touch_count"
_PENDING = {
    "rolled_up": f"{_UNSETTLED} and rolled_up_count < touch_count",
    "summarized": f"{_UNSETTLED} and summarized_count < rolled_up_count and rolled_up_count >= touch_count",
}
_DAY = "cast(hour at time zone 'UTC' as date)"
WAITS_FOR_RESTORE: Final = f"(ops.is_frozen(site_code, {_DAY} - 1) or ops.is_frozen(site_code, {_DAY} + 1))"
# Of closed days, and of what takes from them, no mart is computed any more, restored or not (C2).
WAITS_FOR_EVER: Final = f"(ops.is_closed(site_code, {_DAY} - 1) or ops.is_closed(site_code, {_DAY} + 1))"
_IS_HELD = "(site_code, hour) in (select h.site_code, h.hour from ops.held_hours as h)"
# Held for the rows that it has: no run would find anything new.
WAITS_TO_BE_LET_GO: Final = (
    "(site_code, hour) in (select h.site_code, h.hour from ops.held_hours as h where not h.has_newer_rows)"
)
_IS_OF_HELD_DATE = """
    exists (
        select from ops.held_hours as h where h.site_code = touched_hours.site_code
        and h.first_date <= cast((touched_hours.hour + interval '59 minutes') at time zone h.time_zone as date)
        and h.last_date >= cast(touched_hours.hour at time zone h.time_zone as date)
    )
"""
_IS_FREE = {
    "rolled_up": f"not ops.is_frozen(site_code, {_DAY}) and not {WAITS_TO_BE_LET_GO}",
    "summarized": f"not {WAITS_FOR_RESTORE} and not {_IS_OF_HELD_DATE}",
}
_LEADER = {"rolled_up": "touch_count", "summarized": "rolled_up_count"}
# What is rolled up waits with nothing any more, however it comes to wait again.
_FORGET = {
    "rolled_up": ", received_hours = case when f.count >= t.touch_count then '{}' else t.received_hours end",
    "summarized": "",
}


@dataclass(frozen=True, order=True)
class HourRange:
    """Contiguous hours, half-open: from `start` until before `end`, both UTC and whole hours."""

    start: datetime
    end: datetime


@dataclass(frozen=True)
class Backlog:
    """What a consumer has to work on at one site: how many hours, and when the oldest touch was (UTC)."""

    site_code: str
    hour_count: int
    touched_at: datetime


@dataclass(frozen=True)
class Held:
    """Hours of a site that an expectation holds back: how many, and the first and last of them (UTC)."""

    site_code: str
    expectation: str
    hour_count: int
    first_hour: datetime
    last_hour: datetime

    def __str__(self) -> str:
        hours = f"{self.hour_count} hour{'s' if self.hour_count > 1 else ''}"
        until = f" to {self.last_hour:%F %H:%M}" if self.last_hour > self.first_hour else ""
        when = f"from {self.first_hour:%F %H:%M}{until}"
        return f"{hours} of site {self.site_code} {when} held back by {self.expectation}"


@dataclass(frozen=True)
class Snapshot:
    """How far the ledger was when a consumer began: what it settles afterwards, and no more."""

    site_codes: tuple[str, ...]
    hours: tuple[datetime, ...]
    counts: tuple[int, ...]


def touch(
    connection: Connection, site_code: str, hours: Mapping[datetime, Collection[datetime]], touched_at: datetime
) -> None:
    """Record that a load changed hours. Call it last in the load's transaction: consumers wait for its locks.

    Args:
        connection: In the transaction of the load.
        site_code: Whose hours.
        hours: UTC; with each the hours in which the items were received that changed it, none where no items did.
        touched_at: When, by the warehouse's clock.
    """
    pairs = [(hour, received) for hour, those in hours.items() for received in those or (None,)]
    if pairs:
        touched, received_hours = zip(*pairs, strict=True)
        what = {"site_code": site_code, "hours": list(touched), "received_hours": list(received_hours)}
        connection.execute(_TOUCH, {**what, "touched_at": touched_at})


def pending_ranges(engine: Engine, consumer: Consumer) -> list[HourRange]:
    """Hours that a consumer has to work on, over all sites, as contiguous ranges, oldest first.

    An hour is pending for `summarized` once it was rolled up and as long as no further rollup is due.
    """
    query = text(
        f"select distinct hour from raw.touched_hours where {_PENDING[consumer]} and {_IS_FREE[consumer]} order by hour"
    )
    with engine.connect() as connection:
        hours: Sequence[datetime] = connection.execute(query).scalars().all()
    ranges: list[HourRange] = []
    for hour in hours:
        if ranges and ranges[-1].end == hour:
            ranges[-1] = HourRange(ranges[-1].start, hour + _HOUR)
        else:
            ranges.append(HourRange(hour, hour + _HOUR))
    return ranges


def backlogs(engine: Engine, consumer: Consumer, since: datetime) -> list[Backlog]:
    """What a consumer has to work on by site, in the hours from `since` (UTC) on; sites without any are left out."""
    query = text(
        f"select site_code, count(*), min(touched_at) from raw.touched_hours where {_PENDING[consumer]}"
        f" and {_IS_FREE[consumer]} and hour >= :since group by site_code order by site_code"
    )
    with engine.connect() as connection:
        rows = connection.execute(query, {"since": since}).all()
    return [Backlog(row[0], row[1], row[2]) for row in rows]


def frozen_count(engine: Engine) -> int:
    """How many touched hours wait for a restore of dropped days."""
    query = text(
        f"select count(*) from raw.touched_hours where {_UNSETTLED} and {WAITS_FOR_RESTORE} and not {WAITS_FOR_EVER}"
    )
    with engine.connect() as connection:
        return int(connection.execute(query).scalar_one())


def held(engine: Engine) -> list[Held]:
    """What is held back, by site and expectation."""
    query = text(
        "select site_code, expectation, count(distinct hour), min(hour), max(hour) from ops.held_hours"
        " group by site_code, expectation order by site_code, expectation"
    )
    with engine.connect() as connection:
        rows = connection.execute(query).all()
    return [Held(row[0], row[1], row[2], row[3], row[4]) for row in rows]


def seen(engine: Engine, consumer: Consumer, start: datetime, end: datetime) -> Snapshot:
    """Note how far the ledger is in a range. Call it before reading the data, or a touch in between is lost."""
    query = text(
        f"select site_code, hour, {_LEADER[consumer]} from raw.touched_hours "
        f"where hour >= :start and hour < :end and {_IS_FREE[consumer]} order by site_code, hour"
    )
    with engine.connect() as connection:
        rows = connection.execute(query, {"start": start, "end": end}).all()
    return Snapshot(tuple(row[0] for row in rows), tuple(row[1] for row in rows), tuple(row[2] for row in rows))


def settle(engine: Engine, consumer: Consumer, snapshot: Snapshot) -> None:
    """Record that a consumer has followed as far as the snapshot. What was touched since then stays pending.

    So does an hour that is held: the checks of a run hold it back after its snapshot was taken, or its newer rows came
    after them.
    """
    column = f"{consumer}_count"
    statement = text(
        f"""
        with followed as materialized (
            select t.site_code, t.hour, s.count from raw.touched_hours as t
            join unnest(cast(:site_codes as text[]), cast(:hours as timestamptz[]), cast(:counts as bigint[]))
                as s (site_code, hour, count) using (site_code, hour)
            where not {_IS_HELD}
            order by t.hour, t.site_code for update of t
        )
        update raw.touched_hours as t set {column} = greatest(t.{column}, f.count){_FORGET[consumer]}
        from followed as f where (t.site_code, t.hour) = (f.site_code, f.hour)
        """
    )
    with engine.begin() as connection:
        connection.execute(
            statement,
            {
                "site_codes": list(snapshot.site_codes),
                "hours": list(snapshot.hours),
                "counts": list(snapshot.counts),
            },
        )


def reopen(engine: Engine, start: datetime, end: datetime) -> None:
    """Make `summarized` follow once more, though nothing was loaded: there are new scores in the range.

    Touch and rollup advance together. So a pending rollup stays pending, and a summary that runs at this moment cannot
    settle what it has not seen.
    """
    statement = text(
        """
        with reopened as materialized (
            select site_code, hour from raw.touched_hours where hour >= :start and hour < :end
            order by hour, site_code for update
        )
        update raw.touched_hours as t set touch_count = touch_count + 1, rolled_up_count = rolled_up_count + 1
        from reopened as r where (t.site_code, t.hour) = (r.site_code, r.hour)
        """
    )
    with engine.begin() as connection:
        connection.execute(statement, {"start": start, "end": end})


def again(connection: Connection, site_code: str, start: datetime, end: datetime) -> None:
    """Make hours of [start, end) pending for both consumers once more, though nothing was loaded: they were held."""
    statement = text(
        """
        with freed as materialized (
            select site_code, hour from raw.touched_hours
            where site_code = :site_code and hour >= :start and hour < :end order by hour for update
        )
        update raw.touched_hours as t set touch_count = touch_count + 1
        from freed as f where (t.site_code, t.hour) = (f.site_code, f.hour)
        """
    )
    connection.execute(statement, {"site_code": site_code, "start": start, "end": end})
