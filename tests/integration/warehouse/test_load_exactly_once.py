"""Loading ends in the same rows and counts whatever happens to the stream on its way (D3, D4, C1, C48)."""

import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from warehouse.load import load_site

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
READING = {"key": ("equipment_code", "metric", "event_time"), "content": ("value", "quality")}
EVENT = {
    "key": ("source_code", "event_type", "event_time", "work_unit_code", "worker_code"),
    "content": ("duration_s", "units_produced", "confidence"),
}


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


def reading(value: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), "value": value, **more}


def random_reading(rng: random.Random) -> dict[str, Any]:
    return reading(
        rng.choice([1.0, 2.5, -0.1]),
        rng.randrange(12) * 17,
        equipment_code=f"pump-{rng.randrange(2)}",
        metric=f"metric {rng.randrange(2)}",
        quality=rng.choice([1.0, 0.5]),
    )


def random_event(rng: random.Random) -> dict[str, Any]:
    return {
        "event_time": T0 + timedelta(minutes=rng.randrange(8) * 23),
        "event_type": rng.choice(["working", "idle"]),
        "source_code": rng.choice(["camera,1", 'camera "2"']),
        "work_unit_code": rng.choice(["", "press\n1"]),
        "duration_s": rng.choice([None, 60.5]),
        "units_produced": rng.choice([None, 3]),
        "confidence": rng.choice([None, 0.25]),
    }


def fill(inbox: Any, rng: random.Random, batch_count: int = 60) -> None:
    for _ in range(batch_count):
        kind, make = rng.choice([("readings", random_reading), ("events", random_event)])
        inbox.add(kind, [make(rng) for _ in range(rng.choice([0, 1, 2, 7]))], quarantine_reasons={"unknown_worker": 1})


STORED_READINGS = """
    select equipment_code, metric, event_time, value, quality, r.batch_seq, item_index, is_server_time, received_at
    from {} as r join raw.signals using (signal_id)
    order by equipment_code, metric, event_time, r.batch_seq, item_index"""
STORED_EVENTS = """
    select source_code, event_type, event_time, work_unit_code, worker_code,
        duration_s::double precision, units_produced, confidence, batch_seq, item_index, is_server_time, received_at
    from {} where site_code = 'demo' order by 1, 2, 3, 4, 5, batch_seq, item_index"""


def assert_exact(engine: Engine, inbox: Any, truth_of: Callable[..., Any]) -> None:
    """The tables hold the truth, version for version, and the ledger accounts for each item."""
    for kind, shape, stored in (("readings", READING, STORED_READINGS), ("events", EVENT, STORED_EVENTS)):
        truth = truth_of(inbox, kind, **shape)
        names = [*shape["key"], *shape["content"], "batch_seq", "item_index", "is_server_time", "received_at"]

        def flat(versions: Any, names: list[str] = names, width: int = len(shape["key"])) -> list[Any]:
            tuples = [tuple(row[name] for name in names) for row in versions]
            place = names.index("batch_seq")
            return sorted(tuples, key=lambda row: (row[:width], row[place : place + 2]))

        table = f"raw.{kind}"
        assert rows(engine, stored.format(table)) == flat(truth.current.values())
        revisions = [row for versions in truth.revisions.values() for row in versions]
        assert rows(engine, stored.format(f"raw.{kind[:-1]}_revisions")) == flat(revisions)
        ledger = rows(
            engine,
            "select batch_seq, inserted_count, revised_count, duplicate_count from raw.batches where kind = :kind",
            kind=kind,
        )
        expected = [
            (e.batch_seq, truth.inserted[e.batch_seq], truth.revised[e.batch_seq], truth.duplicate[e.batch_seq])
            for e in inbox.entries
            if e.kind == kind
        ]
        assert sorted(ledger) == expected
    wrong = "inserted_count + revised_count + duplicate_count <> accepted_count or item_count <> accepted_count + 1"
    assert rows(engine, f"select batch_seq from raw.batches where {wrong}") == []


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize("seed", range(8))
def test_any_paging_killing_and_replaying_ends_in_the_truth(
    seed: int, warehouse_engine: Engine, inbox: Any, truth_of: Callable[..., Any]
) -> None:
    """DESIGN 6: whatever the pages, kills and replays, acknowledged = stored exactly once; the newest received wins."""
    rng = random.Random(seed)

    def interfere(kind: str, after: int) -> None:
        inbox.max_items = rng.choice([1, 5, 40, 100_000])
        if rng.random() < 0.1:
            raise Killed

    inbox.before_pull = interfere
    for _ in range(4):
        fill(inbox, rng, 20)
        for _ in range(3):
            with suppress(Killed):
                load_site(warehouse_engine, inbox, "demo")
        position = rng.randrange(inbox.next_seq)
        execute(warehouse_engine, f"update raw.cursors set position = least(position, {position})")
    inbox.before_pull = lambda kind, after: None
    load_site(warehouse_engine, inbox, "demo")
    assert_exact(warehouse_engine, inbox, truth_of)


