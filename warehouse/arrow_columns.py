"""Reads columns of a pulled Arrow table as NumPy arrays. What they mean is the loaders'."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

Integers = NDArray[np.int64]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
_HOUR_US = 3_600_000_000
# More than there are from 1970 to when any clock of a server stops.
_HOURS = 1 << 30


def integers(items: pa.Table, name: str) -> Integers:
    """An integer column without NULL, shape (row,)."""
    return np.asarray(items.column(name).to_numpy(), dtype=np.int64)


def microseconds(items: pa.Table, name: str) -> Integers:
    """A timestamp column as microseconds since 1970-01-01 UTC, shape (row,)."""
    column = items.column(name).cast(pa.timestamp("us", "UTC")).cast(pa.int64())
    return np.asarray(column.to_numpy(), dtype=np.int64)


def time_span(items: pa.Table, name: str) -> tuple[datetime, datetime]:
    """Least and greatest value of a timestamp column that is not empty, UTC."""
    span = pc.min_max(items.column(name).cast(pa.timestamp("us", "UTC"))).as_py()
    return span["min"], span["max"]


def hours_with_receipts(event_times: Integers, received_at: Integers) -> dict[datetime, set[datetime]]:
    """The hours, UTC, that items lie in, and those in which they were received; both in us since 1970-01-01 UTC."""
    found: dict[datetime, set[datetime]] = {}
    for pair in np.unique(event_times // _HOUR_US * _HOURS + received_at // _HOUR_US).tolist():
        hour, received = (EPOCH + MICROSECOND * (number * _HOUR_US) for number in divmod(pair, _HOURS))
        found.setdefault(hour, set()).add(received)
    return found


def codes(items: pa.Table, name: str) -> tuple[Integers, list[str | None]]:
    """A text column as positions in a list of its values, shape (row,). NULL is one of the values."""
    column = items.column(name)
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    whole = column.unify_dictionaries().combine_chunks()
    values: list[str | None] = [*whole.dictionary.to_pylist(), None]
    positions = whole.indices.cast(pa.int64()).fill_null(len(values) - 1)
    return np.asarray(positions.to_numpy(zero_copy_only=False), dtype=np.int64), values


def first_of_key(
    key: Sequence[Integers], batch_seq: Integers, item_index: Integers
) -> tuple[Integers, NDArray[np.bool_]]:
    """Order rows by key, then by version, and mark the first version of each key.

    Args:
        key: Columns of the key, the leading one first, each of shape (row,).
        batch_seq: Batch of each row, shape (row,).
        item_index: Position in the batch, shape (row,).

    Returns:
        Positions of the rows in their new order, and whether the row there is the first of its key; both (row,).
    """
    order = np.lexsort((item_index, batch_seq, *reversed(key)))
    is_first = np.ones(len(order), dtype=np.bool_)
    if len(order) > 1:
        is_first[1:] = np.any([column[order[1:]] != column[order[:-1]] for column in key], axis=0)
    return order, is_first
