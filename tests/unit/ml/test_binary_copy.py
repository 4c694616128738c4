"""PostgreSQL's binary COPY format, byte by byte."""

import numpy as np

from ml.binary_copy import EPOCH_US, HEADER, TRAILER, decode, encode, text_column, time_column


def test_a_row_is_written_as_the_manual_says() -> None:
    blob = encode({"code": text_column("P1"), "version": (">i4", np.array([7]))}, 1)
    row = b"\x00\x02" + b"\x00\x00\x00\x02P1" + b"\x00\x00\x00\x04\x00\x00\x00\x07"
    assert blob == b"PGCOPY\n\xff\r\n\x00" + bytes(8) + row + b"\xff\xff"


def test_what_is_written_can_be_read() -> None:
    times = np.array([EPOCH_US, EPOCH_US + 5])
    blob = encode({"at": time_column(times), "value": (">f8", np.array([1.5, -2.0])), "ok": ("?", np.array([1, 0]))}, 2)
    rows = decode(blob, {"at": ">i8", "value": ">f8", "ok": "?"})
    assert rows["at"].tolist() == [0, 5]
    assert rows["value"].tolist() == [1.5, -2.0]
    assert rows["ok"].tolist() == [True, False]


def test_text_counts_in_bytes_and_no_rows_are_no_rows() -> None:
    assert encode({"code": text_column("Ü")}, 1).count(b"\x00\x00\x00\x02\xc3\x9c") == 1
    assert len(decode(HEADER + TRAILER, {"value": ">f8"})) == 0