@pytest.mark.parametrize("seed", range(3))
def test_order_and_batching_do_not_matter_where_nothing_is_contradicted(
    seed: int, warehouse_engine: Engine, inbox: Any
) -> None:
    """Repeats and stragglers in any order give the same rows."""
    rng = random.Random(seed)
    once = [reading(float(minute), minute, metric=f"m{minute % 3}") for minute in range(200)]
    stream = once + rng.choices(once, k=150)
    rng.shuffle(stream)
    while stream:
        size = rng.randint(1, 40)
        inbox.add("readings", stream[:size])
        stream = stream[size:]
    inbox.max_items = rng.choice([30, 200])
    summary = load_site(warehouse_engine, inbox, "demo")
    assert (summary.inserted_count, summary.revised_count, summary.duplicate_count) == (200, 0, 150)
    stored = rows(warehouse_engine, "select metric, value from raw.readings join raw.signals using (signal_id)")
    assert sorted(stored) == sorted((item["metric"], item["value"]) for item in once)


def test_connections_cut_at_any_moment_lose_and_repeat_nothing(
    warehouse_engine: Engine, inbox: Any, truth_of: Callable[..., Any]
) -> None:
    rng = random.Random(1)
    fill(inbox, rng, 300)
    inbox.max_items = 20
    is_done = threading.Event()

    def cut() -> int:
        cuts = 0
        cutting = """
            select count(pg_terminate_backend(pid)) from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()"""
        while not is_done.is_set() and cuts < 12:
            time.sleep(rng.uniform(0.02, 0.15))
            cuts += rows(warehouse_engine, cutting)[0][0]
        return cuts

    with ThreadPoolExecutor(1) as pool:
        cuts = pool.submit(cut)
        while not is_done.is_set():
            with suppress(DBAPIError):
                load_site(warehouse_engine, inbox, "demo")
                is_done.set()
        assert cuts.result() > 0
    assert_exact(warehouse_engine, inbox, truth_of)


def test_two_loads_at_once_share_the_work(warehouse_engine: Engine, inbox: Any, truth_of: Callable[..., Any]) -> None:
    fill(inbox, random.Random(2), 200)
    inbox.max_items = 10
    with ThreadPoolExecutor(3) as pool:
        loads = [pool.submit(load_site, warehouse_engine, inbox, "demo") for _ in range(3)]
        summaries = [load.result() for load in loads]
    assert_exact(warehouse_engine, inbox, truth_of)
    assert sum(summary.batch_count for summary in summaries) == 200
    chain = rows(
        warehouse_engine, "select cursor_from, cursor_to from raw.loads where kind = 'readings' order by load_id"
    )
    assert [link[0] for link in chain] == [0, *(link[1] for link in chain[:-1])]
