"""Arrow IPC: the bounds that hold before a buffer is touched, and times."""

from typing import Any

import pyarrow as pa
import pytest

from ingestion_api.columns import ReadingColumns
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.arrow import parse
from ingestion_api.formats.context import Context

CONTEXT = Context(max_items=10, equipment_code="pump-9")


def stream(columns: dict[str, Any], compression: str | None = None) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema, options=pa.ipc.IpcWriteOptions(compression=compression)) as writer:
        writer.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def test_integers_and_dictionaries_and_extra_columns() -> None:
    metric = pa.array(["a", "b", "a"]).dictionary_encode()
    parsed = parse("readings", stream({"metric": metric, "value": [1, 2, 3], "note": ["x", "y", "z"]}), CONTEXT)
    columns = parsed.columns
    assert isinstance(columns, ReadingColumns)
    assert (columns.metric, columns.value) == (["a", "b", "a"], [1.0, 2.0, 3.0])
    assert columns.equipment_code == ["pump-9"] * 3


def test_compressed_buffers_are_refused_unread() -> None:
    bomb = stream({"metric": ["a"], "value": [1.0], "note": ["x" * 10_000_000]}, compression="zstd")
    assert len(bomb) < 100_000
    with pytest.raises(MalformedRequest, match="compressed"):
        parse("readings", bomb, CONTEXT)


def test_rows_are_counted_before_they_are_made() -> None:
    assert parse("readings", stream({"metric": ["a"] * 10, "value": [1.0] * 10}), CONTEXT).item_count == 10
    with pytest.raises(TooLarge):
        parse("readings", stream({"metric": ["a"] * 11, "value": [1.0] * 11}), CONTEXT)


def test_a_long_text_in_a_dictionary_is_refused() -> None:
    metric = pa.DictionaryArray.from_arrays([0] * 10, ["x" * 100_000])
    with pytest.raises(MalformedRequest, match="dictionary"):
        parse("readings", stream({"metric": metric, "value": [1.0] * 10}), CONTEXT)


@pytest.mark.parametrize("column", [[[1.0]], [{"a": 1}], pa.array(["a"], pa.string_view()), pa.array([True])])
def test_other_types_refuse_the_body(column: Any) -> None:
    with pytest.raises(MalformedRequest, match="type"):
        parse("readings", stream({"metric": ["a"], "value": column}), CONTEXT)


@pytest.mark.parametrize(
    ("times", "reason_code"),
    [
        (pa.array([0], pa.timestamp("us")), "malformed_item"),
        (pa.array([0], pa.int64()), "malformed_item"),
        (pa.array([2**62], pa.timestamp("s", "UTC")), "event_time_out_of_range"),
    ],
)
def test_a_time_needs_a_zone_and_a_year(times: Any, reason_code: str) -> None:
    parsed = parse("readings", stream({"metric": ["a"], "value": [1.0], "event_time": times}), CONTEXT)
    assert [refusal.reason_code for refusal in parsed.unreadable] == [reason_code]


@pytest.mark.parametrize(
    "body", [b"", b"ARROW1", b"\xff\xff\xff\xff\x00\x00\x00\x00", stream({"metric": ["a"]})[:-200]]
)
def test_what_is_no_stream_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedRequest):
        parse("readings", body, CONTEXT)
