"""The bytes are those that PostgreSQL documents for COPY BINARY."""

import numpy as np

from warehouse.copy_binary import encode

HEADER = b"PGCOPY\n\xff\r\n\0" + b"\0\0\0\0" + b"\0\0\0\0"


def test_one_row_of_each_type() -> None:
    data = encode(
        [
            ("int2", np.array([-2])),
            ("int4", np.array([258])),
            ("int8", np.array([1])),
            ("bool", np.array([True])),
            ("float4", np.array([1.0])),
            ("float8", np.array([-2.0])),
            ("timestamptz", np.array([946_684_800_000_001])),
        ]
    )
    assert data == (
        HEADER
        + b"\0\7"
        + b"\0\0\0\2\xff\xfe"
        + b"\0\0\0\4\0\0\1\2"
        + b"\0\0\0\x08\0\0\0\0\0\0\0\1"
        + b"\0\0\0\1\1"
        + b"\0\0\0\4\x3f\x80\0\0"
        + b"\0\0\0\x08\xc0\0\0\0\0\0\0\0"
        + b"\0\0\0\x08\0\0\0\0\0\0\0\1"
        + b"\xff\xff"
    )


def test_rows_follow_each_other() -> None:
    assert encode([("int2", np.array([1, 2]))]) == HEADER + b"\0\1\0\0\0\2\0\1" + b"\0\1\0\0\0\2\0\2" + b"\xff\xff"


def test_no_rows_is_a_complete_stream() -> None:
    assert encode([("int2", np.array([], dtype=np.int64))]) == HEADER + b"\xff\xff"
