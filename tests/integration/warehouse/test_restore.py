"""Restoring brings a day back exactly once, whatever came while it was away (D4, S1-022)."""

import random
import threading
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse import ingest_ledger, ledger
from warehouse.archive import archive
from warehouse.compression import compress
from warehouse.errors import ArchiveDamaged, NothingArchived
from warehouse.load import load_site
from warehouse.restore import restore
from warehouse.retention import retain

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 5)
NOW = datetime(2026, 10, 1, tzinfo=UTC)
STORED = {
    "readings": (
        "select equipment_code, metric, event_time, value, quality, t.batch_seq, t.item_index "
        "from raw.{} as t join raw.signals as s using (signal_id)"
    ),
    "events": (
        "select source_code, event_type, event_time, work_unit_code, worker_code, duration_s::float, units_produced, "
        "confidence, batch_seq, item_index from raw.{}"
    ),
}
SHAPES = {
    "readings": (("equipment_code", "metric", "event_time"), ("value", "quality")),
    "events": (
        ("source_code", "event_type", "event_time", "work_unit_code", "worker_code"),
        ("duration_s", "units_produced", "confidence"),
    ),
}


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def execute(engine: Engine, statement: str, **parameters: Any) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement), parameters)


def reading(value: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), "value": value, **more}


