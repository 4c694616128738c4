"""All formats together: the same readings give the same columns, and nothing is lost of anything."""

import csv as csv_writer
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ingestion_api.columns import ReadingColumns
from ingestion_api.contract import Event, Kind, Reading
from ingestion_api.errors import IngestionError, MalformedRequest
from ingestion_api.formats.catalog import PARSERS, read_alone
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import SHAPES, Unreadable
from ingestion_api.formats.parsed import ParsedBody

START = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
CONTEXT = Context(max_items=50, equipment_code="pump-9", source_code="camera-9", received_at=START)
patient = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])
Row = tuple[str, str, float, int]


def as_fields(row: Row) -> dict[str, object]:
    equipment_code, metric, value, seconds = row
    time = (START + timedelta(seconds=seconds)).isoformat()
    return {
        "equipment_code": equipment_code,
        "metric": metric,
        "value": value,
        "event_time": time,
        "unit_code": "bar",
    }


def as_json(rows: list[Row]) -> bytes:
    return json.dumps([as_fields(row) for row in rows]).encode()


def as_ndjson(rows: list[Row]) -> bytes:
    return b"\r\n\n".join(json.dumps(as_fields(row)).encode() for row in rows)


def as_csv(rows: list[Row]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv_writer.DictWriter(text, list(as_fields(rows[0])))
    writer.writeheader()
    writer.writerows(as_fields(row) for row in rows)
    return text.getvalue().encode()


def as_arrow(rows: list[Row]) -> bytes:
    fields = [as_fields(row) for row in rows]
    for row in fields:
        row["event_time"] = datetime.fromisoformat(str(row["event_time"]))
    batch = pa.RecordBatch.from_pylist(fields)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as stream:
        stream.write_batch(batch)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def as_senml(rows: list[Row]) -> bytes:
    base = {"bu": "bar", "bt": START.timestamp()}
    records = [{"n": f"{row[0]}/{row[1]}", "v": row[2], "t": row[3]} for row in rows]
    return json.dumps([base, *records]).encode()


def as_lines(rows: list[Row]) -> bytes:
    return "\n".join(
        f"{row[1]},equipment={row[0]},unit_code=bar value={row[2]!r} {int(START.timestamp()) + row[3]}" for row in rows
    ).encode()


WRITERS: dict[str, Callable[[list[Row]], bytes]] = {
    "json": as_json,
    "ndjson": as_ndjson,
    "csv": as_csv,
    "arrow": as_arrow,
    "senml": as_senml,
    "line_s": as_lines,
}
codes = st.from_regex(r"[a-zA-Z][a-zA-Z0-9_-]{0,8}", fullmatch=True)
ROWS = st.lists(
    st.tuples(
        codes,
        codes,
        st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=20,
)


@pytest.mark.parametrize("name", WRITERS)
@patient
@given(rows=ROWS)
def test_the_same_readings_give_the_same_columns(name: str, rows: list[Row]) -> None:
    parsed = PARSERS[name]("readings", WRITERS[name](rows), CONTEXT)
    assert parsed.unreadable in ([], ())
    columns = parsed.columns
    assert isinstance(columns, ReadingColumns)
    assert list(columns.item_index) == list(range(len(rows)))
    assert columns.equipment_code == [row[0] for row in rows]
    assert columns.metric == [row[1] for row in rows]
    assert columns.value == [row[2] for row in rows]
    assert columns.event_time == [START + timedelta(seconds=row[3]) for row in rows]
    assert columns.unit_code == ["bar"] * len(rows)
    check_alone(name, "readings", parsed)


def check_alone(name: str, kind: Kind, parsed: ParsedBody) -> None:
    """Each original, read alone, is the item that it was in its batch."""
    originals = parsed.originals()
    assert len(originals) == parsed.item_count
    assert len(parsed.columns.item_index) + len(parsed.unreadable) == parsed.item_count
    whole: dict[int, object] = {refusal.index: refusal.reason_code for refusal in parsed.unreadable}
    for row, index in enumerate(parsed.columns.item_index):
        whole[index] = [repr(getattr(parsed.columns, field)[row]) for field in SHAPES[kind].__struct_fields__]
    for index, original in enumerate(originals):
        item = read_alone(name, kind, original, CONTEXT)
        alone: object
        if isinstance(item, Unreadable):
            alone = item.reason_code
        else:
            assert isinstance(item, Reading | Event)
            alone = [repr(getattr(item, field)) for field in SHAPES[kind].__struct_fields__]
        assert alone == whole[index], original


def check(name: str, kind: Kind, body: bytes) -> None:
    """Whatever comes in, either the package's own error comes out, or every item is accounted for."""
    try:
        parsed = PARSERS[name](kind, body, CONTEXT)
    except IngestionError:
        return
    assert 1 <= parsed.item_count <= CONTEXT.max_items
    check_alone(name, kind, parsed)


KINDS: tuple[Kind, ...] = ("readings", "events")
NAMES = sorted(set(PARSERS) - {"line_us", "line_ms", "line_min", "line_h"})
TIME = b'"2026-02-06T10:30:00Z"'
TOKENS = st.sampled_from(
    [
        *(bytes([byte]) for byte in b'[]{},:"\\ =\n\r\t1#-.eiu'),
        *(b"NaN", b"1e999", b"null", b"\xff", b"true", b'"a"', b"inf", b"99999999999999999999", b'""'),
        *(b'"Motor_RPM":', b'"timestamp":', b'"equipment_code":', b'"metric":', b'"value":', TIME, b'"event_type":'),
        *(b'"idle"', b'"count":', b'"worker_id":', b'"bn":', b'"n":', b'"v":', b'"vs":', b'"t":', b'"bt":', b'"s":'),
        *(b"equipment_code", b"metric", b"value", b"event_time", b"Flow_Rate_L_min", b"event_type", b"idle"),
        *(b"m,host=a v=1", b" 1770373800", TIME[1:-1], b"\xef\xbb\xbf", b'"readings":['),
    ]
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", KINDS)
@patient
@given(body=st.binary(max_size=200) | st.lists(TOKENS, max_size=40).map(b"".join))
@example(body=b"")
@example(body=b'equipment_code,value\n"\n')
@example(body=b'[{"n":"a","v":1,"bt":5}]')
def test_any_bytes(name: str, kind: Kind, body: bytes) -> None:
    check(name, kind, body)


def test_arrow_whose_time_zone_is_no_text() -> None:
    """The zone is decoded only when it is asked for, long after the stream was found to be sound."""
    body = as_arrow([("P", "m", 1.0, 0)]).replace(b"UTC", b"\x80TC")
    with pytest.raises(MalformedRequest, match="not UTF-8"):
        PARSERS["arrow"]("readings", body, CONTEXT)


@patient
@given(rows=ROWS, data=st.data())
def test_damaged_arrow(rows: list[Row], data: st.DataObject) -> None:
    """A flipped byte anywhere in a stream is refused, or accounted for."""
    body = bytearray(as_arrow(rows))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    check("arrow", "readings", bytes(body))
