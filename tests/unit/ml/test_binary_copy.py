"""PostgreSQL's binary COPY format, byte by byte."""

import struct

import numpy as np

from ml.binary_copy import EPOCH_US, HEADER, TRAILER, decode_arrays, encode, text_column, time_column


def test_a_row_is_written_as_the_manual_says() -> None:
    blob = encode({"code": text_column("P1"), "version": (">i4", np.array([7]))}, 1)
    row = b"\x00\x02" + b"\x00\x00\x00\x02P1" + b"\x00\x00\x00\x04\x00\x00\x00\x07"
    assert blob == b"PGCOPY\n\xff\r\n\x00" + bytes(8) + row + b"\xff\xff"


def test_times_flags_and_negative_numbers() -> None:
    times = np.array([EPOCH_US, EPOCH_US + 5])
    blob = encode({"at": time_column(times), "value": (">f8", np.array([1.5, -2.0])), "ok": ("?", np.array([1, 0]))}, 2)
    first = b"\x00\x03" + _field(struct.pack(">q", 0)) + _field(struct.pack(">d", 1.5)) + _field(b"\x01")
    second = b"\x00\x03" + _field(struct.pack(">q", 5)) + _field(struct.pack(">d", -2.0)) + _field(b"\x00")
    assert blob == HEADER + first + second + TRAILER


def test_text_counts_in_bytes_and_no_rows_are_no_rows() -> None:
    assert encode({"code": text_column("Ü")}, 1).count(b"\x00\x00\x00\x02\xc3\x9c") == 1
    assert encode({"version": (">i4", np.array([]))}, 0) == HEADER + TRAILER
    assert list(decode_arrays(HEADER + TRAILER, (">f8",))) == []


def test_arrays_are_read_as_postgresql_sends_them() -> None:
    """PostgreSQL's array_send: dimensions, NULLs or not, type, size, first index, then each element and its length."""
    values = struct.pack(">iiiii", 1, 0, 701, 2, 1) + _field(struct.pack(">d", 1.5)) + _field(struct.pack(">d", -2.0))
    times = struct.pack(">iiiii", 1, 0, 1184, 1, 1) + _field(struct.pack(">q", 7))
    row = b"\x00\x03" + _field(struct.pack(">q", 4)) + _field(times) + _field(values)
    found = [(number, [array.tolist() for array in arrays]) for number, arrays in
             decode_arrays(HEADER + row + row + TRAILER, (">i8", ">f8"))]  # fmt: skip
    assert found == [(4, [[7], [1.5, -2.0]])] * 2


def _field(body: bytes) -> bytes:
    return struct.pack(">i", len(body)) + body
