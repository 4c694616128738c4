"""What cameras and terminals see of the workers of the simulated plant.

A camera reports each worker at its work unit every five minutes or so, without a duration (C12), and counts pieces
every quarter of an hour. Now and then a terminal records half an hour of manual work, or a break, with its duration
(S3-009); the camera is silent about that worker meanwhile, so no minute is told twice. An event's time is its start.
While a work unit is down its workers idle. After each count they type in how many of the pieces are scrap.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta, tzinfo
from random import Random
from typing import NamedTuple

from edge_client.collectors.failures import Failures
from edge_client.collectors.plant import SHIFTS, WORK_UNITS, Shift, WorkUnit
from ingestion_api.contract import Event, EventType

STINT = timedelta(hours=2)  # then everybody moves on to the next work unit
TERMINAL_S = 1_800.0
BREAK_S = 900.0
COUNT_EVERY = timedelta(minutes=15)
SCRAP_RATIO = 0.03
NEXT: dict[EventType, tuple[tuple[EventType, ...], tuple[float, ...]]] = {
    "working": (("working", "idle", "absent"), (0.90, 0.07, 0.03)),
    "idle": (("working", "idle", "absent"), (0.60, 0.35, 0.05)),
    "absent": (("working", "idle", "absent"), (0.50, 0.10, 0.40)),
}


class Classifier:
    """The edge classifier's confidence: steady, then sinking in a straight line.

    Args:
        rng: Its source of chance.
        drift: From when to when it sinks.
    """

    STEADY, LOWEST, SPREAD = 0.93, 0.70, 0.03

    def __init__(self, rng: Random, drift: tuple[datetime, datetime]) -> None:
        self._rng = rng
        self._drift = drift

    def confidence(self, at: datetime) -> float:
        """Return the confidence of one classification."""
        share = min(max((at - self._drift[0]) / (self._drift[1] - self._drift[0]), 0.0), 1.0)
        mean = self.STEADY + share * (self.LOWEST - self.STEADY)
        return round(min(max(self._rng.gauss(mean, self.SPREAD), 0.0), 0.999), 4)


class Place(NamedTuple):
    """Where a worker is: the stint's number in the shift, and how long it has been going on."""

    unit: WorkUnit
    stint: int
    since: timedelta


