"""Holds hours back and lets them go (`ops.holds`). Which hours a failed group holds, `groups.py` says.

What is held is left out by whoever computes from raw, through the view `ops.held_hours` (warehouse/ledger.py). A hold
ends when its expectation passes over the same rows or newer ones, or when a person lets it go for a reason. Newer rows
make the hour wait to be judged again, and end nothing before they are. A validation that looked earlier and is done
later changes nothing about what a newer one has judged (`newer.py`). What a day held is let go when the day passes,
whichever hour shows it: the held hours themselves are pending for nobody, so that no window would come back to them.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, Engine, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB

from expectations.errors import NothingHeld, ReleaseInvalid
from expectations.groups import FailedGroup, Hold, Period, failed_hours_of, holds_of
from expectations.look import TAKE_TURNS, Look
from expectations.newer import NewerJudgements, newer_judgements
from expectations.window import Window, instant
from warehouse import ledger

VALIDATION: Final = "validation"
"""Who releases what has passed since; no person's name."""

_HOUR = timedelta(hours=1)
# What a person has let go stays free as long as no newer rows come.
_HOLD = text(
    """
    insert into ops.holds (
        site_code, hour, first_hour, last_hour, suite, expectation, period_start, observed, touched_at, dagster_run_id
    )
    select
        :site_code, :hour, :first_hour, :last_hour, :suite, :expectation, :period_start, :observed, :touched_at,
        :dagster_run_id
    where not exists (
        select from ops.holds where site_code = :site_code and hour = :hour and suite = :suite
        and expectation = :expectation and touched_at = :touched_at and released_by <> :validation
    )
    on conflict (site_code, hour, suite, expectation) where released_at is null do update set
        first_hour = excluded.first_hour, last_hour = excluded.last_hour, period_start = excluded.period_start,
        observed = excluded.observed, touched_at = greatest(holds.touched_at, excluded.touched_at),
        dagster_run_id = excluded.dagster_run_id
    """
).bindparams(bindparam("observed", type_=JSONB))
_JUDGED = text(
    """
    select h.hold_id, h.suite, h.expectation, h.site_code, h.hour, h.first_hour, h.last_hour, h.touched_at,
        h.hour >= :start and h.hour <= :end - interval '1 hour' as is_in_window, waits.hours, waits.days
    from ops.holds as h
    cross join lateral (
        select coalesce(observed -> 'hours', jsonb_build_array(period_start)) as hours,
            coalesce(observed -> 'days', '[]') as days
    ) as waits
    where h.released_at is null and h.suite = any(:suites) and (
        h.hour >= :start and h.hour <= :end - interval '1 hour'
        or hours ?| :passed_hours or days ?| :passed_days or exists (
            select from jsonb_array_elements_text(hours) as failed (hour)
            where cast(failed.hour as timestamptz) between :start and :end - interval '1 hour'
        )
    )
    order by site_code, h.hour, hold_id for update of h
    """
)
# Newer rows of an hour are judged, and it still waits for an hour of receipt or a day: it is held with them.
_NARROW = text(
    "update ops.holds set observed = observed || :left,"
    " touched_at = greatest(touched_at, cast(:touched_at as timestamptz)) where hold_id = :hold_id"
).bindparams(bindparam("left", type_=JSONB))
_RELEASE = text(
    "update ops.holds set released_at = now(), released_by = :released_by, reason = :reason where hold_id = any(:ids)"
)
_LET_GO = text(
    """
    select distinct hours.hour from ops.holds as h
    cross join lateral generate_series(h.first_hour, h.last_hour, interval '1 hour') as hours (hour)
    where h.hold_id = any(:ids) and not exists (
        select from ops.holds as other where other.released_at is null and other.site_code = h.site_code
        and hours.hour between other.first_hour and other.last_hour
    )
    order by 1
    """
)


@dataclass(frozen=True)
class OpenHold:
    """An hour that is held back (UTC), by which expectation and since when."""

    site_code: str
    hour: datetime
    suite: str
    expectation: str
    observed: dict[str, Any]
    held_at: datetime


