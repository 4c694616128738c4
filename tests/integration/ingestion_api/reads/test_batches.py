"""What became of a batch: its settlement, and its items one by one, read from the warehouse that loaded it."""

from datetime import timedelta
from typing import Any

import httpx
from sqlalchemy import Engine, insert, text

from tests.integration.ingestion_api.reads.rows import SIGNAL, START
from warehouse import tables


def load(engine: Engine, receipt: dict[str, Any], inserted: int, revised: int, duplicate: int = 0) -> None:
    """Enter a batch into the ledger, all of it late."""
    with engine.begin() as connection:
        connection.execute(
            text("""
                with load as (
                    insert into raw.loads (site_code, kind, cursor_from, cursor_to, item_count, inserted_count,
                        revised_count, duplicate_count, late_count)
                    values ('demo', :kind, 0, 1, :accepted, :inserted, :revised, :duplicate, :accepted)
                    returning load_id
                )
                insert into raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay,
                    item_count, accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count,
                    duplicate_count, device_timed_count, late_count, load_id, received_at)
                select 'demo', :batch_seq, :batch_id, :kind, 'push', 'reader', false, :accepted, :accepted, 0, '{}',
                    :inserted, :revised, :duplicate, :accepted, :accepted, load_id, now() from load
            """),
            {**receipt, "inserted": inserted, "revised": revised, "duplicate": duplicate},
        )


def test_a_batch_is_pending_until_it_is_loaded(reader: httpx.Client, warehouse: Engine) -> None:
    """C4: accepted, duplicate, revised and late are known once the warehouse has it."""
    item = {**SIGNAL, "unit_code": "Cel", "value": 1.5, "event_time": START.isoformat()}
    receipt = reader.post("/api/v1/readings", json=[item]).json()
    path = f"/api/v1/batches/{receipt['batch_id']}"
    assert reader.get(path).json() == {**receipt, "settlement": {"status": "pending"}}
    load(warehouse, receipt, inserted=0, revised=1)
    settlement = reader.get(path).json()["settlement"]
    assert settlement.pop("loaded_at")
    counts = {"accepted": 0, "duplicate": 0, "revised": 1, "late": 1, "quarantined": 0}
    assert settlement == {"status": "settled", **counts}


def test_items_of_a_batch_are_told_one_by_one(reader: httpx.Client, warehouse: Engine) -> None:
    """D2: what is new, what replaced another version, what was held already, and what is in quarantine."""
    start = START + timedelta(days=1)
    times = [(start + timedelta(minutes=minute)).isoformat() for minute in range(4)]
    item = {**SIGNAL, "unit_code": "Cel", "value": 7.5}
    sent = [{**item, "event_time": at} for at in times] + [
        {**item, "equipment_code": "unknown", "event_time": times[0]}
    ]
    receipt = reader.post("/api/v1/readings", json=sent).json()
    path = f"/api/v1/batches/{receipt['batch_id']}/items"
    told = reader.get(path).json()["items"]
    assert [(one["index"], one["outcome"]) for one in told] == [
        *((index, "pending") for index in range(4)),
        (4, "quarantined"),
    ]
    assert told[4]["reason_code"] == "unknown_equipment"

    common = {
        "signal_id": 1,
        "is_server_time": False,
        "load_id": 1,
        "quality": 1,
        "received_at": start,
        "recorded_at": start,
    }

    def version(minute: int, batch_seq: int, item_index: int) -> dict[str, Any]:
        at = start + timedelta(minutes=minute)
        return {**common, "event_time": at, "value": 1.0, "batch_seq": batch_seq, "item_index": item_index}

    own, before = receipt["batch_seq"], receipt["batch_seq"] - 1
    with warehouse.begin() as connection:
        # 0 is new; 1 replaced an earlier batch's; 2 was held already; 3 was new, and has been replaced since.
        connection.execute(insert(tables.readings), [version(0, own, 0), version(1, own, 1), version(2, before, 8)])
        connection.execute(insert(tables.readings), [version(3, own + 1, 0)])
        replaced = [version(1, before, 9), version(3, own, 3)]
        connection.execute(insert(tables.reading_revisions), [{**one, "superseded_at": start} for one in replaced])
    load(warehouse, receipt, inserted=2, revised=1, duplicate=1)
    told = reader.get(path).json()["items"]
    assert [one["outcome"] for one in told] == ["accepted", "revised", "duplicate", "accepted", "quarantined"]
    assert [one.get("is_late", False) for one in told] == [True] * 4 + [False]


def test_events_are_told_one_by_one_too(reader: httpx.Client, warehouse: Engine) -> None:
    """An event of nobody at no place has a version like any other."""
    event = {"source_code": "camera-9", "event_type": "idle", "event_time": START.isoformat()}
    later = {**event, "event_time": (START + timedelta(hours=1)).isoformat()}
    receipt = reader.post("/api/v1/events", json=[event, later]).json()
    row = {**event, "event_time": START, "site_code": "demo", "is_server_time": False, "load_id": 1}
    row |= {"item_index": 0, "batch_seq": receipt["batch_seq"], "received_at": START, "recorded_at": START}
    with warehouse.begin() as connection:
        connection.execute(insert(tables.events), [row])
    load(warehouse, receipt, inserted=1, revised=0, duplicate=1)
    told = reader.get(f"/api/v1/batches/{receipt['batch_id']}/items").json()["items"]
    assert [one["outcome"] for one in told] == ["accepted", "duplicate"]
