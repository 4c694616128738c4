"""Arrow IPC streams for bulk: columns by the contract's names, a row is an item. Pages that go out are not made here.

A stream is bounded before its buffers are touched: by row counts, by refusing compressed buffers, whose size is the
sender's word, and by taking plain types only, because a view or a dictionary can say one long text a thousand times.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pyarrow as pa

from ingestion_api.contract import Kind
from ingestion_api.errors import MalformedRequest, TooLarge
from ingestion_api.formats.arrow_message import MessageHead, read_head
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import SHAPES, Item, Unreadable, assemble, check_count, convert
from ingestion_api.formats.names import ALIASES
from ingestion_api.formats.parsed import ParsedBody

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECONDS: dict[str, Callable[[int], int]] = {
    "s": lambda ticks: ticks * 1_000_000,
    "ms": lambda ticks: ticks * 1_000,
    "us": lambda ticks: ticks,
    "ns": lambda ticks: ticks // 1_000,
}
# A text in a dictionary may be said by every row.
_MAX_DICTIONARY_TEXT = 1_000


def parse(kind: Kind, body: bytes, context: Context) -> ParsedBody:
    """Turn a stream into columns.

    Raises:
        MalformedRequest: It is no sound stream of plain columns, or holds no row.
        TooLarge: It holds more rows than allowed.
    """
    table = _table(body, context.max_items)
    check_count(table.num_rows, context.max_items)
    try:
        columns = _columns(kind, table)
    except UnicodeDecodeError as error:  # names and time zones are decoded when they are first asked for
        raise MalformedRequest("the body is no sound Arrow IPC stream: a name in it is not UTF-8") from error
    items = [_item(kind, columns, row, context) for row in range(table.num_rows)]
    return assemble(kind, items, partial(_originals, table))


def _columns(kind: Kind, table: pa.Table) -> dict[str, list[Any]]:
    names = [ALIASES[kind].get(name, name) for name in table.column_names]
    if len(set(names)) != len(names):
        raise MalformedRequest("a column is named twice")
    known = [index for index, name in enumerate(names) if name in SHAPES[kind].__struct_fields__]
    return {names[index]: _values(table.column(index)) for index in known}


def _table(body: bytes, max_items: int) -> pa.Table:
    try:
        _check_messages(body, max_items)
        with pa.ipc.open_stream(body) as stream:
            _check_types(stream.schema)
            table = stream.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, IndexError, KeyError, OverflowError) as error:
        said = str(error).partition("\n")[0][:200]
        raise MalformedRequest(f"the body is no sound Arrow IPC stream: {said}") from error
    return table


def _check_messages(body: bytes, max_items: int) -> None:
    """Look at every message's head: how many rows it announces, and whether its buffers are compressed."""
    rows = 0
    source = pa.BufferReader(body)
    for message in pa.ipc.MessageReader.open_stream(source):
        head: MessageHead = read_head(message.metadata.to_pybytes())
        if head.is_compressed:
            raise MalformedRequest("compressed Arrow buffers are not read; compress the body (Content-Encoding)")
        if head.is_dictionary and head.row_count > max_items:
            raise TooLarge(f"a dictionary holds {head.row_count} values; at most {max_items} are taken at once")
        rows += 0 if head.is_dictionary else head.row_count
        if rows > max_items:
            raise TooLarge(f"the batch holds {rows} items or more; at most {max_items} are taken at once")


def _check_types(schema: pa.Schema) -> None:
    for field in schema:
        if not _is_plain(field.type.value_type if pa.types.is_dictionary(field.type) else field.type):
            raise MalformedRequest(f"column {field.name[:50]!r} is of type {str(field.type)[:50]}, which is not read")


def _is_plain(data_type: pa.DataType) -> bool:
    types = pa.types
    tests = (types.is_string, types.is_large_string, types.is_floating, types.is_integer, types.is_timestamp)
    return any(test(data_type) for test in (*tests, types.is_null))


def _values(column: pa.ChunkedArray) -> list[Any]:
    values: list[Any] = []
    for chunk in column.chunks:
        values += _chunk_values(chunk)
    return values


def _chunk_values(chunk: pa.Array) -> list[Any]:
    if pa.types.is_dictionary(chunk.type):
        known = _chunk_values(chunk.dictionary)
        if any(isinstance(text, str) and len(text) > _MAX_DICTIONARY_TEXT for text in known):
            raise MalformedRequest(f"a dictionary holds a text of more than {_MAX_DICTIONARY_TEXT} characters")
        return [None if index is None else known[index] for index in chunk.indices.to_pylist()]
    if pa.types.is_timestamp(chunk.type):
        in_microseconds = _MICROSECONDS[chunk.type.unit] if chunk.type.tz else None
        ticks = chunk.cast(pa.int64()).to_pylist()
        return [None if tick is None else _moment(tick, in_microseconds) for tick in ticks]
    return list(chunk.to_pylist())


def _moment(tick: int, in_microseconds: Callable[[int], int] | None) -> datetime | Unreadable:
    if in_microseconds is None:
        return Unreadable("malformed_item", "event_time needs a time zone: timestamp(us, UTC)")
    try:
        return _EPOCH + timedelta(microseconds=in_microseconds(tick))
    except OverflowError:
        return Unreadable("event_time_out_of_range", "the time is in no year from 1 to 9999")


def _item(kind: Kind, columns: dict[str, list[Any]], row: int, context: Context) -> Item:
    fields = {name: values[row] for name, values in columns.items() if values[row] is not None}
    if kind == "readings":
        fields.setdefault("equipment_code", context.equipment_code)
    else:
        fields.setdefault("source_code", context.source_code)
    time = fields.get("event_time")
    return time if isinstance(time, Unreadable) else convert(kind, fields, strict=True)


def _originals(table: pa.Table) -> Sequence[bytes]:
    """Write each row as a stream of its own."""
    plain = pa.schema(
        [
            pa.field(field.name, field.type.value_type if pa.types.is_dictionary(field.type) else field.type)
            for field in table.schema
        ]
    )
    return [_alone(table.slice(row, 1), plain) for row in range(table.num_rows)]


def _alone(row: pa.Table, schema: pa.Schema) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_table(row.cast(schema))
    content: bytes = sink.getvalue().to_pybytes()
    return content
