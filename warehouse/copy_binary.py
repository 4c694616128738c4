"""Writes whole columns as PostgreSQL's binary COPY format. Which table they go to is the caller's."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection

Column = NDArray[np.generic]

_SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"
# PostgreSQL counts microseconds from 2000-01-01, Arrow from 1970-01-01.
_POSTGRES_EPOCH_US = 946_684_800_000_000

_BIG_ENDIAN = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float4": ">f4", "float8": ">f8", "bool": "u1"}


def encode(columns: Sequence[tuple[str, Column]]) -> bytes:
    """Encode rows without NULL.

    Args:
        columns: Type (`int2`, `int4`, `int8`, `float4`, `float8`, `bool` or `timestamptz`) and values of each column,
            shape (row,). A `timestamptz` is int64, microseconds since 1970-01-01 UTC.
    """
    layout: list[tuple[str, str]] = [("field_count", ">i2")]
    for position, (type_name, _) in enumerate(columns):
        storage = _BIG_ENDIAN["int8" if type_name == "timestamptz" else type_name]
        layout += [(f"length_{position}", ">i4"), (f"value_{position}", storage)]
    rows = np.empty(len(columns[0][1]), dtype=np.dtype(layout))
    rows["field_count"] = len(columns)
    for position, (type_name, values) in enumerate(columns):
        rows[f"length_{position}"] = rows.dtype[f"value_{position}"].itemsize
        rows[f"value_{position}"] = values - _POSTGRES_EPOCH_US if type_name == "timestamptz" else values
    return _SIGNATURE + rows.tobytes() + _TRAILER


def copy_columns(connection: Connection, table: str, columns: Mapping[str, tuple[str, Column]]) -> None:
    """Append rows to a table within the connection's transaction; each column is given as (type, values)."""
    statement = f"copy {table} ({', '.join(columns)}) from stdin (format binary)"
    copy(connection, statement, encode(list(columns.values())))


def copy(connection: Connection, statement: str, data: bytes) -> None:
    """Run a COPY FROM STDIN statement within the connection's transaction."""
    driver = connection.connection.driver_connection
    if driver is None:
        raise ValueError("the connection is closed")
    with driver.cursor() as cursor, cursor.copy(statement) as stream:
        stream.write(data)