def drop_all(engine: Engine, directory: Path) -> None:
    """Have retention drop everything, after what stands for a rollup."""
    execute(engine, "update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
    for table in ("marts.fct_work_unit_hours", "intermediate.int_failures_reported"):
        execute(engine, f"create table if not exists {table} as select 1 as one")
    execute(engine, "drop table if exists marts.fct_sensor_readings_hourly")
    execute(
        engine,
        "create table marts.fct_sensor_readings_hourly as "
        "select signal_id, date_trunc('hour', event_time, 'UTC') as hour, count(*) as reading_count "
        "from raw.readings group by 1, 2",
    )
    assert retain(engine, directory, NOW, 30).kept == {}
    for table in ("readings", "reading_revisions", "events", "event_revisions"):
        assert rows(engine, f"select count(*) from raw.{table}") == [(0,)]


def everything(engine: Engine) -> dict[str, list[Any]]:
    tables = ("raw.readings", "raw.reading_revisions", "raw.events", "raw.event_revisions")
    return {table: sorted(rows(engine, f"select * from {table}"), key=repr) for table in tables}


def test_a_dropped_day_comes_back_bit_for_bit(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """With load_id, recorded_at and revisions: what was known when survives (D4)."""
    inbox.add("readings", [reading(0.1, n) for n in range(5)])
    inbox.add("readings", [reading(1 / 3, 2), reading(1e300, 2 * 1440)])
    inbox.add("events", [{"event_time": T0, "work_unit_code": 'a,"b"\n', "worker_code": "", "duration_s": 0.125}])
    inbox.add("events", [{"event_time": T0, "work_unit_code": 'a,"b"\n', "worker_code": "", "units_produced": 3}])
    load_site(warehouse_engine, inbox, "demo")
    before = everything(warehouse_engine)
    drop_all(warehouse_engine, tmp_path)
    told: list[Any] = []
    summary = restore(warehouse_engine, tmp_path, FIRST, LAST, progress=lambda path, count: told.append((path, count)))
    assert everything(warehouse_engine) == before
    assert (summary.file_count, summary.row_count, summary.inserted_count) == (5, 9, 9)
    assert ("readings/demo/2026-03-01.parquet", 5) in told

    again = restore(warehouse_engine, tmp_path, FIRST, LAST)
    assert (again.row_count, again.inserted_count) == (9, 0)
    assert everything(warehouse_engine) == before


def test_rows_that_exist_stay_as_they_are(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """A file that is older than the table brings nothing back."""
    inbox.add("readings", [reading(1.0), reading(1.0, 1)])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)
    inbox.add("readings", [reading(2.0)])
    load_site(warehouse_engine, inbox, "demo")
    before = everything(warehouse_engine)
    restore(warehouse_engine, tmp_path, FIRST, LAST)
    assert everything(warehouse_engine) == before


@pytest.mark.parametrize("seed", range(6))
def test_what_came_meanwhile_and_what_comes_back_are_one_history(
    seed: int, warehouse_engine: Engine, inbox: Any, truth_of: Callable[..., Any], tmp_path: Path
) -> None:
    """Dropped, late versions, restored: the same rows as if nothing had ever been dropped."""
    rng = random.Random(seed)

    def fill(count: int) -> None:
        for _ in range(count):
            times = (rng.randrange(4) * 700 for _ in range(3))
            inbox.add("readings", [reading(rng.choice([1.0, 2.0]), minute) for minute in times])
            at = T0 + timedelta(minutes=rng.randrange(3) * 900)
            inbox.add("events", [{"event_time": at, "duration_s": rng.choice([None, 5.0]), "units_produced": 1}])

    fill(6)
    load_site(warehouse_engine, inbox, "demo")
    drop_all(warehouse_engine, tmp_path)
    fill(6)
    load_site(warehouse_engine, inbox, "demo")
    restore(warehouse_engine, tmp_path, FIRST, LAST)
    for kind, (key, content) in SHAPES.items():
        truth = truth_of(inbox, kind, key, content)
        shown = (*content, "batch_seq", "item_index")
        current = sorted((*place, *(row[name] for name in shown)) for place, row in truth.current.items())
        assert sorted(rows(warehouse_engine, STORED[kind].format(kind)), key=repr) == sorted(current, key=repr)
        kept = {(*place, *(row[name] for name in shown)) for place, some in truth.revisions.items() for row in some}
        # A version that only repeated one that was away was filed as a revision of its own.
        found = rows(warehouse_engine, STORED[kind].format(f"{kind[:-1]}_revisions"))
        assert kept <= set(found)
        assert {row[: -len(shown)] for row in found} == {row[: -len(shown)] for row in kept}


def test_hours_wait_until_the_days_around_them_are_back(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """C17: what came late is computed from when all that it takes is there again."""
    inbox.add("readings", [reading(1.0, 1440 * day) for day in range(8)])
    load_site(warehouse_engine, inbox, "demo")
    drop_all(warehouse_engine, tmp_path)
    inbox.add("readings", [reading(9.0, 5 + 1440 * 4)], received_at=NOW)
    load_site(warehouse_engine, inbox, "demo")
    late = T0 + timedelta(days=4)

    def is_pending() -> bool:
        return late in [hours.start for hours in ledger.pending_ranges(warehouse_engine, "rolled_up")]

    summary = restore(warehouse_engine, tmp_path, date(2026, 3, 5), date(2026, 3, 6))
    assert summary.waiting == [("demo", date(2026, 3, 5))]
    assert not is_pending()
    summary = restore(warehouse_engine, tmp_path, date(2026, 3, 1), date(2026, 3, 9))
    assert summary.waiting == []
    assert is_pending()


def test_a_restore_and_a_load_of_the_same_site_take_turns(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """A load in between would replace a version, or be replaced, unseen."""
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    drop_all(warehouse_engine, tmp_path)
    restoring = threading.Thread(target=restore, args=(warehouse_engine, tmp_path, FIRST, LAST))
    with warehouse_engine.begin() as connection:
        ingest_ledger.lock(connection, "demo", "readings")
        restoring.start()
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        while rows(warehouse_engine, waiting) != [(1,)]:
            assert restoring.is_alive()
        assert rows(warehouse_engine, "select count(*) from raw.readings") == [(0,)]
    restoring.join(30)
    assert rows(warehouse_engine, "select count(*) from raw.readings") == [(1,)]


def test_restored_days_stay_for_a_while(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    drop_all(warehouse_engine, tmp_path)
    restore(warehouse_engine, tmp_path, FIRST, LAST)
    summary = retain(warehouse_engine, tmp_path, NOW, 30, families=["readings"])
    assert [reason.split(":")[0] for reason in summary.kept.values()] == ["restored"]
    restore(warehouse_engine, tmp_path, FIRST, LAST, keep_for=timedelta(0))
    assert [day.row_count for day in retain(warehouse_engine, tmp_path, NOW, 30).dropped] == [1]


def test_a_damaged_or_missing_file_is_refused(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    drop_all(warehouse_engine, tmp_path)
    path = tmp_path / "readings/demo/2026-03-01.parquet"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ArchiveDamaged, match="not what was written"):
        restore(warehouse_engine, tmp_path, FIRST, LAST)
    path.unlink()
    with pytest.raises(ArchiveDamaged, match="not there"):
        restore(warehouse_engine, tmp_path, FIRST, LAST)
    assert rows(warehouse_engine, "select count(*) from raw.readings") == [(0,)]
    path.write_bytes(content)
    assert restore(warehouse_engine, tmp_path, FIRST, LAST).inserted_count == 1


def test_nothing_to_restore_is_told(warehouse_engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(NothingArchived, match="2026-03-01"):
        restore(warehouse_engine, tmp_path, FIRST, LAST)


def test_a_day_comes_back_into_compressed_chunks(community_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """Late rows of a dropped day, compressed before its restore."""
    inbox.add("readings", [reading(1.0, n) for n in range(5)])
    load_site(community_engine, inbox, "demo")
    drop_all(community_engine, tmp_path)
    inbox.add("readings", [reading(1.0, 2), reading(2.0, 3), reading(3.0, 9)])
    load_site(community_engine, inbox, "demo")
    assert len(compress(community_engine, NOW)) == 1
    restore(community_engine, tmp_path, FIRST, LAST)
    found = rows(community_engine, "select value, batch_seq from raw.readings order by event_time")
    assert found == [(1.0, 1), (1.0, 1), (1.0, 1), (2.0, 2), (1.0, 1), (3.0, 2)]
    assert rows(community_engine, "select value, batch_seq from raw.reading_revisions") == [(1.0, 1)]
