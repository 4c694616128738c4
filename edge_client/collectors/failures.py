"""When the simulated work units fail, and what their controls tell of it. What people do meanwhile is in `activity.py`.

A control tells a failure once it is mended: one `down` with its start and duration, of the work unit and nobody else.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from random import Random

from edge_client.collectors.plant import WORK_UNITS, WorkUnit
from ingestion_api.contract import Event

MEAN_HOURS_BETWEEN = 9.0
SHORTEST_S, LONGEST_S = 240, 2_400


class Failures:
    """The failures of one work unit, one after the other.

    Args:
        unit: Which.
        first_at: When observation starts; the work unit is sound then.
        rng: The work unit's own source of chance.
    """

    def __init__(self, unit: WorkUnit, first_at: datetime, rng: Random) -> None:
        self._unit = unit
        self._rng = rng
        self._windows: list[tuple[datetime, datetime]] = []
        self._sound_since = first_at
        self._told = 0

    def has(self, at: datetime) -> bool:
        """Tell whether the work unit is down at a time."""
        self._reach(at)
        begun = bisect_right(self._windows, at, key=lambda window: window[0])
        return begun > 0 and at < self._windows[begun - 1][1]

    def until(self, end: datetime) -> Iterator[Event]:
        """Yield the failures that begin before `end`, going on from the call before."""
        self._reach(end)
        while self._windows[self._told][0] < end:
            start, mended_at = self._windows[self._told]
            self._told += 1
            yield Event(
                source_code=self._unit.control_code,
                event_type="down",
                event_time=start,
                work_unit_code=self._unit.code,
                duration_s=(mended_at - start).total_seconds(),
            )

    def _reach(self, at: datetime) -> None:
        """Draw failures until one begins after a time."""
        while not self._windows or self._windows[-1][0] <= at:
            hours = self._rng.expovariate(1 / MEAN_HOURS_BETWEEN)
            start = self._sound_since + timedelta(seconds=60 + int(hours * 3_600))
            self._sound_since = start + timedelta(seconds=self._rng.randint(SHORTEST_S, LONGEST_S))
            self._windows.append((start, self._sound_since))


def failures(first_at: datetime, chance: Callable[[str], Random]) -> dict[str, Failures]:
    """Return the failures of each work unit by its code; `chance` makes each an own source of chance."""
    return {unit.code: Failures(unit, first_at, chance(f"{unit.code} fails")) for unit in WORK_UNITS}
