"""The simulated workers keep their shifts, in the site's time zone, and no minute is told twice."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import fmean
from zoneinfo import ZoneInfo

import pytest

from edge_client.collectors.activity import Classifier, crew
from edge_client.collectors.failures import Failures, failures
from edge_client.collectors.plant import SHIFTS
from ingestion_api.contract import Event

BERLIN = ZoneInfo("Europe/Berlin")
# From Friday morning to Monday morning, over the night in which the clocks go forward.
START = datetime(2026, 3, 27, 5, 0, tzinfo=UTC)
END = START + timedelta(hours=72)
DRIFT = (END - timedelta(hours=12), END)


def chance(name: str) -> Random:
    return Random(name)


@pytest.fixture(scope="module")
def broken() -> dict[str, Failures]:
    return failures(START, chance)


@pytest.fixture(scope="module")
def events(broken: dict[str, Failures]) -> list[Event]:
    def everything() -> Iterator[Event]:
        for worker in crew(START, chance, Classifier(chance("classifier"), DRIFT), BERLIN, broken):
            for quarter in range(1, 72 * 4 + 1):
                yield from worker.until(START + quarter * timedelta(minutes=15))

    return list(everything())


def at(event: Event) -> datetime:
    assert event.event_time is not None
    return event.event_time


def test_everybody_works_their_own_shift_only_also_when_the_clocks_change(events: list[Event]) -> None:
    shift_of = {worker: shift for shift in SHIFTS for worker in shift.workers}
    assert {event.worker_code for event in events} == set(shift_of)
    assert all(shift_of[event.worker_code].has(at(event).astimezone(BERLIN).hour) for event in events)  # type: ignore[index]


def test_the_night_shift_works_over_midnight_and_through_the_change_of_clocks(events: list[Event]) -> None:
    change = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)  # 02:00 becomes 03:00
    times = sorted(at(event) for event in events if event.worker_code == "W110")
    night = [t for t in times if abs(t - change) < timedelta(hours=5)]
    assert night[0].astimezone(BERLIN).hour == 22
    assert night[-1].astimezone(BERLIN).hour == 5
    assert night[-1] - night[0] < timedelta(hours=7)
    assert max(later - earlier for earlier, later in pairwise(night)) < timedelta(minutes=17)


def test_every_hour_has_enough_events_of_the_classifier(events: list[Event]) -> None:
    hours = Counter((at(event) - START) // timedelta(hours=1) for event in events if event.confidence is not None)
    assert sorted(hours) == list(range(72))
    assert min(hours.values()) >= 40


def test_confidence_is_steady_until_it_sinks(events: list[Event]) -> None:
    def mean(start: datetime, hours: int) -> float:
        end = start + timedelta(hours=hours)
        return fmean(e.confidence for e in events if e.confidence is not None and start <= at(e) < end)

    assert mean(START, 60) == pytest.approx(0.93, abs=0.005)
    assert mean(END - timedelta(hours=7), 2) == pytest.approx(0.815, abs=0.02)
    assert mean(END - timedelta(hours=1), 1) == pytest.approx(0.71, abs=0.02)


def test_a_camera_is_silent_while_a_terminal_speaks(events: list[Event]) -> None:
    """S3-009 beside C12: an interval with a duration, and states without."""
    manual = [event for event in events if event.duration_s is not None]
    assert {event.source_code[:3] for event in manual} == {"TRM"}
    assert {event.event_type for event in manual} == {"working", "idle"}
    assert all(event.units_produced for event in manual if event.event_type == "working")
    for interval in manual:
        end = at(interval) + timedelta(seconds=interval.duration_s or 0)
        meanwhile = [
            event for event in events if event.worker_code == interval.worker_code and at(interval) <= at(event) < end
        ]
        assert meanwhile == [interval]
    seen = [event for event in events if event.source_code.startswith("CAM")]
    assert {event.event_type for event in seen} == {"working", "idle", "absent", "product_count"}
    assert all(event.duration_s is None and event.confidence is not None for event in seen)


def test_nobody_is_seen_working_at_a_work_unit_that_is_down(events: list[Event], broken: dict[str, Failures]) -> None:
    meanwhile = [
        event
        for event in events
        if event.source_code.startswith("CAM") and event.work_unit_code and broken[event.work_unit_code].has(at(event))
    ]
    assert {event.event_type for event in meanwhile} >= {"idle"}
    assert [event for event in meanwhile if event.event_type == "working"] == []


def test_some_of_the_counted_pieces_are_scrap(events: list[Event]) -> None:
    """ISO 22400: produced and scrapped quantity. Each scrap is typed in with the count it is of."""
    counts = {(e.event_time, e.worker_code): e.units_produced or 0 for e in events if e.event_type == "product_count"}
    scrap = {(e.event_time, e.worker_code): e.units_produced or 0 for e in events if e.event_type == "scrap_count"}
    assert all(0 < units <= counts[key] for key, units in scrap.items())
    assert sum(scrap.values()) / sum(counts.values()) == pytest.approx(0.03, abs=0.005)
    assert {e.source_code[:3] for e in events if e.event_type == "scrap_count"} == {"TRM"}


def test_no_two_events_share_a_key(events: list[Event]) -> None:
    keys = Counter(
        (event.source_code, event.event_type, event.event_time, event.work_unit_code, event.worker_code)
        for event in events
    )
    assert max(keys.values()) == 1


def test_every_work_unit_is_worked_at_by_one_worker_at_a_time(events: list[Event]) -> None:
    assert {event.work_unit_code for event in events} == {f"WU{number}" for number in range(1, 7)}
    places: dict[tuple[str | None, datetime], set[str | None]] = {}
    for event in events:
        local = at(event).astimezone(BERLIN)
        stint = local.replace(hour=local.hour // 2 * 2, minute=0, second=0)
        places.setdefault((event.work_unit_code, stint), set()).add(event.worker_code)
    assert max(len(workers) for workers in places.values()) == 1
