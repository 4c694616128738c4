"""The simulated plant's history as it reaches the edge client: in order, except for what goes wrong on the way.

What goes wrong, each in a number that depends on nothing but seed, hours and pumps: wrong items, items that come twice,
corrections of earlier values, and links that were down and deliver last. How it is resumed belongs to `simulator.py`.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from edge_client.collectors.activity import Classifier, crew
from edge_client.collectors.failures import failures
from edge_client.collectors.mishaps import BadItems, Window, spread
from edge_client.collectors.plant import SENSORS, TIME_ZONE, pump_codes
from edge_client.collectors.pump import Pump
from ingestion_api.contract import Event, Kind, Reading

QUARTER = timedelta(minutes=15)
MINUTE = timedelta(minutes=1)
LIVE = timedelta(hours=1)  # this much of the end is not history but live
REPEAT_EVERY, REPEATED_READINGS, REPEATED_EVENTS = 8, 30, 2  # in quarters of an hour; items
REVISE_READING_EVERY, REVISE_COUNT_EVERY = 24, 40  # in quarters of an hour; in counts of pieces


class Tally(msgspec.Struct):
    """How many items of each sort; `readings` and `events` are all that is sent, whatever becomes of it.

    Of them, quarantined are the wrong ones, repeated those that were sent before unchanged, revised those that correct
    an earlier value, and late those that a link delivered after everything else.
    """

    readings: int = 0
    events: int = 0
    quarantined_readings: int = 0
    quarantined_events: int = 0
    repeated_readings: int = 0
    repeated_events: int = 0
    revised_readings: int = 0
    revised_events: int = 0
    late_readings: int = 0
    late_events: int = 0

    def add(self, other: "Tally") -> None:
        """Add another tally to this one."""
        for name in self.__struct_fields__:
            setattr(self, name, getattr(self, name) + getattr(other, name))


class Piece(NamedTuple):
    """What is handed over at once."""

    kind: Kind
    items: list[bytes]
    is_replay: bool
    tally: Tally


class History:
    """Everything the plant says from `hours` before `end` until `end`; iterate it once.

    Args:
        seed: The same seed, hours, pumps, end and wrong clock give the same bytes.
        hours: How much history.
        pumps: How many pumps, 1 to 6.
        end: When it ends, UTC.
        wrong_clock: What a clock shows that is ahead of time.
    """

    def __init__(self, *, seed: int, hours: int, pumps: int, end: datetime, wrong_clock: datetime) -> None:
        self._seed = seed
        self._end = end
        self._begin = end - timedelta(hours=hours)
        self._quarters = hours * 4
        span, zone, codes = timedelta(hours=hours), ZoneInfo(TIME_ZONE), pump_codes(pumps)
        fault = (end - min(timedelta(hours=14), span / 2), end)
        faulty = codes[min(pumps, 3) - 1]
        self._pumps = {c: Pump(self._chance(c), zone, fault if c == faulty else None) for c in codes}
        drift = (end - min(timedelta(hours=12), span / 2), end)
        self._failures = failures(self._begin, self._chance)
        classifier = Classifier(self._chance("classifier"), drift)
        self._crew = crew(self._begin, self._chance, classifier, zone, self._failures)
        self._bad = BadItems(unknown_pump=f"P{pumps + 1}", wrong_clock=wrong_clock)
        self._lost_pump = codes[min(pumps, 2) - 1]
        self._lost_pump_link = Window.at(self._begin, span, 0.4, timedelta(minutes=90))
        self._lost_camera = "CAM4"
        self._lost_camera_link = Window.at(self._begin, span, 0.6, timedelta(hours=2))
        self._late_readings: list[bytes] = []
        self._late_events: list[bytes] = []
        self._revised_readings: list[bytes] = []
        self._revised_events: list[bytes] = []
        self._again: dict[Kind, list[bytes]] = {"readings": [], "events": []}
        self._counts_seen = 0
        self._encode = msgspec.json.Encoder().encode

    def _chance(self, name: str) -> Random:
        return Random(f"{self._seed}:{name}")  # noqa: S311 - a simulation, not a secret

    def __len__(self) -> int:
        return self._quarters * 2 + 4

    def __iter__(self) -> Iterator[Piece]:
        for quarter in range(self._quarters):
            is_replay = self._begin + quarter * QUARTER < self._end - LIVE
            items, tally = self._readings(quarter)
            yield Piece("readings", items, is_replay, tally)
            items, tally = self._events(quarter)
            yield Piece("events", items, is_replay, tally)
        order = self._chance("order")
        order.shuffle(self._late_readings)
        order.shuffle(self._late_events)
        late, readings = self._late_readings, self._revised_readings
        yield Piece("readings", late, True, Tally(readings=len(late), late_readings=len(late)))
        yield Piece("readings", readings, True, Tally(readings=len(readings), revised_readings=len(readings)))
        late, events = self._late_events, self._revised_events
        yield Piece("events", late, True, Tally(events=len(late), late_events=len(late)))
        yield Piece("events", events, True, Tally(events=len(events), revised_events=len(events)))

    def _readings(self, quarter: int) -> tuple[list[bytes], Tally]:
        start = self._begin + quarter * QUARTER
        items: list[bytes] = []
        for minute in range(15):
            at = start + minute * MINUTE
            for code, pump in self._pumps.items():
                is_lost = code == self._lost_pump and at in self._lost_pump_link
                target = self._late_readings if is_lost else items
                for sensor, value in zip(SENSORS, pump.read(at), strict=True):
                    reading = Reading(
                        equipment_code=code,
                        metric=sensor.metric,
                        value=value,
                        event_time=at,
                        unit_code=sensor.unit_code,
                    )
                    target.append(self._encode(reading))
        if quarter % REVISE_READING_EVERY == 0:
            self._revise_oil_pressure(start)
        wrong = [self._bad.reading(start) for _ in range(len(items) // 100)]
        again = self._repeat("readings", quarter, items, REPEATED_READINGS)
        spread(wrong, items)
        items += again
        return items, Tally(readings=len(items), quarantined_readings=len(wrong), repeated_readings=len(again))

    def _revise_oil_pressure(self, at: datetime) -> None:
        corrected = Reading(equipment_code="P1", metric="oil_pressure", value=4.0, event_time=at, unit_code="bar")
        self._revised_readings.append(self._encode(corrected))

    def _events(self, quarter: int) -> tuple[list[bytes], Tally]:
        start = self._begin + quarter * QUARTER
        seen = [event for worker in self._crew for event in worker.until(start + QUARTER)]
        seen += [event for unit in self._failures.values() for event in unit.until(start + QUARTER)]
        seen.sort(key=lambda event: (event.event_time, event.source_code, event.event_type, event.worker_code or ""))
        items: list[bytes] = []
        for event in seen:
            is_lost = event.source_code == self._lost_camera and event.event_time in self._lost_camera_link
            (self._late_events if is_lost else items).append(self._encode(event))
            self._revise_count(event)
        wrong = [self._bad.event(start)] if quarter % 4 == 1 else []
        again = self._repeat("events", quarter, items, REPEATED_EVENTS)
        items += wrong + again
        return items, Tally(events=len(items), quarantined_events=len(wrong), repeated_events=len(again))

    def _revise_count(self, event: Event) -> None:
        if event.event_type == "product_count" and event.units_produced is not None:
            self._counts_seen += 1
            if self._counts_seen % REVISE_COUNT_EVERY == 0:
                corrected = msgspec.structs.replace(event, units_produced=event.units_produced + 1)
                self._revised_events.append(self._encode(corrected))

    def _repeat(self, kind: Kind, quarter: int, items: list[bytes], count: int) -> list[bytes]:
        """Return what comes again in this quarter, and choose what comes again in the next."""
        again, self._again[kind] = self._again[kind], []
        if quarter % REPEAT_EVERY == REPEAT_EVERY // 2 and quarter + 1 < self._quarters:
            self._again[kind] = items[-count:]
        return again
