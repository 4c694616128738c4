"""JSON bodies: what is read, what is refused alone, and what sinks the whole body."""

import json
from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingestion_api.columns import EventColumns, ReadingColumns
from ingestion_api.contract import Kind
from ingestion_api.errors import IngestionError, MalformedRequest, TooLarge
from ingestion_api.formats.context import Context
from ingestion_api.formats.json import parse, parse_items, write
from ingestion_api.formats.parsed import ParsedBody

GOOD = b'{"equipment_code":"pump-1","metric":"pressure","value":1.5,"event_time":"2026-02-06T10:30:00Z"}'
EVENT = b'{"source_code":"camera-1","event_type":"idle","work_unit_code":"","worker_code":"W114","duration_s":5}'
# How long an example takes says more of the machine's other work than of the parser.
patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
KINDS: tuple[Kind, ...] = ("readings", "events")


def readings(body: bytes) -> ParsedBody:
    return parse("readings", body, Context())


def reasons(parsed: ParsedBody) -> dict[int, str]:
    return {refusal.index: refusal.reason_code for refusal in parsed.unreadable}


@pytest.mark.parametrize(
    "body",
    [
        GOOD,
        b"[" + GOOD + b"]",
        b' \r\n{"readings": [' + GOOD + b"]}\n",
        b'{"note":"a \\"readings\\" batch","readings" : [ ' + GOOD + b" ]}",
        b"\xef\xbb\xbf[" + GOOD + b"]",
    ],
)
def test_three_shapes_hold_the_same_item(body: bytes) -> None:
    """S1-007, S0-020: one item or an array."""
    parsed = readings(body)
    assert parsed.item_count == 1
    assert parsed.columns == ReadingColumns(
        item_index=range(1),
        equipment_code=["pump-1"],
        metric=["pressure"],
        value=[1.5],
        event_time=[datetime(2026, 2, 6, 10, 30, tzinfo=UTC)],
        unit_code=[None],
        quality=[1.0],
    )
    assert list(parsed.originals()) == [GOOD]


def test_event_without_a_work_unit_has_none() -> None:
    parsed = parse("events", EVENT, Context())
    columns = cast(EventColumns, parsed.columns)
    assert (columns.work_unit_code, columns.worker_code, columns.confidence) == ([None], ["W114"], [None])
    assert columns.event_time == [None]


@pytest.mark.parametrize("event_type", ["working", "idle", "absent", "down", "product_count", "scrap_count"])
def test_every_event_type_is_read(event_type: str) -> None:
    """S1-003, S3-024; down and scrap_count for ISO 22400."""
    parsed = parse("events", EVENT.replace(b"idle", event_type.encode()), Context())
    assert cast(EventColumns, parsed.columns).event_type == [event_type]


@pytest.mark.parametrize("event_type", ["Down", "scrap", "failure", "stopped", ""])
def test_an_unknown_event_type_is_refused(event_type: str) -> None:
    assert reasons(parse("events", EVENT.replace(b"idle", event_type.encode()), Context())) == {0: "malformed_item"}


def test_unknown_fields_are_ignored() -> None:
    assert readings(GOOD[:-1] + b',"firmware":{"major":[1,2]}}').unreadable == ()


@pytest.mark.parametrize(
    ("item", "reason_code"),
    [
        (b'{"equipment_code":"p","metric":"m","value":NaN}', "value_not_finite"),
        (b'{"equipment_code":"p","metric":"m","value":-Infinity}', "value_not_finite"),
        (b'{"equipment_code":"p","metric":"m","value":1e999}', "value_not_finite"),
        (b'{"equipment_code":"p","metric":"m","value":"12"}', "malformed_item"),
        (b'{"equipment_code":"p","metric":"m","value":true}', "malformed_item"),
        (b'{"equipment_code":"p","metric":"m"}', "malformed_item"),
        (b'{"equipment_code":7,"metric":"m","value":1}', "malformed_item"),
        (b'{"equipment_code":"p","metric":"m","value":1,"event_time":"2026-02-06T10:30:00"}', "malformed_item"),
        (b'{"equipment_code":"p","metric":"m","value":1,"event_time":1770373800}', "malformed_item"),
        (b'{"equipment_code":"p","metric":"m","value":1,"event_time":"yesterday"}', "malformed_item"),
        (b'{"equipment_code":"\xff","metric":"m","value":1}', "text_not_storable"),
        (b'{"equipment_code":"\\ud800","metric":"m","value":1}', "text_not_storable"),
        (b'{"equipment_code":"p","metric":"m","value":1]', "malformed_item"),
        (b'{"equipment_code":}', "malformed_item"),
        (b"null", "malformed_item"),
        (b"17", "malformed_item"),
        (b"[]", "malformed_item"),
        (b"", "malformed_item"),
        (b'{"x":' + b"[" * 50_000 + b"]" * 50_000 + b"}", "malformed_item"),
        (b'{"equipment_code":"p","metric":"m","value":' + b"9" * 5_000 + b"}", "value_not_finite"),
        (b"[" * 50_000 + b"]" * 50_000, "malformed_item"),
    ],
)
def test_one_bad_item_harms_no_other(item: bytes, reason_code: str) -> None:
    """C4: one bad row never fails a batch; its bytes are kept."""
    parsed = readings(b"[" + b", ".join([GOOD, item, GOOD]) + b"]")
    assert reasons(parsed) == {1: reason_code}
    assert list(parsed.columns.item_index) == [0, 2]
    assert parsed.originals()[1] == item
    assert parsed.item_count == 3


def test_offset_is_asked_for_where_it_lacks() -> None:
    """S1-014: ISO 8601, and with an offset."""
    item = GOOD.replace(b"00Z", b"00")
    assert "offset" in readings(b"[" + item + b"]").unreadable[0].detail