def record(
    connection: Connection,
    window: Window,
    suites: Collection[str],
    failed: Sequence[FailedGroup],
    passed_hours: Collection[Period],
    passed_days: Collection[Period],
    seen: Look,
    dagster_run_id: str | None,
) -> list[Hold]:
    """Hold back what failed in a window, and let go what was held there, or by an hour or a day of it, and has passed.

    What several hours of receipt or days held waits for all of them, whichever window shows them. What a newer
    validation has judged stays as that one left it.

    Args:
        connection: In the transaction that stores the results.
        window: What was judged.
        suites: By which suites.
        failed: Groups that failed a critical expectation.
        passed_hours: Hours of receipt, in the window or not, that were judged whole and did not.
        passed_days: Days that were judged whole and did not.
        seen: From `look.look`, before they were judged.
        dagster_run_id: Of the run that asked.

    Returns:
        What cannot be held back, because the ledger did not know the hour when it was read.
    """
    connection.execute(TAKE_TURNS)
    newer = newer_judgements(connection, suites, seen.judged_at)
    passed_hours = {hour for hour in passed_hours if not newer.of_hour(hour[0], instant(hour[-1]))}
    passed_days = {day for day in passed_days if not newer.of_day(day[0], day[-1])}
    failed_hours = failed_hours_of(failed)
    found = {_key(hold): hold for hold in _not_newer(holds_of(failed, window, seen.waiting), newer)}
    passed, again = [], []
    bounds = {"start": window.start, "end": window.end}
    periods = {"passed_hours": _instants(passed_hours), "passed_days": _instants(passed_days)}
    for row in connection.execute(_JUDGED, {"suites": list(suites), **bounds, **periods}).all():
        what = (row.suite, row.expectation, row.site_code)
        if newer.of_hour(row.suite, row.hour):
            continue
        hours = [
            hour
            for hour in row.hours
            if (*what, hour) in failed_hours
            or not ((*what, hour) in passed_hours or _is_judged(row.suite, instant(hour), window, newer))
        ]
        days = [
            day for day in row.days if (*what, day) not in passed_days and seen.is_of_day(row.site_code, row.hour, day)
        ]
        touched_at = seen.touched.get(row.site_code, {}).get(row.hour) if row.is_in_window else None
        if _key(row) in found:
            found[_key(row)] = _waiting_for(found[_key(row)], hours, days)
        elif hours or days:
            left = {"hours": hours, "days": days}
            connection.execute(_NARROW, {"hold_id": row.hold_id, "left": left, "touched_at": touched_at})
        else:
            passed.append(row)
            # Newer rows make their hour wait by themselves, and this may be the run that rolls it up.
            if touched_at is None or touched_at <= row.touched_at:
                again.append(row)
    _end(connection, passed, VALIDATION, "passed when it was judged again")
    _again(connection, again)
    unknown = []
    for hold in found.values():
        touched_at = seen.touched.get(hold.site_code, {}).get(hold.hour)
        if touched_at is None:
            unknown.append(hold)
            continue
        parameters = {**vars(hold), "touched_at": touched_at, "dagster_run_id": dagster_run_id}
        connection.execute(_HOLD, {**parameters, "validation": VALIDATION})
    return unknown


def open_holds(engine: Engine) -> list[OpenHold]:
    """What is held back, by site and hour."""
    query = text(
        "select site_code, hour, suite, expectation, observed, held_at from ops.holds where released_at is null"
        " order by site_code, hour, suite, expectation"
    )
    with engine.connect() as connection:
        return [OpenHold(**row) for row in connection.execute(query).mappings()]


