"""Each rule at its boundary, and each reason code once."""

import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from ingestion_api.columns import of_events, of_readings
from ingestion_api.contract import Event, Reading
from ingestion_api.known_codes import KnownCodes
from ingestion_api.rules import EARLIEST, EVENT_RULES, READING_RULES, Circumstances, find_broken

NOW = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
KNOWN = KnownCodes(True, equipment={"pump-1"}, work_units={"S3"}, workers={"W114"})
TICK = timedelta(microseconds=1)


def reason_of_reading(**fields: Any) -> str | None:
    item = Reading(**{"equipment_code": "pump-1", "metric": "pressure", "value": 1.0, "event_time": NOW, **fields})
    broken = find_broken(of_readings([0], [item]), Circumstances(NOW, KNOWN))
    return broken[0][0] if broken else None


def reason_of_event(**fields: Any) -> str | None:
    item = Event(**{"source_code": "camera-1", "event_type": "working", "event_time": NOW, **fields})
    broken = find_broken(of_events([0], [item]), Circumstances(NOW, KNOWN))
    return broken[0][0] if broken else None


@pytest.mark.parametrize(
    ("fields", "reason_code"),
    [
        ({}, None),
        ({"equipment_code": ""}, "malformed_item"),
        ({"metric": ""}, "malformed_item"),
        ({"metric": "m" * 200}, None),
        ({"metric": "m" * 201}, "text_too_long"),
        ({"unit_code": "u" * 201}, "text_too_long"),
        ({"equipment_code": "p" * 201}, "text_too_long"),
        ({"metric": "µ/∆-温度"}, None),
        ({"metric": "a\x00b"}, "text_not_storable"),
        ({"metric": "a\ud800"}, "text_not_storable"),
        ({"unit_code": "\udfff"}, "text_not_storable"),
        ({"value": math.nan}, "value_not_finite"),
        ({"value": math.inf}, "value_not_finite"),
        ({"value": -math.inf}, "value_not_finite"),
        ({"value": 1.7e308}, None),
        ({"quality": 0.0}, None),
        ({"quality": 1.0}, None),
        ({"quality": -0.001}, "quality_out_of_range"),
        ({"quality": 1.001}, "quality_out_of_range"),
        ({"quality": math.nan}, "quality_out_of_range"),
        ({"event_time": None}, None),
        ({"event_time": NOW + timedelta(minutes=5)}, None),
        ({"event_time": NOW + timedelta(minutes=5) + TICK}, "event_time_in_future"),
        ({"event_time": NOW - timedelta(days=365)}, None),
        ({"event_time": EARLIEST}, None),
        ({"event_time": EARLIEST - TICK}, "event_time_out_of_range"),
        ({"event_time": datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))}, "event_time_out_of_range"),
        ({"event_time": datetime(9999, 12, 31, 23, tzinfo=timezone(-timedelta(hours=2)))}, "event_time_in_future"),
        ({"event_time": (NOW + timedelta(minutes=4)).astimezone(timezone(timedelta(hours=9)))}, None),
        ({"equipment_code": "pump-9"}, "unknown_equipment"),
    ],
)
def test_reading_is_judged(fields: dict[str, Any], reason_code: str | None) -> None:
    """C17: late is accepted, only the future is not. D5."""
    assert reason_of_reading(**fields) == reason_code


