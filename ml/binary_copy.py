"""PostgreSQL's binary COPY format, as numpy arrays. Statements do not belong here.

Streaming millions of readings and scores as Python objects costs more than reading and judging them.
Format: https://www.postgresql.org/docs/16/sql-copy.html, section "Binary Format".
"""

import struct
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ml.arrays import IntArray

if TYPE_CHECKING:
    from psycopg import Connection as DriverConnection
    from sqlalchemy import Connection

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_NUMBER, _LENGTH = struct.Struct(">q"), struct.Struct(">i")
_COLUMN_COUNT_BYTES, _LENGTH_BYTES = 2, 4
# Dimensions, whether there are NULLs, type; then size and first index of the one dimension (array_send in the source).
_ARRAY_HEADER_BYTES = 20
# PostgreSQL counts microseconds from here.
EPOCH_US = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000


def driver_connection(connection: "Connection") -> "DriverConnection[Any]":
    """The psycopg connection below SQLAlchemy's, inside the same transaction."""
    driver: DriverConnection[Any] | None = connection.connection.driver_connection
    if driver is None:
        raise RuntimeError("This connection is closed.")
    return driver


def decode_arrays(blob: bytes, kinds: Sequence[str]) -> Iterator[tuple[int, list[NDArray[Any]]]]:
    """Read the answer to `COPY … TO STDOUT (FORMAT BINARY)` whose rows are a bigint and arrays.

    Args:
        blob: The whole answer; nothing in it may be NULL.
        kinds: Big-endian numpy type of the elements of each array, of one dimension, such as `>f8`.

    Yields:
        The number and the arrays of each row, shape (element,).
    """
    at = len(HEADER)
    while blob[at : at + 2] != TRAILER:
        (number,) = _NUMBER.unpack_from(blob, at + _COLUMN_COUNT_BYTES + _LENGTH_BYTES)
        at += _COLUMN_COUNT_BYTES + _LENGTH_BYTES + _NUMBER.size
        arrays = []
        for kind in kinds:
            (length,) = _LENGTH.unpack_from(blob, at)
            body = at + _LENGTH_BYTES + _ARRAY_HEADER_BYTES
            at += _LENGTH_BYTES + length
            element = np.dtype([("length", ">i4"), ("value", kind)])
            count = (length - _ARRAY_HEADER_BYTES) // element.itemsize
            arrays.append(np.frombuffer(blob, element, count, body)["value"])
        yield number, arrays


def encode(columns: Mapping[str, tuple[str, NDArray[Any] | bytes]], count: int) -> bytes:
    """Write the input of `COPY … FROM STDIN (FORMAT BINARY)`.

    Args:
        columns: Name to big-endian numpy type and values, shape (row,); bytes stand for the same text in every row.
        count: Number of rows.
    """
    row = _row_type({name: kind for name, (kind, _) in columns.items()})
    rows = np.zeros(count, dtype=row)
    rows["column_count"] = len(columns)
    for name, (_, values) in columns.items():
        rows[f"{name}_length"] = row[name].itemsize
        # A numpy string would lose trailing zero bytes; text has none.
        rows[name] = values
    return HEADER + rows.tobytes() + TRAILER


def text_column(value: str) -> tuple[str, bytes]:
    """The same text in every row."""
    encoded = value.encode()
    return f"S{len(encoded)}", encoded


def time_column(unix_us: IntArray) -> tuple[str, NDArray[Any]]:
    """Times given in microseconds since 1970-01-01 UTC."""
    return ">i8", unix_us - EPOCH_US


def _row_type(columns: Mapping[str, str]) -> np.dtype[Any]:
    fields: Sequence[tuple[str, str]] = [
        ("column_count", ">i2"),
        *(field for name, kind in columns.items() for field in ((f"{name}_length", ">i4"), (name, kind))),
    ]
    return np.dtype(list(fields))
