"""Pulling by cursor: every accepted item once, in order, whatever commits when."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pytest
from sqlalchemy import Connection, Engine, text

from ingestion_api.client import ApiUnavailable, IngestionClient, Pull
from ingestion_api.contract import Kind
from ingestion_api.export import Export
from ingestion_api.inbox import GATE_SPACE
from ingestion_api.registry_log import LOCK_SPACE
from ingestion_api.store import Store

GATE = {"space": GATE_SPACE, "site": "demo"}
OPEN_GATE = text("select pg_advisory_xact_lock_shared(:space, hashtext(:site))")
CLOSE_GATE = text("select pg_advisory_xact_lock(:space, hashtext(:site))")
# What a writer does, stopped between drawing its number and committing.
WRITE = text(
    """
    insert into inbox.batches (batch_id, site_code, kind, origin, credential, content_hash, format, payload, item_count,
        accepted_count, quarantined_count, is_replay, received_at)
    select gen_random_uuid(), site_code, kind, origin, credential, '\\x00', format, payload, item_count,
        accepted_count, quarantined_count, is_replay, received_at
    from inbox.batches limit 1 returning batch_seq
    """
)


def body(number: int, count: int = 1) -> bytes:
    items = [
        {
            "equipment_code": "pump-1",
            "metric": "pressure",
            "value": number * 1_000 + index,
            "event_time": "2026-02-06T10:30:00Z",
        }
        for index in range(count)
    ]
    return json.dumps(items).encode()


def pull_all(client: IngestionClient, kind: Kind = "readings", max_items: int = 100_000) -> list[Pull]:
    pages = [client.pull(kind, 0, max_items=max_items)]
    while pages[-1].has_more:
        pages.append(client.pull(kind, pages[-1].next_cursor, max_items=max_items))
    return pages


def values(*pages: Pull) -> list[float]:
    return [value for page in pages for value in page.table.column("value").to_pylist()]


def wait_for_waiter(engine: Engine, space: int) -> None:
    """Return as soon as somebody waits for an advisory lock of the namespace."""
    waiting = text("select count(*) from pg_locks where locktype = 'advisory' and classid = :space and not granted")
    with engine.connect() as connection:
        while connection.execute(waiting, {"space": space}).scalar_one() == 0:
            connection.rollback()
            time.sleep(0.01)


@contextmanager
def held(engine: Engine, *steps: Callable[[Connection], Any]) -> Iterator[Connection]:
    """A transaction that has done some steps and commits at the end."""
    with engine.begin() as connection:
        for step in steps:
            step(connection)
        yield connection


def test_pages_hold_whole_batches_and_follow_each_other(plant: Any) -> None:
    """D3: by cursor, no item twice, none left out."""
    client = plant.client()
    for number in range(5):
        client.push("readings", body(number, count=3))
    pages = pull_all(client, max_items=7)
    assert [len(page.batches) for page in pages] == [2, 2, 1]
    assert [page.has_more for page in pages] == [True, True, False]
    assert values(*pages) == values(*pull_all(client))
    assert values(*pages) == [number * 1_000 + index for number in range(5) for index in range(3)]


def test_batch_larger_than_the_page_is_a_page(plant: Any) -> None:
    client = plant.client()
    client.push("readings", body(1, count=10))
    client.push("readings", body(2, count=1))
    pages = pull_all(client, max_items=1)
    assert [len(page.table) for page in pages] == [10, 1]


def test_page_is_bounded_in_batches_and_bytes(plant: Any) -> None:
    client = plant.client()
    for number in range(4):
        client.push("readings", body(number))

    async def batch_counts(**limits: int) -> list[int]:
        store = Store(plant.database_url)
        export = Export(store, **limits)
        counts, cursor, has_more = [], 0, True
        while has_more:
            page = pa.ipc.open_stream(await export.page("demo", "readings", cursor, 1_000)).read_all()
            counts.append(len(page))
            cursor = int(page.schema.metadata[b"millrace.next_cursor"])
            has_more = page.schema.metadata[b"millrace.has_more"] == b"true"
        await store.close()
        return counts

    assert asyncio.run(batch_counts(max_batches=3)) == [3, 1]
    assert asyncio.run(batch_counts(max_payload_bytes=1)) == [1, 1, 1, 1]


def test_caught_up_is_an_empty_page_with_the_same_cursor(plant: Any) -> None:
    client = plant.client()
    assert (client.pull("events", 0).next_cursor, client.pull("events", 7).next_cursor) == (0, 7)
    client.push("readings", body(1))
    assert len(client.pull("events", 0).table) == 0
    last = client.pull("readings", 0).next_cursor
    page = client.pull("readings", last)
    assert (len(page.table), page.batches, page.next_cursor, page.has_more) == (0, [], last, False)


def test_ledger_tells_of_every_batch_also_of_one_with_nothing_accepted(plant: Any) -> None:
    """C47: rates are computed from the ledger, because refused rows are in no table."""
    client = plant.client("push", "pull")
    item = json.loads(body(1))[0]
    client.push("readings", json.dumps([item, {**item, "quality": 2}]).encode(), is_replay=True)
    client.push("readings", json.dumps([{**item, "quality": 2}, {"value": 1}, {"value": 2}]).encode())
    page = client.pull("readings", 0)
    assert [(entry.item_count, entry.accepted_count, entry.quarantined_count) for entry in page.batches] == [
        (2, 1, 1),
        (3, 0, 3),
    ]
    assert [entry.quarantine_reasons for entry in page.batches] == [
        {"quality_out_of_range": 1},
        {"quality_out_of_range": 1, "malformed_item": 2},
    ]
    assert [entry.is_replay for entry in page.batches] == [True, False]
    assert {entry.origin for entry in page.batches} == {"push"}
    assert len({entry.credential for entry in page.batches}) == 1
    assert page.next_cursor == page.batches[-1].batch_seq


def test_site_sees_its_own_batches_alone(plant: Any) -> None:
    other = plant.client(site="elsewhere")
    other.put("sites", "elsewhere", {"name": "Elsewhere", "time_zone": "UTC"})
    plant.client().push("readings", body(1))
    assert len(other.pull("readings", 0).table) == 0
    assert other.cursors()["readings"] == 0


def test_cursors_tell_how_far_there_is_to_go(plant: Any) -> None:
    client = plant.client()
    client.push("readings", body(1))
    event = {"source_code": "camera-1", "event_type": "idle", "event_time": "2026-02-06T10:30:00Z"}
    client.push("events", json.dumps(event).encode())
    assert client.cursors() == {
        "readings": client.pull("readings", 0).next_cursor,
        "events": client.pull("events", 0).next_cursor,
        "registry": client.pull_registry_changes(0)[-1].change_seq,
        "alarms": 0,
    }


def test_number_that_commits_late_is_not_skipped(plant: Any) -> None:
    """The trap: 2 is drawn, 3 commits, a reader sees 3, then 2 commits. Here the reader waits for 2."""
    client, reader = plant.client(), plant.client("pull")
    client.push("readings", body(1))

    def pull() -> Pull:
        return reader.pull("readings", 1)

    with ThreadPoolExecutor(1) as pool:
        with held(plant.engine, lambda c: c.execute(OPEN_GATE, GATE)) as connection:
            drawn = connection.execute(WRITE).scalar_one()
            later = client.push("readings", body(2)).receipt.batch_seq
            assert later > drawn
            page = pool.submit(pull)
            wait_for_waiter(plant.engine, GATE_SPACE)
            assert not page.done()
        assert [entry.batch_seq for entry in page.result().batches] == [drawn, later]


def test_reader_gives_up_on_a_writer_that_hangs(plant: Any) -> None:
    """503 after five seconds, and nothing is lost: the next pull has it all."""
    client = plant.client()
    client.push("readings", body(1))
    with held(plant.engine, lambda c: c.execute(OPEN_GATE, GATE), lambda c: c.execute(WRITE)):
        with pytest.raises(ApiUnavailable) as failure:
            client.pull("readings", 0)
        assert failure.value.retry_after_s is not None
        assert client.push("readings", body(2)).status == 201  # other writers go on
    assert len(client.pull("readings", 0).batches) == 3


def test_number_is_drawn_behind_the_gate(plant: Any) -> None:
    """While the gate is closed a push waits, and has no number yet that could fall below the mark."""
    client = plant.client()
    client.push("readings", body(1))
    number = text("select last_value from inbox.batches_batch_seq_seq")
    with ThreadPoolExecutor(1) as pool:
        with held(plant.engine, lambda c: c.execute(CLOSE_GATE, GATE)) as connection:
            before = connection.execute(number).scalar_one()
            push = pool.submit(client.push, "readings", body(2))
            wait_for_waiter(plant.engine, GATE_SPACE)
            assert connection.execute(number).scalar_one() == before
        assert push.result().receipt.batch_seq == before + 1


def test_registry_changes_are_numbered_in_the_order_they_commit(plant: Any) -> None:
    """A change waits, without a number, while another of its site is being made."""
    client = plant.client()
    last = client.pull_registry_changes(0)[-1].change_seq
    registry = {"space": LOCK_SPACE, "site": "demo"}
    with ThreadPoolExecutor(1) as pool:
        with held(plant.engine, lambda c: c.execute(CLOSE_GATE, registry)) as connection:
            put = pool.submit(client.put, "work_units", "S4", {"name": "Station 4"})
            wait_for_waiter(plant.engine, LOCK_SPACE)
            assert (
                connection.execute(text("select last_value from registry.changes_change_seq_seq")).scalar_one() == last
            )
        put.result()
    assert [change.code for change in client.pull_registry_changes(last)] == ["S4"]


def test_reader_among_writers_gets_every_item_once(plant: Any) -> None:
    """D3, D6 of the design's survival list: a cursor that follows four busy writers."""
    writers, per_writer = 4, 15
    done = threading.Event()
    reader = plant.client("pull")

    def write(writer: int) -> None:
        client = plant.client("push")
        for number in range(per_writer):
            client.push("readings", body(writer * 100 + number, count=2))

    def read() -> list[float]:
        got: list[float] = []
        cursor = 0
        while True:
            is_last = done.is_set()
            page = reader.pull("readings", cursor, max_items=9)
            got += values(page)
            cursor = page.next_cursor
            if is_last and not page.has_more:
                return got

    with ThreadPoolExecutor(writers + 1) as pool:
        reading = pool.submit(read)
        list(pool.map(write, range(writers)))
        done.set()
        got = reading.result()
    sent = {(w * 100 + n) * 1_000 + i for w in range(writers) for n in range(per_writer) for i in range(2)}
    assert Counter(got) == Counter(sent)