def test_bad_item_under_the_name_harms_no_other() -> None:
    parsed = readings(b'{"site":[{"readings":1}],"readings":[' + GOOD + b',{"value":NaN}],"sent":true}')
    assert reasons(parsed) == {1: "value_not_finite"}


@pytest.mark.parametrize("item", [b'{"event_type":"sleeping\\u0000"}', b'{"event_type":"\xff\\u0000"}'])
def test_sentence_can_be_stored_whatever_it_quotes(item: bytes) -> None:
    item = item[:-1] + b',"source_code":"c"}'
    detail = parse("events", b"[" + item + b"]", Context()).unreadable[0].detail
    assert "\x00" not in detail
    assert detail.encode()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"null",
        b"17",
        b'"text"',
        b"hello",
        b"\x00\xff",
        b"[",
        b"{",
        b'[{"a":1}',
        b'[{"a":"1}]',
        b'["\\',
        b"[1,2]]",
        b"[]x",
        b"{} {}",
        b"[]",
        b'{"readings":[]}',
        b"[" * 100_000,
    ],
)
def test_body_that_holds_no_items_is_refused_whole(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        readings(body)


@pytest.mark.parametrize("item", [GOOD, b"NaN"])
def test_item_limit_is_exact(item: bytes) -> None:
    """C5: 1,000 items; 1,001 are too many, also where the body has to be split."""
    body = b"[" + b",".join([item] * 10) + b"]"
    assert parse("readings", body, Context(max_items=10)).item_count == 10
    with pytest.raises(TooLarge):
        parse("readings", body, Context(max_items=9))


def test_quotes_and_brackets_inside_texts_split_nothing() -> None:
    tricky = b'{"equipment_code":"a,]}[{\\"\\\\","metric":"m","value":NaN}'
    parsed = readings(b"[" + tricky + b"," + GOOD + b"]")
    assert parsed.originals()[0] == tricky
    assert list(parsed.columns.item_index) == [1]


@pytest.mark.parametrize(
    "body",
    [b'["' + b'\\"' * 200_000 + b"\\", b'["' + b'"' * 400_000, b"[" + b"{}[]" * 200_000, b'["' + b"\\" * 400_000],
)
def test_hostile_body_takes_linear_time(body: bytes) -> None:
    """Quadratic time would be minutes here."""
    with pytest.raises(MalformedRequest):
        readings(body)


def test_columns_are_written_as_they_are_read() -> None:
    """Released items are stored in the contract's words, whatever they came in."""
    parsed = readings(b"[" + GOOD + b"," + GOOD.replace(b"1.5", b"2.5") + b"]")
    again = readings(write(parsed.columns, [1]))
    assert isinstance(again.columns, ReadingColumns)
    assert again.columns.value == [2.5]
    assert again.columns.event_time == [datetime(2026, 2, 6, 10, 30, tzinfo=UTC)]


def test_items_of_their_own_are_parsed_alone() -> None:
    parsed = parse_items("readings", [b"]", GOOD, b""], Context())
    assert reasons(parsed) == {0: "malformed_item", 2: "malformed_item"}
    assert list(parsed.columns.item_index) == [1]


def check(kind: Kind, body: bytes) -> None:
    """Whatever comes in, either the package's own error comes out, or every item is accounted for."""
    try:
        parsed = parse(kind, body, Context(max_items=50))
    except IngestionError:
        return
    indexes = [*parsed.columns.item_index, *(refusal.index for refusal in parsed.unreadable)]
    assert sorted(indexes) == list(range(parsed.item_count))
    assert 1 <= parsed.item_count <= 50
    assert len(parsed.originals()) == parsed.item_count
    for name in vars(parsed.columns):
        assert len(getattr(parsed.columns, name)) == len(parsed.columns.item_index)


@patient
@given(st.sampled_from(KINDS), st.binary(max_size=200))
def test_any_bytes(kind: Kind, body: bytes) -> None:
    check(kind, body)


MARKS = (b"[", b"]", b"{", b"}", b",", b":", b'"', b"\\", b" ", b"1", b"NaN", b"1e999", b"null", b"\xff")
WORDS = (b'"readings"', b'"events"', b'"value":', GOOD, EVENT)
TOKENS = st.sampled_from(MARKS + WORDS)


@patient
@given(st.sampled_from(KINDS), st.lists(TOKENS, max_size=30))
def test_any_tokens(kind: Kind, tokens: list[bytes]) -> None:
    check(kind, b"[" + b"".join(tokens))
    check(kind, b"{" + b"".join(tokens))
    check(kind, b"[" + b",".join(tokens) + b"]")


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text('a\x00\\"\ud800µ', max_size=5)
FIELDS = st.sampled_from(["equipment_code", "metric", "value", "event_time", "quality", "unit_code", "readings"])
ITEMS = st.dictionaries(FIELDS, SCALARS | st.lists(SCALARS, max_size=2), max_size=6)


@patient
@given(st.lists(ITEMS, min_size=1, max_size=8))
def test_any_json(items: list[dict[str, Any]]) -> None:
    """json.dumps writes NaN and Infinity as Python likes them, and so do devices."""
    for body in (items, {"readings": items}, items[0]):
        check("readings", json.dumps(body).encode())
        check("readings", json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"))


@patient
@given(st.lists(st.sampled_from([GOOD, b'{"value":1}', b"{}"]), min_size=1, max_size=8))
def test_splitting_agrees_with_decoding(items: list[bytes]) -> None:
    body = b"[" + b",".join(items) + b"]"
    parsed = readings(body)
    assert list(parsed.originals()) == items
    assert len(parsed.unreadable) == sum(item != GOOD for item in items)
    assert msgspec.json.decode(body) == [json.loads(item) for item in items]
