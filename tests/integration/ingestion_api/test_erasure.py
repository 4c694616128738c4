"""A worker is erased: the code is nowhere any more, and every total is what it was (C39)."""

import time
from typing import Any

import pytest
import zstandard
from sqlalchemy import text

from ingestion_api.erasure import Erased, erase, new_pseudonym
from ingestion_api.errors import NoSuchWorker

TIME = "2026-02-06T10:30:00Z"


def event(worker_code: str, **more: Any) -> dict[str, Any]:
    return {"source_code": "C1", "event_type": "working", "event_time": TIME, "worker_code": worker_code} | more


@pytest.fixture
def filled(plant: Any) -> Any:
    """Events of W1 and of others in every format that takes events, some of them refused."""
    http = plant.http()
    client = plant.client()
    for code in ("W1", "W11"):
        client.put("workers", code, {"department": "A", "active_since": "2020-01-01T00:00:00Z"})
    assert http.post(
        "/events", json=[event("W1", units_produced=3), event("W11"), event("W1", confidence=7)]
    ).is_success
    lines = "\n".join(['{"worker_id": "W1", "event_type": "idle"}', "{W1 is broken", '{"worker_id": "W11"}'])
    assert http.post("/events", content=lines, headers={"Content-Type": "application/x-ndjson"}).is_success
    table = f"source_code,event_type,event_time,worker_code,duration_s\nC1,absent,{TIME},W1,60\nC1,idle,{TIME},W11,5\n"
    assert http.post("/events", content=table, headers={"Content-Type": "text/csv"}).is_success
    assert http.post("/events", json=[event("W11", event_type="idle", source_code="W1-CAM")]).is_success
    return plant


def everything(plant: Any) -> str:
    """All that the database holds, payloads unpacked, as one text."""
    with plant.engine.connect() as connection:
        tables = connection.execute(
            text("select schemaname, tablename from pg_tables where schemaname in ('inbox', 'registry')")
        ).all()
        dump = [
            str(row)
            for schema, table in tables
            for row in connection.execute(text(f'select * from "{schema}"."{table}"')).all()
        ]
        payloads = connection.scalars(text("select payload from inbox.batches")).all()
        items = connection.scalars(text("select item from inbox.quarantine")).all()
    bodies = [zstandard.decompress(payload).decode() for payload in payloads] + [item.decode() for item in items]
    return "\n".join(dump + bodies)


def test_the_code_is_gone_and_all_else_is_as_it_was(filled: Any) -> None:
    client = filled.client()
    before = client.pull("events", 0)
    pseudonym = new_pseudonym()
    seen: list[Erased] = []

    erased = erase(filled.engine, "demo", "W1", pseudonym, seen.append)

    assert (erased.batch_count, erased.rewritten_count) == (4, 3)
    assert seen[-1] == erased
    left = everything(filled).replace("W1-CAM", "")
    assert '"W1"' not in left and "W1 " not in left and ",W1," not in left
    after = client.pull("events", 0)
    renamed = [
        {**row, "worker_code": pseudonym if row["worker_code"] == "W1" else row["worker_code"]}
        for row in before.table.to_pylist()
    ]
    assert after.table.to_pylist() == renamed
    assert after.batches == before.batches
    assert {row["worker_code"] for row in renamed} == {pseudonym, "W11"}
    entry = [change for change in client.pull_registry_changes(0) if change.code == pseudonym][-1]
    assert entry.payload["department"] == "A" and entry.payload["active_since"] is None


def test_a_repeat_is_still_known_and_the_code_is_refused_from_now_on(filled: Any) -> None:
    http = filled.http()
    body = [event("W1", units_produced=3), event("W11"), event("W1", confidence=7)]
    assert http.post("/events", json=body).status_code == 200

    erase(filled.engine, "demo", "W1", new_pseudonym())

    assert http.post("/events", json=body).status_code == 200
    time.sleep(1.1)
    refused = http.post("/events", json=[event("W1", event_type="idle"), event("W11", event_type="absent")]).json()
    assert [refusal["reason_code"] for refusal in refused["refused"]] == ["unknown_worker"]


def test_released_items_bear_the_pseudonym(filled: Any) -> None:
    http = filled.http()
    http.post("/events", json=[event("W1", work_unit_code="U9", duration_s=60)])
    pseudonym = new_pseudonym()
    erase(filled.engine, "demo", "W1", pseudonym)
    filled.client().put("work_units", "U9", {"name": "Nine"})

    assert http.post("/quarantine/release", json={"reason_code": "unknown_work_unit"}).json()["released"] == 1

    rows = filled.client().pull("events", 0).table.to_pylist()
    assert (rows[-1]["worker_code"], rows[-1]["duration_s"]) == (pseudonym, 60)


def test_an_interrupted_erasure_goes_on(filled: Any) -> None:
    pseudonym = new_pseudonym()

    class Stopped(Exception):
        pass

    def stop(erased: Erased) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        erase(filled.engine, "demo", "W1", pseudonym, stop)
    filled.http().post("/events", json=[event("W11", duration_s=9)])
    erased = erase(filled.engine, "demo", "W1", pseudonym)
    assert (erased.batch_count, erased.rewritten_count) == (5, 0)


def test_an_unknown_worker_is_named(plant: Any) -> None:
    with pytest.raises(NoSuchWorker, match="names a worker 'W7': nothing was changed"):
        erase(plant.engine, "demo", "W7", new_pseudonym())


def test_a_name_that_was_sent_as_a_code_is_erased_though_no_such_worker_is_registered(plant: Any) -> None:
    http = plant.http()
    assert http.post("/events", json=[event("Jane Doe"), event("W114")]).json()["quarantined"] == 1

    erased = erase(plant.engine, "demo", "Jane Doe", new_pseudonym())

    assert erased.rewritten_count == 1
    assert "Jane Doe" not in everything(plant)
