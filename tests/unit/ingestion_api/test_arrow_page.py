"""Stored batches as Arrow."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pytest
import zstandard

from ingestion_api.arrow_page import StoredBatch, to_ipc_stream
from ingestion_api.contract import BatchLedgerEntry, Kind
from ingestion_api.errors import InboxCorrupt

RECEIVED = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
TIME = pa.timestamp("us", tz="UTC")
CODE = pa.dictionary(pa.int32(), pa.string())


def batch(seq: int, items: list[Any], refused: set[int] = frozenset(), kind: Kind = "readings") -> StoredBatch:  # type: ignore[assignment]
    entry = BatchLedgerEntry(
        batch_seq=seq,
        batch_id=UUID(int=seq),
        kind=kind,
        origin="push",
        credential="edge",
        is_replay=False,
        received_at=RECEIVED + timedelta(seconds=seq),
        item_count=len(items),
        accepted_count=len(items) - len(refused),
        quarantined_count=len(refused),
        quarantine_reasons={"quality_out_of_range": len(refused)} if refused else {},
    )
    payload = zstandard.compress(json.dumps(items).encode())
    return StoredBatch(entry, "json", payload, frozenset(refused))


def table(kind: Kind, *batches: StoredBatch) -> pa.Table:
    with pa.ipc.open_stream(to_ipc_stream(kind, batches, 9, has_more=True)) as stream:
        return stream.read_all()


def reading(value: float, **fields: Any) -> dict[str, Any]:
    return {"equipment_code": "pump-1", "metric": "pressure", "value": value, **fields}


def test_readings_have_the_agreed_columns() -> None:
    page = table("readings", batch(1, [reading(1.0)]))
    assert dict(zip(page.schema.names, page.schema.types, strict=True)) == {
        "batch_seq": pa.int64(),
        "item_index": pa.int16(),
        "equipment_code": CODE,
        "metric": CODE,
        "unit_code": CODE,
        "event_time": TIME,
        "is_server_time": pa.bool_(),
        "value": pa.float64(),
        "quality": pa.float32(),
        "received_at": TIME,
    }


def test_events_have_the_agreed_columns() -> None:
    event = {"source_code": "camera-1", "event_type": "working", "event_time": "2026-02-06T10:00:00Z"}
    page = table("events", batch(1, [event, {**event, "worker_code": "W1", "units_produced": 3}], kind="events"))
    assert dict(zip(page.schema.names, page.schema.types, strict=True)) == {
        "batch_seq": pa.int64(),
        "item_index": pa.int16(),
        "source_code": pa.string(),
        "event_type": pa.string(),
        "event_time": TIME,
        "is_server_time": pa.bool_(),
        "work_unit_code": pa.string(),
        "worker_code": pa.string(),
        "duration_s": pa.float64(),
        "units_produced": pa.int64(),
        "confidence": pa.float64(),
        "received_at": TIME,
    }
    assert page.column("worker_code").to_pylist() == ["", "W1"]
    assert page.column("units_produced").to_pylist() == [None, 3]


def test_times_become_utc_and_missing_ones_the_time_of_receipt() -> None:
    """C15, C16, D5."""
    items = [reading(1, event_time="2026-02-06T12:00:00.123456+02:00"), reading(2)]
    page = table("readings", batch(1, items), batch(2, items))
    ten = datetime(2026, 2, 6, 10, 0, 0, 123456, tzinfo=UTC)
    first, second = RECEIVED + timedelta(seconds=1), RECEIVED + timedelta(seconds=2)
    assert page.column("event_time").to_pylist() == [ten, first, ten, second]
    assert page.column("is_server_time").to_pylist() == [False, True, False, True]
    assert page.column("received_at").to_pylist() == [first, first, second, second]
    assert page.column("batch_seq").to_pylist() == [1, 1, 2, 2]


def test_refused_items_are_left_out_and_the_others_keep_their_places() -> None:
    page = table(
        "readings",
        batch(1, [reading(0), reading(1, quality=3), reading(2), {"value": None}], refused={1, 3}),
        batch(2, [reading(3, quality=3)], refused={0}),
        batch(3, [reading(4)]),
    )
    assert page.column("value").to_pylist() == [0, 2, 4]
    assert page.column("item_index").to_pylist() == [0, 2, 0]
    assert page.column("batch_seq").to_pylist() == [1, 1, 3]


def test_ledger_and_cursor_ride_in_the_metadata() -> None:
    stored = [batch(1, [reading(0), reading(1)], refused={1}), batch(2, [reading(3)], refused={0})]
    metadata = table("readings", *stored).schema.metadata
    assert metadata[b"millrace.next_cursor"] == b"9"
    assert metadata[b"millrace.has_more"] == b"true"
    ledger = msgspec.json.decode(metadata[b"millrace.batches"], type=list[BatchLedgerEntry])
    assert ledger == [one.entry for one in stored]


@pytest.mark.parametrize("kind", ["readings", "events"])
def test_empty_page_has_the_columns_too(kind: Kind) -> None:
    page = table(kind)
    assert page.num_rows == 0
    assert "event_time" in page.schema.names


def test_batch_that_lost_items_is_not_passed_over_in_silence() -> None:
    damaged = batch(7, [reading(0), reading(1)])
    damaged = StoredBatch(damaged.entry, "json", batch(7, [reading(0)]).payload, damaged.refused)
    with pytest.raises(InboxCorrupt, match="batch 7"):
        table("readings", damaged)