def release(engine: Engine, site_code: str, start: datetime, end: datetime, *, by: str, reason: str) -> list[datetime]:
    """Let hours go though they failed: with the next rollup they reach the marts and the models.

    What reaches into the range goes as a whole: the hour that failed, and those that it holds with it. Newer rows of
    such an hour are judged, and may be held, again.

    Args:
        engine: Of the warehouse.
        site_code: Whose hours.
        start: First instant, with a time zone.
        end: First instant after them, with a time zone.
        by: Who takes the responsibility; kept for good, as is the reason.
        reason: Why.

    Returns:
        The hours that nothing holds any more, oldest first; none where all that was let go is held by another hour.

    Raises:
        ReleaseInvalid: There is no name or no reason, or the name is the one that validations use.
        NothingHeld: No hour of the site is held in the range.
        WindowInvalid: The range is empty or reversed, or a bound has no time zone.
    """
    window = Window(start, end)
    by, reason = by.strip(), reason.strip()
    if not by or not reason:
        raise ReleaseInvalid(f"a release needs {'a reason' if by else 'a name'}: it is kept with the hours it lets go")
    if by == VALIDATION:
        raise ReleaseInvalid(f"{VALIDATION!r} stands for what passed by itself; give the name of a person")
    query = text(
        "select hold_id, site_code, first_hour, last_hour from ops.holds where released_at is null"
        " and site_code = :site_code and last_hour >= :start and first_hour < :end order by hour, hold_id for update"
    )
    with engine.begin() as connection:
        found = connection.execute(query, {"site_code": site_code, "start": window.start, "end": window.end}).all()
        if not found:
            held = sorted({hold.site_code for hold in open_holds(engine)})
            raise NothingHeld(
                f"no hour of site {site_code!r} is held between {window};"
                f" {'hours are held of ' + ', '.join(held) if held else 'nothing is held at all'}"
            )
        _end(connection, found, by, reason)
        _again(connection, found)
        hours: Sequence[datetime] = connection.scalars(_LET_GO, {"ids": [row.hold_id for row in found]}).all()
    return list(hours)


def _not_newer(found: Sequence[Hold], newer: NewerJudgements) -> Iterator[Hold]:
    """Of what failed, what no newer validation has judged; of what was received of an hour it judges all.

    What was received, a newer one may have judged with other hours: it held those alone, and let go what passed.
    """
    for hold in found:
        if newer.of_hour(hold.suite, hold.hour):
            continue
        what = (hold.suite, hold.expectation)
        hours = [hour for hour in hold.observed["hours"] if not newer.hour_passed(*what, hour)]
        days = [day for day in hold.observed["days"] if not newer.day_passed(*what, day)]
        if hours or days:
            yield replace(
                hold,
                period_start=instant(min(hours or days)),
                observed={**hold.observed, "hours": hours, "days": days},
            )


def _is_judged(suite: str, hour: datetime, window: Window, newer: NewerJudgements) -> bool:
    """Whether a window shows all of an hour, and no newer validation does."""
    return window.start <= hour <= window.end - _HOUR and not newer.of_hour(suite, hour)


def _waiting_for(hold: Hold, hours: Collection[str], days: Collection[str]) -> Hold:
    """A hold that waits for what held the hour before too."""
    hours, days = ({*hold.observed["hours"], *hours}, {*hold.observed["days"], *days})
    observed = {**hold.observed, "hours": sorted(hours), "days": sorted(days)}
    return replace(hold, period_start=instant(min(hours or days)), observed=observed)


def _instants(periods: Collection[Period]) -> list[str]:
    return sorted({start for *_, start in periods})


def _key(hold: Any) -> tuple[str, str, str, datetime]:
    return hold.suite, hold.expectation, hold.site_code, hold.hour


def _end(connection: Connection, rows: Sequence[Any], by: str, reason: str) -> None:
    if rows:
        connection.execute(_RELEASE, {"ids": [row.hold_id for row in rows], "released_by": by, "reason": reason})


def _again(connection: Connection, rows: Sequence[Any]) -> None:
    """Make hours wait once more that were held: what they were left out of is computed with them."""
    for row in rows:
        ledger.again(connection, row.site_code, row.first_hour, row.last_hour + _HOUR)
