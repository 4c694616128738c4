"""What a validation reads of the ledger of touched hours before it judges. What follows from it is in `holds.py`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

from sqlalchemy import Connection, Engine, text

from expectations.groups import Waiting
from expectations.receipts import RECEIPTS
from expectations.window import Window, instant
from warehouse import ingest_ledger

# Two validations take turns: numbers of holds then become visible in their order, so that who reads on from the newest
# (orchestration/defs/alerts.py) misses none; and who looks later sees all that who looked earlier did.
TAKE_TURNS: Final = text("select pg_advisory_xact_lock(hashtextextended('millrace/holds', 0))")
_JUDGED = text(
    """
    with judged as materialized (
        select site_code, hour from raw.touched_hours
        where hour >= :start and hour <= :end - interval '1 hour'
        and summarized_count < touch_count and rolled_up_count < touch_count
        order by hour, site_code for update
    )
    update raw.touched_hours as t set judged_at = greatest(t.judged_at, :judged_at)
    from judged as j where (t.site_code, t.hour) = (j.site_code, j.hour)
    """
)
_TOUCHED = text("select site_code, hour, touched_at from raw.touched_hours where hour >= :start and hour < :end")


@dataclass(frozen=True)
class Look:
    """The ledger's hours of a window, as a validation read them before it judged.

    Attributes:
        waiting: Those that wait for their rollup with something that was received, and when.
        touched: By site all that the ledger knows, and when each was touched last.
        judged_at: When they were read (UTC), by the clock of the warehouse: which of two validations is the newer one.
    """

    waiting: Waiting
    touched: Mapping[str, Mapping[datetime, datetime]]
    judged_at: datetime

    def are_receipts(self, site_code: str, hour: datetime) -> bool:
        """Whether an hour of receipt has brought something to one that waits: it is judged, in the window or not."""
        return (site_code, "hour", hour) in self._periods

    def is_of_day(self, site_code: str, hour: datetime, day: str) -> bool:
        """Whether a day, by its first instant, concerns an hour. None of an old time zone concerns one that waits."""
        periods = self.waiting.get(site_code, {}).get(hour)
        return periods is None or ("day", instant(day)) in periods

    @cached_property
    def _periods(self) -> frozenset[tuple[str, str, datetime]]:
        hours = ((site_code, periods) for site_code, those in self.waiting.items() for periods in those.values())
        return frozenset((site_code, *period) for site_code, periods in hours for period in periods)


def look(engine: Engine, window: Window) -> Look:
    """Read the ledger's hours of a window. Call it before anything is judged.

    A load that commits later then finds the hour held for older rows, and has it judged again. All that is recorded up
    to the moment at which they are read is there.
    """
    with engine.begin() as connection:
        connection.execute(TAKE_TURNS)
        # One that recorded before may not have committed yet.
        ingest_ledger.await_loads(connection)
        judged_at: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
        return Look(_waiting(connection, window), _touched(connection, window), judged_at)


def note_judged(connection: Connection, window: Window, seen: Look) -> None:
    """Let what was recorded of the window's hours before the look count where dbt builds tables of them.

    Call it where all suites have judged them, in the transaction that holds what failed.
    """
    bounds = {"start": window.start, "end": window.end}
    connection.execute(_JUDGED, {**bounds, "judged_at": seen.judged_at})


def _waiting(connection: Connection, window: Window) -> Waiting:
    found: dict[str, dict[datetime, set[tuple[str, datetime]]]] = {}
    for row in connection.execute(text(window.bind(RECEIPTS))):
        periods = found.setdefault(row.site_code, {}).setdefault(row.hour, set())
        periods.update((("hour", row.received_hour), ("day", row.received_day)))
    return found


def _touched(connection: Connection, window: Window) -> Mapping[str, Mapping[datetime, datetime]]:
    found: dict[str, dict[datetime, datetime]] = {}
    for row in connection.execute(_TOUCHED, {"start": window.start, "end": window.end}):
        found.setdefault(row.site_code, {})[row.hour] = row.touched_at
    return found
