"""Columns of pulled tables become arrays, whatever chunks and dictionaries they came in."""

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa

from warehouse.arrow_columns import codes, first_of_key, integers, microseconds


def test_codes_agree_across_chunks_with_different_dictionaries() -> None:
    chunks = [pa.array(["b", "a"]).dictionary_encode(), pa.array(["a", None, "b"]).dictionary_encode()]
    positions, values = codes(pa.table({"metric": pa.chunked_array(chunks)}), "metric")
    assert [values[position] for position in positions] == ["b", "a", "a", None, "b"]


def test_codes_of_plain_text_and_of_nothing_but_null() -> None:
    positions, values = codes(pa.table({"metric": ["x", "y", "x"]}), "metric")
    assert [values[position] for position in positions] == ["x", "y", "x"]
    positions, values = codes(pa.table({"unit": pa.array([None, None], pa.string())}), "unit")
    assert [values[position] for position in positions] == [None, None]


def test_times_are_microseconds_since_1970() -> None:
    moment = datetime(1970, 1, 1, 0, 0, 1, 5, tzinfo=UTC)
    assert microseconds(pa.table({"event_time": [moment]}), "event_time").tolist() == [1_000_005]
    in_milliseconds = pa.array([moment], pa.timestamp("ms", "Europe/Berlin"))
    assert microseconds(pa.table({"event_time": in_milliseconds}), "event_time").tolist() == [1_000_000]


def test_small_integers_widen() -> None:
    assert integers(pa.table({"item_index": pa.array([7], pa.int16())}), "item_index").dtype == np.int64


def test_first_version_of_each_key_is_marked_in_order_of_receipt() -> None:
    signal = np.array([2, 1, 1, 1])
    minute = np.array([5, 5, 5, 4])
    batch = np.array([1, 9, 3, 9])
    order, is_first = first_of_key([signal, minute], batch, np.array([0, 0, 1, 1]))
    assert order.tolist() == [3, 2, 1, 0]
    assert is_first.tolist() == [True, True, False, True]


def test_no_rows_have_no_first() -> None:
    nothing = np.array([], dtype=np.int64)
    order, is_first = first_of_key([nothing], nothing, nothing)
    assert order.tolist() == []
    assert is_first.tolist() == []
