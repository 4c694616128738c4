"""A worker is erased from archived days, dropped ones too, and what is restored bears the pseudonym (C39)."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, text

from warehouse import archive_files, erasure_journal, worker_erasure
from warehouse.archive import archive
from warehouse.archive_erasure import erase_from_archive
from warehouse.erasure import erase_worker
from warehouse.errors import StorageBusy
from warehouse.file_lock import locked
from warehouse.load import load_site
from warehouse.restore import restore
from warehouse.storage_lock import exclusively
from warehouse.worker_erasure import erase_everywhere

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


def test_erasing_and_archiving_keep_out_of_each_other(warehouse_engine: Engine, archived: Path) -> None:
    """C39: an archiving that is under way has read the code and would write it back. Nothing is begun beside it."""
    with exclusively(warehouse_engine, archived), pytest.raises(StorageBusy):
        erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    assert rows(warehouse_engine, "select count(*) from raw.events where worker_code = 'W1'") != [(0,)]
    assert "erased" not in str(workers(archived)) and erasure_journal.workers(archived) == []
    with locked(archived / ".lock", 0), pytest.raises(StorageBusy):
        archive(warehouse_engine, archived, FIRST, LAST)
    erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    assert "W1" not in str(workers(archived))


def test_both_halves_are_erased_under_one_lock(
    warehouse_engine: Engine, archived: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An archiving that begins between the tables and the files is refused."""
    refused: list[str] = []

    def meanwhile(*arguments: Any, **named: Any) -> dict[str, int]:
        done = erase_worker(*arguments, **named)
        with pytest.raises(StorageBusy):
            archive(warehouse_engine, archived, FIRST, LAST)
        refused.append("archive")
        return done

    monkeypatch.setattr(worker_erasure, "erase_worker", meanwhile)
    erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    assert refused == ["archive"]


def rewind(engine: Engine, archived: Path, erase: Callable[[], object]) -> None:
    """Bring the tables back to before `erase`, as a restore of the database does; the archive's disk stays."""
    saved = ("raw.events", "raw.event_revisions", "ops.archived_days", "ops.erasures")
    with engine.begin() as connection:
        for table in saved:
            connection.execute(text(f"create table restricted.{table.replace('.', '_')} as table {table}"))
    erase()
    with engine.begin() as connection:
        for table in saved:
            connection.execute(text(f"delete from {table}"))
            connection.execute(text(f"insert into {table} table restricted.{table.replace('.', '_')}"))
            connection.execute(text(f"drop table restricted.{table.replace('.', '_')}"))


def test_a_rewind_to_before_an_erasure_erases_again(warehouse_engine: Engine, archived: Path) -> None:
    """C39: the ledger names files of the former name and sum, and the tables have the code again."""
    rewind(
        warehouse_engine, archived,
        lambda: [erase_everywhere(warehouse_engine, archived, "demo", f"W{n}", f"erased-{n}") for n in (1, 2)],
    )  # fmt: skip
    assert rows(warehouse_engine, "select count(*) from raw.events where worker_code in ('W1', 'W2')") == [(3,)]
    erased = workers(archived)

    # Whatever works on the archive next does it, before it reads or writes a row.
    summary = archive(warehouse_engine, archived, FIRST, LAST)

    assert summary.written == [] and workers(archived) == erased
    for table in ("raw.events", "raw.event_revisions"):
        assert rows(warehouse_engine, f"select count(*) from {table} where worker_code in ('W1', 'W2')") == [(0,)]
    named = rows(warehouse_engine, "select path, sha256 from ops.archived_days where path is not null")
    assert {path for path, _ in named} == set(erased)
    for path, sha256 in named:
        assert archive_files.sha256(archived / path) == sha256
    assert restore(warehouse_engine, archived, FIRST, LAST).inserted_count == 0


def test_a_rewind_beyond_the_archiving_leaves_no_code_in_its_files(warehouse_engine: Engine, archived: Path) -> None:
    """The ledger does not know the file of a day that was archived later; the next erasure finds it all the same."""
    with warehouse_engine.begin() as connection:
        connection.execute(text("delete from ops.archived_days where day = '2026-03-02'"))
    erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    assert workers(archived)["events/demo/2026-03-02.parquet"] == [ERASED]


def test_codes_that_came_back_are_erased_on_demand(warehouse_engine: Engine, archived: Path) -> None:
    """An inbox that was brought back gives the code out again, after the tables were set right."""
    erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    with warehouse_engine.begin() as connection:
        connection.execute(text("update raw.events set worker_code = 'W1' where worker_code = :code"), {"code": ERASED})
    with exclusively(warehouse_engine, archived) as repeated:
        assert repeated == []
    with exclusively(warehouse_engine, archived, are_all_repeated=True) as repeated:
        assert [(again.worker_code, again.pseudonym) for again in repeated] == [("W1", ERASED)]
    assert rows(warehouse_engine, "select count(*) from raw.events where worker_code = 'W1'") == [(0,)]


def test_the_journal_names_no_code_and_survives_a_torn_line(warehouse_engine: Engine, archived: Path) -> None:
    erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    journal = archived / "erasures.jsonl"
    assert "W1" not in journal.read_text()
    with journal.open("a") as file:
        file.write('{"site_code": "de')
    erase_everywhere(warehouse_engine, archived, "demo", "W2", "erased-2f")
    assert [known.pseudonym for known in erasure_journal.workers(archived)] == [ERASED, "erased-2f"]
    assert [known.is_of("W2") for known in erasure_journal.workers(archived)] == [False, True]


def test_a_day_that_is_archived_again_leaves_no_former_file(
    warehouse_engine: Engine, archived: Path, inbox: Any
) -> None:
    """Nobody would erase the next worker from it."""
    erase_everywhere(warehouse_engine, archived, "demo", "W1", ERASED)
    inbox.add("events", [{"event_time": T0 + timedelta(hours=1), "worker_code": "W3"}])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, archived, FIRST, LAST)
    assert [path for path in workers(archived) if path.startswith("events/demo/2026-03-01")] == [
        "events/demo/2026-03-01.parquet"
    ]
