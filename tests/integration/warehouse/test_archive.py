"""The archive holds each day as it stands in raw, is written anew when a day changes, and can be read without us."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pytest
from sqlalchemy import Engine, NullPool, text

from ingestion_api.contract import RegistryChange
from warehouse.archive import archive
from warehouse.engine import create_engine
from warehouse.errors import NotOwner, StorageBusy
from warehouse.load import load_site
from warehouse.storage_lock import exclusively

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 4)


def rows(engine: Engine, query: str, **parameters: Any) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query), parameters)]


def reading(value: float, minute: int = 0, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minute), "value": value, **more}


def files(directory: Path) -> list[str]:
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*.parquet"))


def test_one_file_per_table_site_class_and_utc_day(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """C2, S0-048."""
    inbox.changes.append(
        RegistryChange(
            change_seq=1, entity="equipment", code="pump-1", payload={"equipment_class": "feed/pump"},
            changed_by="", changed_at=T0,
        )
    )  # fmt: skip
    inbox.add("readings", [reading(1.0), reading(2.0, 18 * 60), reading(3.0, 1, equipment_code="press-1")])
    inbox.add("readings", [reading(1.5)])  # a revision
    inbox.add("events", [{"event_time": T0}])
    load_site(warehouse_engine, inbox, "demo")
    summary = archive(warehouse_engine, tmp_path, FIRST, LAST)
    assert files(tmp_path) == [
        "events/demo/2026-03-01.parquet",
        "reading_revisions/demo/2026-03-01_feed%2Fpump.parquet",
        "readings/demo/2026-03-01.parquet",
        "readings/demo/2026-03-01_feed%2Fpump.parquet",
        "readings/demo/2026-03-02_feed%2Fpump.parquet",
    ]
    assert sum(day.row_count for day in summary.written) == 5
    assert {day.byte_count for day in summary.written} == {path.stat().st_size for path in tmp_path.rglob("*.parquet")}


def test_pandas_and_duckdb_read_what_raw_holds(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """Values, times and absent values survive, whatever text they carry."""
    odd = 'say "x", y\nand z'
    exact = [0.1, 1 / 3, 1e300, -0.0, 5e-324]
    inbox.add("readings", [reading(value, n, metric=odd, quality=0.7) for n, value in enumerate(exact)])
    inbox.add("events", [{"event_time": T0 + timedelta(microseconds=1), "work_unit_code": odd, "duration_s": 1.25,
                          "units_produced": None, "confidence": None}])  # fmt: skip
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)

    frame = pd.read_parquet(tmp_path / "readings")
    assert frame["value"].tolist() == exact
    assert set(frame["metric"]) == {odd} and set(frame["site_code"]) == {"demo"}
    assert frame["event_time"].tolist() == [T0 + timedelta(minutes=n) for n in range(len(exact))]
    assert frame["quality"].astype(float).round(6).eq(0.7).all()

    with duckdb.connect() as reader:
        found = reader.sql(
            f"select work_unit_code, worker_code, duration_s, units_produced, confidence, epoch_us(event_time) "
            f"from read_parquet('{tmp_path}/events/*/*.parquet')"
        ).fetchall()
    assert [(*row[:2], float(row[2]), *row[3:]) for row in found] == [
        (odd, "worker-1", 1.25, None, None, int(T0.timestamp() * 1_000_000) + 1)
    ]


def test_a_day_is_written_again_only_if_it_changed(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    inbox.add("readings", [reading(1.0), reading(2.0, 18 * 60)])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)
    before = {name: (tmp_path / name).stat().st_mtime_ns for name in files(tmp_path)}
    assert archive(warehouse_engine, tmp_path, FIRST, LAST).written == []

    inbox.add("readings", [reading(1.0)])  # a duplicate touches nothing
    inbox.add("readings", [reading(7.0)])
    load_site(warehouse_engine, inbox, "demo")
    written = archive(warehouse_engine, tmp_path, FIRST, LAST).written
    assert [(day.table_name, day.piece.day) for day in written] == [("readings", FIRST), ("reading_revisions", FIRST)]
    assert pd.read_parquet(tmp_path / "readings/demo/2026-03-01.parquet")["value"].tolist() == [7.0]
    assert pd.read_parquet(tmp_path / "reading_revisions")["value"].tolist() == [1.0]
    untouched = "readings/demo/2026-03-02.parquet"
    assert (tmp_path / untouched).stat().st_mtime_ns == before[untouched]


def test_a_lost_file_is_written_again(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)
    content = (tmp_path / "readings/demo/2026-03-01.parquet").read_bytes()
    (tmp_path / "readings/demo/2026-03-01.parquet").unlink()
    assert len(archive(warehouse_engine, tmp_path, FIRST, LAST).written) == 1
    # The same rows make the same file, so its hash tells the rows.
    assert (tmp_path / "readings/demo/2026-03-01.parquet").read_bytes() == content


def test_the_ledger_of_the_archive_tells_what_the_files_hold(
    warehouse_engine: Engine, inbox: Any, tmp_path: Path
) -> None:
    inbox.add("readings", [reading(1.0), reading(2.0, 5)])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)
    query = """
        select row_count, first_event_at, last_event_at, touch_count from ops.archived_days
        where table_name = :name and day = '2026-03-01'"""
    assert rows(warehouse_engine, query, name="readings") == [(2, T0, T0 + timedelta(minutes=5), 1)]
    assert rows(warehouse_engine, query, name="reading_revisions") == [(0, None, None, 1)]


def test_a_write_that_fails_leaves_the_old_file(
    warehouse_engine: Engine, inbox: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk, at the last moment."""
    inbox.add("readings", [reading(1.0)])
    load_site(warehouse_engine, inbox, "demo")
    archive(warehouse_engine, tmp_path, FIRST, LAST)
    before = files(tmp_path), (tmp_path / "readings/demo/2026-03-01.parquet").read_bytes()
    inbox.add("readings", [reading(2.0)])
    load_site(warehouse_engine, inbox, "demo")

    def no_space(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as faulty:
        faulty.setattr("os.fsync", no_space)
        with pytest.raises(OSError, match="No space"):
            archive(warehouse_engine, tmp_path, FIRST, LAST)
    assert (files(tmp_path), (tmp_path / "readings/demo/2026-03-01.parquet").read_bytes()) == before
    assert len(archive(warehouse_engine, tmp_path, FIRST, LAST).written) == 2


def test_many_rows_pass_through_in_blocks(warehouse_engine: Engine, inbox: Any, tmp_path: Path) -> None:
    """Memory does not grow with the day: a file has several row groups, none of them large."""
    with warehouse_engine.begin() as connection:
        load_site(warehouse_engine, inbox, "demo")
        connection.execute(
            text("insert into raw.signals (site_code, equipment_code, metric) values ('demo', 'p', 'm')")
        )
        connection.execute(
            text("insert into raw.readings select signal_id, 0, false, :start + n * interval '0.2 seconds', n, 1, 1, 1,"
                 " :start, :start from raw.signals, generate_series(0, 299999) as n"),
            {"start": T0 - timedelta(hours=6)},
        )  # fmt: skip
        connection.execute(
            text("insert into raw.touched_hours select 'demo', :start + n * interval '1 hour', 1, 0, 0, :start "
                 "from generate_series(0, 16) as n"),
            {"start": T0 - timedelta(hours=6)},
        )  # fmt: skip
    archive(warehouse_engine, tmp_path, FIRST, LAST, families=["readings"])
    metadata = pq.read_metadata(tmp_path / "readings/demo/2026-03-01.parquet")
    assert metadata.num_rows == 300_000
    assert metadata.num_row_groups > 2
    assert pd.read_parquet(tmp_path / "readings")["value"].tolist() == list(range(300_000))


def test_one_storage_command_at_a_time(warehouse_engine: Engine, tmp_path: Path) -> None:
    with exclusively(warehouse_engine, tmp_path), pytest.raises(StorageBusy, match="under way"):
        archive(warehouse_engine, tmp_path, FIRST, LAST)
    archive(warehouse_engine, tmp_path, FIRST, LAST)


def test_a_login_that_does_not_own_the_tables_is_refused_at_once(warehouse_engine: Engine, tmp_path: Path) -> None:
    """Not halfway through: the loader may not write the archive's ledger, nor drop anything."""
    name = warehouse_engine.url.database
    with warehouse_engine.begin() as connection:
        connection.execute(text(f"create role \"visitor of {name}\" login password 'x'"))
        connection.execute(text(f'grant usage on schema raw to "visitor of {name}"'))
    visitor = create_engine(warehouse_engine.url.set(username=f"visitor of {name}", password="x"), poolclass=NullPool)
    try:
        with pytest.raises(NotOwner, match="MILLRACE_STORAGE_WAREHOUSE_URL"):
            archive(visitor, tmp_path, FIRST, LAST)
    finally:
        with warehouse_engine.begin() as connection:
            connection.execute(text(f'drop owned by "visitor of {name}"'))
            connection.execute(text(f'drop role "visitor of {name}"'))
