"""SenML by the examples of RFC 8428."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ingestion_api.columns import ReadingColumns
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.context import Context
from ingestion_api.formats.senml import parse

NOW = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
CONTEXT = Context(max_items=5, equipment_code="pump-9", received_at=NOW)


def rows(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    parsed = parse("readings", json.dumps(records).encode(), CONTEXT)
    columns = parsed.columns
    assert isinstance(columns, ReadingColumns)
    assert not parsed.unreadable
    return list(
        zip(columns.equipment_code, columns.metric, columns.value, columns.unit_code, columns.event_time, strict=True)
    )


def test_base_fields_carry_over_and_times_are_relative() -> None:
    """RFC 8428, 5.1.3."""
    records = [
        {"bn": "urn:dev:ow:10e2073a0108006:", "bt": 1.276020076001e09, "bu": "A", "n": "voltage", "u": "V", "v": 120.1},
        {"n": "current", "t": -5, "v": 1.2},
        {"n": "current", "t": -4, "bv": 1, "v": 1.3},
    ]
    base = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=1276020076.001)
    device = "urn:dev:ow:10e2073a0108006"
    assert rows(records) == [
        (device, "voltage", 120.1, "V", base),
        (device, "current", 1.2, "A", base - timedelta(seconds=5)),
        (device, "current", 2.3, "A", base - timedelta(seconds=4)),
    ]


def test_times_from_now_and_names_without_equipment() -> None:
    assert rows([{"n": "temp", "u": "Cel", "v": 1}, {"n": "p/humidity", "u": "%RH", "v": 2, "t": -60}]) == [
        ("pump-9", "temp", 1.0, "Cel", None),
        ("p", "humidity", 2.0, "%", NOW - timedelta(seconds=60)),
    ]


def test_equal_bodies_with_times_from_now_are_different_batches() -> None:
    assert parse("readings", b'[{"n":"a","v":1,"t":-5}]', CONTEXT).has_relative_times
    assert not parse("readings", b'[{"n":"a","v":1,"t":1770373800}]', CONTEXT).has_relative_times


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"n": "a", "vs": "on"}, "text"),
        ({"n": "a", "vb": True}, "boolean"),
        ({"n": "a", "vd": "aGk"}, "data"),
        ({"n": "a", "s": 5}, "sum"),
        ({"n": "a"}, "no value"),
        ({"n": "a", "v": "1"}, "float"),
        ({"n": "a", "v": 1, "t": 1e300}, "year"),
    ],
)
def test_one_bad_record_harms_no_other(record: dict[str, Any], said: str) -> None:
    body = json.dumps([{"bn": "p/", "n": "a", "v": 1}, record, {"n": "b", "v": 2}]).encode()
    parsed = parse("readings", body, CONTEXT)
    (refusal,) = parsed.unreadable
    assert refusal.index == 1
    assert said in refusal.detail
    assert parsed.originals()[2] == b'[{"bn":"p/"},{"n": "b", "v": 2}]'


def test_later_versions_are_refused() -> None:
    assert parse("readings", b'[{"bver":11,"n":"a","v":1}]', CONTEXT).unreadable[0].reason_code == "malformed_item"


@pytest.mark.parametrize("body", [b"{}", b"[]", b"", b'[{"bn":"a"}]', b"[" * 100_000])
def test_body_that_holds_no_records_is_refused_whole(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse("readings", body, CONTEXT)


def test_item_limit_is_exact() -> None:
    record = {"n": "a", "v": 1}
    assert len(rows([{"bn": "p/"}, *[record] * 5])) == 5
    with pytest.raises(TooLarge):
        rows([record] * 6)