class Worker:
    """One worker, followed from shift to shift.

    Args:
        code: Who.
        number: The worker's place in the crew, from 0.
        shift: When the worker is there.
        first_at: When observation starts.
        rng: The worker's own source of chance.
        classifier: What judges the pictures.
        time_zone: Of the site.
        failures: Of the work units, by code.
    """

    def __init__(
        self,
        code: str,
        number: int,
        shift: Shift,
        first_at: datetime,
        rng: Random,
        classifier: Classifier,
        time_zone: tzinfo,
        failures: Mapping[str, Failures],
    ) -> None:
        self._code = code
        self._number = number
        self._shift = shift
        self._rng = rng
        self._classifier = classifier
        self._time_zone = time_zone
        self._failures = failures
        self._settling = timedelta(seconds=5 + 11 * number)  # nobody is at the next place in no time
        self._next_at = first_at + self._settling
        self._seen_at: datetime | None = None
        self._seen_in: WorkUnit | None = None
        self._state: EventType = "working"
        self._units = 0.0
        self._counted_at = first_at

    def until(self, end: datetime) -> Iterator[Event]:
        """Yield what is seen of the worker before `end`, going on from the call before."""
        while self._next_at < end:
            at = self._next_at
            place = self._place(at)
            if place is None:
                self._next_at = self._shift_start_after(at) + self._settling
                self._seen_at = None
                continue
            manual_s = self._manual_s(place)
            if manual_s is None:
                yield from self._seen_by_camera(at, place.unit)
                wait_s = self._rng.randint(260, 340)
            else:
                yield self._typed_in(at, place.unit, manual_s)
                wait_s = int(manual_s) + self._rng.randint(20, 60)
                self._seen_at = None
            next_stint_at = at - place.since + STINT + self._settling
            self._next_at = min(at + timedelta(seconds=wait_s), next_stint_at)

    def _place(self, at: datetime) -> Place | None:
        local = at.astimezone(self._time_zone)
        if not self._shift.has(local.hour):
            return None
        hours = (local.hour - self._shift.start_hour) % 24
        stint, since = divmod(timedelta(hours=hours, minutes=local.minute, seconds=local.second), STINT)
        return Place(WORK_UNITS[(self._number + stint) % len(WORK_UNITS)], stint, since)

    def _shift_start_after(self, at: datetime) -> datetime:
        start = at.astimezone(self._time_zone).replace(hour=self._shift.start_hour, minute=0, second=0, microsecond=0)
        while start.astimezone(UTC) <= at:
            start += timedelta(days=1)  # on the wall clock: a day may have 23 hours
        return start.astimezone(UTC)

    def _manual_s(self, place: Place) -> float | None:
        """Return how long the worker is out of the camera's sight from now on; None: not at all."""
        if place.since > self._settling:
            return None
        if self._number == 3:
            return TERMINAL_S
        return BREAK_S if self._number == 1 and place.stint == 2 else None

    def _typed_in(self, at: datetime, unit: WorkUnit, duration_s: float) -> Event:
        is_work = duration_s == TERMINAL_S
        units = round(unit.target_units_per_h * duration_s / 3_600 * self._rng.uniform(0.85, 1.05)) if is_work else 0
        return Event(
            source_code=unit.terminal_code,
            event_type="working" if is_work else "idle",
            event_time=at,
            work_unit_code=unit.code,
            worker_code=self._code,
            duration_s=duration_s,
            units_produced=units,
        )

    def _seen_by_camera(self, at: datetime, unit: WorkUnit) -> Iterator[Event]:
        if self._seen_at is None or self._seen_in is not unit:
            self._units, self._counted_at, self._state = 0.0, at, "working"
        else:
            if self._state == "working":
                hours = (at - self._seen_at) / timedelta(hours=1)
                self._units += unit.target_units_per_h * hours * self._rng.uniform(0.85, 1.15)
            states, weights = NEXT[self._state]
            self._state = self._rng.choices(states, weights)[0]
        if self._state == "working" and self._failures[unit.code].has(at):
            self._state = "idle"
        self._seen_at, self._seen_in = at, unit
        yield self._event(at, unit, self._state, None)
        if at - self._counted_at >= COUNT_EVERY:
            yield self._event(at, unit, "product_count", int(self._units))
            yield from self._scrapped(at, unit, int(self._units))
            self._units -= int(self._units)
            self._counted_at = at

    def _scrapped(self, at: datetime, unit: WorkUnit, units: int) -> Iterator[Event]:
        scrapped = sum(self._rng.random() < SCRAP_RATIO for _ in range(units))
        if scrapped:
            yield Event(
                source_code=unit.terminal_code,
                event_type="scrap_count",
                event_time=at,
                work_unit_code=unit.code,
                worker_code=self._code,
                units_produced=scrapped,
            )

    def _event(self, at: datetime, unit: WorkUnit, event_type: EventType, units: int | None) -> Event:
        return Event(
            source_code=unit.camera_code,
            event_type=event_type,
            event_time=at,
            work_unit_code=unit.code,
            worker_code=self._code,
            units_produced=units,
            confidence=self._classifier.confidence(at),
        )


def crew(
    first_at: datetime,
    chance: Callable[[str], Random],
    classifier: Classifier,
    time_zone: tzinfo,
    failures: Mapping[str, Failures],
) -> list[Worker]:
    """Return the twelve workers of the plant; `chance` makes each an own source of chance."""
    return [
        Worker(code, number, shift, first_at, chance(code), classifier, time_zone, failures)
        for shift in SHIFTS
        for number, code in enumerate(shift.workers)
    ]
