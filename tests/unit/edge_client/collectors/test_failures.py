"""The simulated work units fail now and then, each told once, in the order it is asked for."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random
from statistics import fmean

import pytest

from edge_client.collectors.failures import LONGEST_S, MEAN_HOURS_BETWEEN, SHORTEST_S, failures
from ingestion_api.contract import Event

START = datetime(2026, 3, 27, 5, 0, tzinfo=UTC)
QUARTER = timedelta(minutes=15)


def told(quarters: int) -> list[Event]:
    """All failures of the plant, asked for by the quarter of an hour."""
    units = failures(START, Random).values()
    return [event for q in range(1, quarters + 1) for unit in units for event in unit.until(START + q * QUARTER)]


def test_a_failure_is_the_work_unit_s_and_told_with_its_duration() -> None:
    events = told(72 * 4)
    assert len(events) > 20
    assert {event.event_type for event in events} == {"down"}
    assert {event.work_unit_code for event in events} == {f"WU{n}" for n in range(1, 7)}
    assert all(event.source_code == f"PLC{(event.work_unit_code or '')[2:]}" for event in events)
    assert all(event.worker_code is None for event in events)
    assert all(SHORTEST_S <= (event.duration_s or 0) <= LONGEST_S for event in events)


def test_failures_of_a_work_unit_do_not_touch() -> None:
    events = [event for event in told(400 * 4) if event.work_unit_code == "WU1"]
    times = [(event.event_time, event.duration_s) for event in events]
    for (earlier, duration_s), (later, _) in pairwise(times):
        assert later > earlier + timedelta(seconds=duration_s)  # type: ignore[operator,arg-type]


def test_they_are_as_far_apart_as_they_should_be() -> None:
    events = [event for event in told(3_000 * 4) if event.work_unit_code == "WU2"]
    hours = [(b.event_time - a.event_time) / timedelta(hours=1) for a, b in pairwise(events)]  # type: ignore[operator]
    assert fmean(hours) == pytest.approx(MEAN_HOURS_BETWEEN + (SHORTEST_S + LONGEST_S) / 7_200, rel=0.2)


def test_asking_for_a_time_or_in_larger_steps_changes_nothing() -> None:
    unit = failures(START, Random)["WU1"]
    assert not unit.has(START)
    asked = [unit.has(START + minute * timedelta(minutes=1)) for minute in reversed(range(72 * 60))]
    events = list(unit.until(START + timedelta(hours=72)))
    assert events == [event for event in told(72 * 4) if event.work_unit_code == "WU1"]
    assert sum(asked) * 60 == pytest.approx(sum(event.duration_s or 0 for event in events), abs=60 * len(events))