@pytest.mark.parametrize(
    ("fields", "reason_code"),
    [
        ({}, None),
        ({"source_code": ""}, "malformed_item"),
        ({"source_code": "c" * 201}, "text_too_long"),
        ({"source_code": "c\x00"}, "text_not_storable"),
        ({"confidence": 0.0}, None),
        ({"confidence": 1.0}, None),
        ({"confidence": -1e-9}, "confidence_out_of_range"),
        ({"confidence": 1 + 1e-9}, "confidence_out_of_range"),
        ({"confidence": math.nan}, "confidence_out_of_range"),
        ({"duration_s": 0.0}, None),
        ({"duration_s": 86_400.0}, None),
        ({"duration_s": -0.001}, "duration_out_of_range"),
        ({"duration_s": 86_400.001}, "duration_out_of_range"),
        ({"duration_s": math.inf}, "duration_out_of_range"),
        ({"units_produced": 0}, None),
        ({"units_produced": 10**9}, None),
        ({"units_produced": -1}, "units_out_of_range"),
        ({"units_produced": 10**9 + 1}, "units_out_of_range"),
        ({"units_produced": 10**400}, "units_out_of_range"),
        ({"event_time": NOW + timedelta(minutes=6)}, "event_time_in_future"),
        ({"event_time": EARLIEST - TICK}, "event_time_out_of_range"),
        ({"work_unit_code": "S3", "worker_code": "W114"}, None),
        ({"work_unit_code": "S4"}, "unknown_work_unit"),
        ({"worker_code": "W115"}, "unknown_worker"),
        ({"event_type": "down"}, "malformed_item"),
        ({"event_type": "down", "work_unit_code": ""}, "malformed_item"),
        ({"event_type": "down", "worker_code": "W114"}, "malformed_item"),
        ({"event_type": "down", "work_unit_code": "S4"}, "unknown_work_unit"),
        ({"event_type": "down", "work_unit_code": "S3"}, None),
        ({"event_type": "down", "work_unit_code": "S3", "worker_code": "W114", "duration_s": 60.0}, None),
        ({"event_type": "scrap_count", "units_produced": 2}, None),
        ({"event_type": "scrap_count", "units_produced": -1}, "units_out_of_range"),
    ],
)
def test_event_is_judged(fields: dict[str, Any], reason_code: str | None) -> None:
    """S1-012: workers and workstations must exist. A failure is some work unit's (ISO 22400)."""
    assert reason_of_event(**fields) == reason_code


@pytest.mark.parametrize("confidence", [0.0, 0.3, 0.69, 0.7, 0.71])
def test_low_confidence_is_no_reason(confidence: float) -> None:
    """C8, S1-013: the 0.7 gate marks, it does not refuse; refusing would hide the drift."""
    assert reason_of_event(confidence=confidence) is None


def test_first_broken_rule_is_the_reason() -> None:
    assert reason_of_reading(equipment_code="nobody", value=math.nan, quality=7) == "value_not_finite"


def test_every_wrong_row_is_found_and_no_other() -> None:
    values = [1.0, math.nan, 2.0, math.inf, 3.0]
    items = [Reading(equipment_code="pump-1", metric="pressure", value=value) for value in values]
    broken = find_broken(of_readings(range(5), items), Circumstances(NOW, KNOWN))
    assert {row: reason for row, (reason, _) in broken.items()} == {1: "value_not_finite", 3: "value_not_finite"}


@pytest.mark.parametrize(
    "fields",
    [
        {"equipment_code": "x" * 100_000},
        {"equipment_code": "nobody"},
        {"event_time": NOW + timedelta(days=1)},
        {"quality": 7.0},
    ],
)
def test_sentence_is_short_whatever_was_sent(fields: dict[str, Any]) -> None:
    item = Reading(**{"equipment_code": "pump-1", "metric": "pressure", "value": 1.0, **fields})
    broken = find_broken(of_readings([0], [item]), Circumstances(NOW, KNOWN))
    assert 10 < len(broken[0][1]) < 200


def test_sentence_of_a_huge_number_is_short() -> None:
    item = Event(source_code="camera-1", event_type="working", units_produced=10**4000)
    broken = find_broken(of_events([0], [item]), Circumstances(NOW, KNOWN))
    assert len(broken[0][1]) < 200


def test_of_several_events_only_the_down_without_a_work_unit_is_found() -> None:
    places = [("working", None), ("down", "S3"), ("down", None), ("idle", None)]
    items = [Event(source_code="camera-1", event_type=kind, work_unit_code=place) for kind, place in places]  # type: ignore[arg-type]
    broken = find_broken(of_events(range(4), items), Circumstances(NOW, KNOWN))
    assert broken == {2: ("malformed_item", "work_unit_code is missing; down is the state of a work unit")}


def test_rules_are_named_once_each() -> None:
    for rules in (READING_RULES, EVENT_RULES):
        names = [rule.name for rule in rules]
        assert len(names) == len(set(names))
