"""Turns stored batches into one Arrow table and its ledger. Which batches make a page is decided in `export.py`.

Payloads are decoded at pull time, by the format they came in; items that were refused are left out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import zstandard
from numpy.typing import NDArray

from ingestion_api.columns import Columns
from ingestion_api.contract import BatchLedgerEntry, Kind
from ingestion_api.errors import InboxCorrupt
from ingestion_api.formats.catalog import PARSERS
from ingestion_api.formats.context import Context

_TIME = pa.timestamp("us", tz="UTC")
_CODE = pa.dictionary(pa.int32(), pa.string())

_READINGS: dict[str, pa.DataType] = {
    "batch_seq": pa.int64(),
    "item_index": pa.int16(),
    "equipment_code": _CODE,
    "metric": _CODE,
    "unit_code": _CODE,
    "event_time": _TIME,
    "is_server_time": pa.bool_(),
    "value": pa.float64(),
    "quality": pa.float32(),
    "received_at": _TIME,
}
_EVENTS: dict[str, pa.DataType] = {
    "batch_seq": pa.int64(),
    "item_index": pa.int16(),
    "source_code": pa.string(),
    "event_type": pa.string(),
    "event_time": _TIME,
    "is_server_time": pa.bool_(),
    "work_unit_code": pa.string(),
    "worker_code": pa.string(),
    "duration_s": pa.float64(),
    "units_produced": pa.int64(),
    "confidence": pa.float64(),
    "received_at": _TIME,
}
# What the body does not hold.
_DERIVED = ("batch_seq", "is_server_time", "received_at")
_EMPTY_FOR_NONE = ("work_unit_code", "worker_code")


@dataclass(frozen=True)
class StoredBatch:
    """A batch as the inbox holds it: what the ledger says of it, its body, and the positions that were refused.

    `equipment_code` is what items are of that name no equipment.
    """

    entry: BatchLedgerEntry
    format: str
    payload: bytes
    refused: frozenset[int]
    equipment_code: str | None = None

    def columns(self) -> Columns:
        """Read the body, as it was read when it was stored."""
        entry = self.entry
        context = Context(
            equipment_code=self.equipment_code or "", source_code=entry.credential, received_at=entry.received_at
        )
        return PARSERS[self.format](entry.kind, zstandard.decompress(self.payload), context).columns


def to_ipc_stream(kind: Kind, batches: Sequence[StoredBatch], next_cursor: int, has_more: bool) -> bytes:
    """Build a page: an Arrow IPC stream whose schema metadata holds the ledger and where the next page starts.

    Raises:
        InboxCorrupt: A batch does not decode to as many items as it was acknowledged for.
    """
    metadata = {
        "millrace.next_cursor": str(next_cursor),
        "millrace.has_more": "true" if has_more else "false",
        "millrace.batches": msgspec.json.encode([batch.entry for batch in batches]),
    }
    table = _table(kind, batches).replace_schema_metadata(metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _table(kind: Kind, batches: Sequence[StoredBatch]) -> pa.Table:
    types = _READINGS if kind == "readings" else _EVENTS
    lists: dict[str, list[Any]] = {name: [] for name in types if name not in _DERIVED}
    counts: list[int] = []
    for batch in batches:
        counts.append(_append(lists, batch))
    received_at = [batch.entry.received_at for batch in batches]
    is_server_time = _fill_times(lists["event_time"], received_at, counts)
    for name in _EMPTY_FOR_NONE if kind == "events" else ():
        lists[name] = [value or "" for value in lists[name]]
    repeats = np.array(counts, dtype=np.int64)
    arrays: dict[str, pa.Array] = {
        "batch_seq": pa.array(np.repeat(np.array([batch.entry.batch_seq for batch in batches], np.int64), repeats)),
        "event_time": pa.array(lists["event_time"], _TIME),
        "is_server_time": pa.array(is_server_time),
        "received_at": pa.array(received_at, _TIME).take(pa.array(np.repeat(np.arange(len(batches)), repeats))),
    }
    for name, data_type in types.items():
        if name not in arrays:
            arrays[name] = _array(lists[name], data_type)
    return pa.table({name: arrays[name] for name in types})


def _append(lists: dict[str, list[Any]], batch: StoredBatch) -> int:
    """Add a batch's accepted items to the page; return how many there are."""
    if batch.entry.accepted_count == 0:
        return 0
    columns = batch.columns()
    kept = _kept_rows(columns, batch.refused)
    count = len(columns.item_index) if kept is None else len(kept)
    if count != batch.entry.accepted_count:
        raise InboxCorrupt(
            f"batch {batch.entry.batch_seq} was acknowledged with {batch.entry.accepted_count} accepted items"
            f" and decodes to {count}: do not delete anything, and report this"
        )
    for name, page in lists.items():
        column = getattr(columns, name)
        page += column if kept is None else [column[row] for row in kept]
    return count


def _kept_rows(columns: Columns, refused: frozenset[int]) -> list[int] | None:
    """Return the rows that were accepted; None for all."""
    if refused.isdisjoint(columns.item_index):
        return None
    return [row for row, index in enumerate(columns.item_index) if index not in refused]


def _fill_times(times: list[Any], received_at: Sequence[Any], counts: Sequence[int]) -> NDArray[np.bool_]:
    """Give items without a time the one at which their batch was received (C15); return which those are."""
    is_server_time = np.array([time is None for time in times], dtype=np.bool_)
    if is_server_time.any():
        batch_of_row = np.repeat(np.arange(len(counts)), counts)
        for row in np.flatnonzero(is_server_time).tolist():
            times[row] = received_at[batch_of_row[row]]
    return is_server_time


def _array(values: list[Any], data_type: pa.DataType) -> pa.Array:
    if data_type is _CODE:
        return pa.array(values, pa.string()).dictionary_encode()
    return pa.array(values, data_type)
