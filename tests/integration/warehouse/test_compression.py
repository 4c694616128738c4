"""Compressed chunks (S0-038, S4-009, S4-016): far smaller, and loading into them stays exact."""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse.compression import allow_changes, compress
from warehouse.erasure import erase_worker
from warehouse.load import load_site
from warehouse.signals import find_signals
from warehouse.timescale import capabilities

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
LATER = T0 + timedelta(days=400)


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def reading(value: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), "value": value, **more}


def event(minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), **more}


def test_without_the_community_edition_nothing_is_done(warehouse_engine: Engine, inbox: Any) -> None:
    """D7."""
    with warehouse_engine.connect() as connection:
        if capabilities(connection).has_compression:
            pytest.skip("this server can compress")
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    assert compress(warehouse_engine, LATER) == []


def test_only_chunks_that_ended_are_compressed_and_only_once(community_engine: Engine, inbox: Any) -> None:
    """S0-038: after 7 days; the days here are those of `until`."""
    inbox.add("readings", [reading(1.0, minute=day * 1440) for day in range(3)])
    inbox.add("events", [event(day * 1440) for day in range(3)])
    load_site(community_engine, inbox, "demo")
    midnight = datetime(2026, 3, 3, tzinfo=UTC)
    told: list[Any] = []
    done = compress(community_engine, midnight, progress=told.append)
    assert [(chunk.table, chunk.range_start.day) for chunk in done] == [
        ("raw.readings", 1), ("raw.readings", 2), ("raw.events", 1), ("raw.events", 2),
    ]  # fmt: skip
    assert told == done and all(chunk.before_bytes > 0 and chunk.after_bytes > 0 for chunk in done)
    assert compress(community_engine, midnight) == []
    assert rows(community_engine, "select count(*), sum(value) from raw.readings") == [(3, 3.0)]


def test_a_compressed_day_takes_a_tenth_of_its_bytes(community_engine: Engine) -> None:
    """DESIGN section 5, S4-016: slowly changing values, one a second, as a sensor of 0.01 resolution tells them."""
    with community_engine.begin() as connection:
        for pump in ("p1", "p2", "p3", "p4", "p5"):
            find_signals(connection, "demo", [(pump, "temperature", "Cel")], T0)
        connection.execute(
            text(
                """
                insert into raw.readings
                select signal_id, n % 1000, false, :start + n * interval '1 second',
                    round((20 + 5 * sin(n / 3000.0 + signal_id) + 0.02 * random())::numeric, 2), 1,
                    n / 200 * 5 + signal_id, n / 1000,
                    :start + n / 200 * 200 * interval '1 second' + interval '201 seconds',
                    :start + n / 1000 * 1000 * interval '1 second' + interval '1010 seconds'
                from generate_series(0, 40000) as n, raw.signals order by n, signal_id
                """
            ),
            {"start": T0},
        )
    (chunk,) = compress(community_engine, LATER)
    assert chunk.after_bytes * 10 <= chunk.before_bytes, chunk


def test_late_rows_and_revisions_reach_compressed_chunks_exactly(community_engine: Engine, inbox: Any) -> None:
    """D4: insert, on conflict and update, each in a chunk that is compressed."""
    inbox.add("readings", [reading(1.0, minute) for minute in range(10)])
    inbox.add("events", [event(minute, duration_s=30) for minute in range(10)])
    load_site(community_engine, inbox, "demo")
    assert len(compress(community_engine, LATER)) == 2

    inbox.add("readings", [reading(1.0, 3), reading(9.0, 4), reading(5.0, 30)])
    inbox.add("events", [event(3, duration_s=30), event(4, duration_s=31), event(30)])
    summary = load_site(community_engine, inbox, "demo")
    assert (summary.inserted_count, summary.revised_count, summary.duplicate_count) == (2, 2, 2)
    assert rows(community_engine, "select count(*), sum(value) from raw.readings") == [(11, 1.0 * 9 + 9 + 5)]
    assert rows(community_engine, "select value from raw.reading_revisions") == [(1.0,)]

    # Those chunks, and no others, are due again.
    assert {chunk.table for chunk in compress(community_engine, LATER)} == {"raw.readings", "raw.events"}
    assert compress(community_engine, LATER) == []
    assert rows(community_engine, "select count(*), sum(value) from raw.readings") == [(11, 1.0 * 9 + 9 + 5)]


def test_a_late_batch_may_reopen_any_number_of_compressed_rows(community_engine: Engine) -> None:
    """TimescaleDB stops a transaction that opens more than 100,000 compressed rows unless told otherwise."""
    with community_engine.begin() as connection:
        connection.execute(
            text("insert into raw.readings select n % 3, 0, false, :start + n * interval '0.2 seconds', 1, 1, 1, 1, "
                 ":start, :start from generate_series(1, 150000) as n"),
            {"start": T0},
        )  # fmt: skip
    compress(community_engine, LATER)
    with community_engine.begin() as connection:
        allow_changes(connection)
        changed = connection.execute(text("update raw.readings set value = 2 where quality = 1"))
        assert changed.rowcount == 150_000


@pytest.mark.parametrize("seed", range(3))
def test_loading_is_exact_whatever_is_compressed_in_between(
    seed: int, community_engine: Engine, inbox: Any, truth_of: Callable[..., Any]
) -> None:
    """D4, C1: random batches over three days, everything compressed after every few pages."""
    rng = random.Random(seed)
    for _ in range(40):
        items = [
            reading(rng.choice([1.0, 2.5]), rng.randrange(9) * 479, metric=f"m{rng.randrange(2)}") for _ in range(5)
        ]
        inbox.add("readings", items)
    inbox.max_items = 20
    inbox.before_pull = lambda kind, after: compress(community_engine, LATER) and None
    load_site(community_engine, inbox, "demo")

    truth = truth_of(inbox, "readings", ("equipment_code", "metric", "event_time"), ("value", "quality"))
    query = """
        select equipment_code, metric, event_time, value, r.batch_seq, item_index
        from {} as r join raw.signals using (signal_id)"""
    stored = {row[:3]: row[3:] for row in rows(community_engine, query.format("raw.readings"))}
    assert stored == {key: (row["value"], row["batch_seq"], row["item_index"]) for key, row in truth.current.items()}
    revised = sorted(rows(community_engine, query.format("raw.reading_revisions")))
    assert revised == sorted(
        (*key, row["value"], row["batch_seq"], row["item_index"])
        for key, kept in truth.revisions.items()
        for row in kept
    )


def test_a_worker_is_erased_from_compressed_chunks(community_engine: Engine, inbox: Any) -> None:
    """C39: the code is in the key, which TimescaleDB does not update while a chunk is compressed."""
    inbox.add("events", [event(day * 1440, worker_code=code) for day in range(3) for code in ("W1", "W2")])
    inbox.add("events", [event(3 * 1440, worker_code="W2")])
    load_site(community_engine, inbox, "demo")
    assert len(compress(community_engine, T0 + timedelta(days=2))) == 2

    changed = erase_worker(community_engine, "demo", "W1", "erased-1f")

    assert changed == {"raw.events": 3}
    counts = rows(community_engine, "select worker_code, count(*) from raw.events group by 1 order by 1")
    assert counts == [("W2", 4), ("erased-1f", 3)]
    assert len(compress(community_engine, T0 + timedelta(days=2))) == 2
