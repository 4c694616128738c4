"""CSV: long and wide, quotes, and rows that do not fit."""

from datetime import UTC, datetime

import pytest

from ingestion_api.columns import EventColumns, ReadingColumns
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.context import Context
from ingestion_api.formats.csv import parse

CONTEXT = Context(max_items=5, equipment_code="pump-9", source_code="camera-9")
TIME = "2026-02-06T10:30:00Z"


def readings(body: bytes) -> ReadingColumns:
    columns = parse("readings", body, CONTEXT).columns
    assert isinstance(columns, ReadingColumns)
    return columns


def test_long_form() -> None:
    columns = readings(f'\ufeffmetric,value,timestamp\r\n"a,""b""",1.5,{TIME}\r\nc,2,\r\n'.encode())
    assert columns.metric == ['a,"b"', "c"]
    assert columns.value == [1.5, 2.0]
    assert columns.equipment_code == ["pump-9", "pump-9"]
    assert columns.event_time == [datetime(2026, 2, 6, 10, 30, tzinfo=UTC), None]


def test_wide_form_takes_a_reading_a_cell() -> None:
    """S2-005: the pump's column brings its metric and unit; an empty cell is no reading."""
    parsed = parse("readings", f"event_time,Motor_RPM,other\n{TIME},1480,\n{TIME},,7\n".encode(), CONTEXT)
    columns = parsed.columns
    assert isinstance(columns, ReadingColumns)
    assert (columns.metric, columns.value) == (["motor_rpm", "other"], [1480.0, 7.0])
    assert columns.unit_code == ["/min", None]
    assert parsed.originals()[1] == f"event_time,other\n{TIME},7\n".encode()


def test_events() -> None:
    columns = parse("events", b"event_type,count,station_id\nidle,5,S3\n", CONTEXT).columns
    assert isinstance(columns, EventColumns)
    assert (columns.source_code, columns.units_produced, columns.work_unit_code) == (["camera-9"], [5], ["S3"])


def test_event_types_are_the_contract_s() -> None:
    body = b"event_type,count,station_id\ndown,,S3\nstopped,,S3\nscrap_count,2,S3\n"
    parsed = parse("events", body, CONTEXT)
    assert isinstance(parsed.columns, EventColumns)
    assert (parsed.columns.event_type, parsed.columns.units_produced) == (["down", "scrap_count"], [None, 2])
    assert [(refusal.index, refusal.reason_code) for refusal in parsed.unreadable] == [(1, "malformed_item")]


@pytest.mark.parametrize(
    ("row", "reason_code"),
    [
        (b"a", "malformed_item"),
        (b"a,1,2", "malformed_item"),
        (b"a,one", "malformed_item"),
        (b"a,", "malformed_item"),
        (b'a,"1"x', "malformed_item"),
        (b"\xff,1", "text_not_storable"),
    ],
)
def test_one_bad_row_harms_no_other(row: bytes, reason_code: str) -> None:
    parsed = parse("readings", b"metric,value\nx,1\n" + row + b"\ny,2\n", CONTEXT)
    assert [(refusal.index, refusal.reason_code) for refusal in parsed.unreadable] == [(1, reason_code)]
    assert parsed.originals()[1] == b"metric,value\n" + row


def test_a_quote_left_open_makes_one_item_of_the_rest() -> None:
    parsed = parse("readings", b'metric,value\nx,1\n"y,2\nz,3\n', CONTEXT)
    assert parsed.item_count == 2
    assert parsed.originals()[1] == b'metric,value\n"y,2\nz,3'


@pytest.mark.parametrize("body", [b"", b"\n", b"metric,value\n", b"a,a\n1,2\n", b'"\n', b"timestamp,event_time,v\n"])
def test_body_without_a_header_or_rows_is_refused_whole(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse("readings", body, CONTEXT)


def test_item_limit_is_exact() -> None:
    assert len(readings(b"metric,value\n" + b"a,1\n" * 5).value) == 5
    with pytest.raises(TooLarge):
        readings(b"metric,value\n" + b"a,1\n" * 6)
