"""A worker is erased from archived days, dropped ones too, and what is restored bears the pseudonym (C39)."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from warehouse import archive_files
from warehouse.archive import archive
from warehouse.archive_erasure import erase_from_archive
from warehouse.erasure import erase_worker
from warehouse.load import load_site
from warehouse.restore import restore

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 3)
ERASED = "erased-1f"


def rows(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def workers(directory: Path) -> dict[str, list[str]]:
    """Who is in each file of events."""
    return {
        path.relative_to(directory).as_posix(): sorted(pq.read_table(path)["worker_code"].to_pylist())
        for path in sorted(directory.rglob("*.parquet"))
    }


@pytest.fixture
def archived(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> Path:
    """Two days of W1 and one of W2, one event of W1 revised, all in the archive."""
    day = timedelta(days=1)
    inbox.add("events", [{"event_time": T0, "worker_code": code, "units_produced": 1} for code in ("W1", "W2")])
    inbox.add("events", [{"event_time": T0, "worker_code": "W1", "units_produced": 2}])
    inbox.add("events", [{"event_time": T0 + day, "worker_code": "W1", "units_produced": 3}])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)
    return tmp_path


def test_files_that_name_the_worker_are_written_anew(warehouse_engine: Engine, archived: Path) -> None:
    assert erase_from_archive(warehouse_engine, archived, "demo", "W2", ERASED) == 1
    assert workers(archived) == {
        "event_revisions/demo/2026-03-01.parquet": ["W1"],
        "events/demo/2026-03-01~1.parquet": ["W1", ERASED],
        "events/demo/2026-03-02.parquet": ["W1"],
    }
    assert erase_from_archive(warehouse_engine, archived, "demo", "W2", ERASED) == 0
    assert erase_from_archive(warehouse_engine, archived, "pune", "W1", ERASED) == 0
    assert erase_from_archive(warehouse_engine, archived, "demo", "W1", "erased-2f") == 3
    assert workers(archived) == {
        "event_revisions/demo/2026-03-01~1.parquet": ["erased-2f"],
        "events/demo/2026-03-01~2.parquet": [ERASED, "erased-2f"],
        "events/demo/2026-03-02~1.parquet": ["erased-2f"],
    }


def test_dropped_days_are_restored_under_the_pseudonym(warehouse_engine: Engine, archived: Path) -> None:
    stored = "select event_time, worker_code, units_produced, batch_seq from raw.events order by 1, 2"
    before = rows(warehouse_engine, stored)
    with warehouse_engine.begin() as connection:
        connection.execute(text("delete from raw.events"))
        connection.execute(text("delete from raw.event_revisions"))
        connection.execute(text("update ops.archived_days set dropped_at = now()"))

    erase_worker(warehouse_engine, "demo", "W1", ERASED)
    erase_from_archive(warehouse_engine, archived, "demo", "W1", ERASED)
    restore(warehouse_engine, archived, FIRST, LAST)

    renamed = [(time, ERASED if code == "W1" else code, *rest) for time, code, *rest in before]
    assert rows(warehouse_engine, stored) == sorted(renamed)
    assert rows(warehouse_engine, "select worker_code, units_produced from raw.event_revisions") == [(ERASED, 1)]


def test_archive_and_tables_agree_after_both(warehouse_engine: Engine, archived: Path) -> None:
    """The same rows have the same sum: nothing is archived again for having been erased."""
    erase_worker(warehouse_engine, "demo", "W1", ERASED)
    erase_from_archive(warehouse_engine, archived, "demo", "W1", ERASED)
    with warehouse_engine.begin() as connection:
        connection.execute(text("update raw.touched_hours set touch_count = touch_count + 1"))
    assert archive(warehouse_engine, archived, FIRST, LAST).written == []


def test_an_interrupted_erasure_goes_on(warehouse_engine: Engine, archived: Path) -> None:
    """Killed before the ledger names the new file, or after it and before the old one is deleted."""
    old = archived / "events/demo/2026-03-02.parquet"
    kept = old.read_bytes()
    (archived / "events/demo/2026-03-02~1.parquet").write_bytes(b"half")
    erase_from_archive(warehouse_engine, archived, "demo", "W1", ERASED)
    old.write_bytes(kept)

    assert erase_from_archive(warehouse_engine, archived, "demo", "W1", ERASED) == 0

    assert not old.exists()
    for path, sha256 in rows(warehouse_engine, "select path, sha256 from ops.archived_days where path is not null"):
        assert archive_files.sha256(archived / path) == sha256
