"""Databases of earlier releases reach the current revision, with every row, while others write (S4-036, DESIGN 6)."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, cast

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import NullPool, make_url, text

from warehouse.engine import create_engine
from warehouse.errors import MigrationError
from warehouse.load import load_site
from warehouse.migrate import METADATA, Branch, migrate

DUMPS = sorted((Path(__file__).parents[2] / "data" / "upgrade").glob("*.sql"))
# What a revision changes on purpose: table, column, value before and after.
CHANGED = [("inbox.api_keys", "scopes", ["push", "pull"], ["pull", "push_readings", "push_events"])]

every_dump = pytest.mark.parametrize("dump", DUMPS, ids=[path.stem for path in DUMPS])

Rows = dict[str, list[dict[str, Any]]]


def branch_of(dump: Path) -> Branch:
    return cast(Branch, dump.stem.split("_")[0])


@pytest.fixture
def restored(dump: Path, postgres: Any) -> Iterator[str]:
    """URL of a database that holds a dump."""
    name = f"test_upgrade_{dump.stem}"
    url = postgres.create(name)
    with psycopg.connect(plain(url)) as connection:
        connection.execute(dump.read_text())
    yield url
    postgres.drop(name)


def plain(url: str) -> str:
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def rows_of(url: str, tables: Rows | None = None) -> Rows:
    """Every row of our schemas by table, in the order of its text; of these columns, where tables are given."""
    found: Rows = {}
    with create_engine(url, poolclass=NullPool).connect() as connection:
        connection.exec_driver_sql("set search_path = public")
        names = connection.scalars(
            text("""
                select format('%I.%I', schemaname, tablename) from pg_tables
                where schemaname in ('inbox', 'registry', 'raw', 'ml', 'ops')""")
        ).all()
        for name in tables or names:
            rows = connection.execute(text(f"select * from {name}")).mappings().all()
            columns = set(tables[name][0]) if tables else None
            kept = [{key: value for key, value in row.items() if not columns or key in columns} for row in rows]
            found[name] = sorted(kept, key=repr)
    return found


@every_dump
def test_a_dump_of_an_earlier_release_upgrades_with_every_row(dump: Path, restored: str) -> None:
    before = rows_of(restored)
    assert all(before.values()), "a table without rows proves nothing"
    migrate(restored, branch_of(dump))

    if dump.stem == "api_0002":
        for table, column, old, new in CHANGED:
            for row in before[table]:
                assert row[column] == old
                row[column] = new
    after = rows_of(restored, before)
    assert after == {table: sorted(rows, key=repr) for table, rows in before.items()}
    branch = branch_of(dump)
    with create_engine(restored, poolclass=NullPool).connect() as connection:
        schemas = {table.schema for table in METADATA[branch].tables.values()}
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, parents: kind != "schema" or name in schemas,
        }
        assert compare_metadata(MigrationContext.configure(connection, opts=options), METADATA[branch]) == []


# What an instance of the earlier release writes, by statements that it has: it goes on while its successor migrates.
WRITES: dict[Branch, tuple[str, ...]] = {
    "warehouse": (
        "insert into raw.readings (signal_id, item_index, is_server_time, event_time, value, quality, batch_seq,"
        " load_id, received_at, recorded_at) select 1, 0, false, clock_timestamp(), 1, 1, 1, 1, now(), now()",
        "insert into raw.events (site_code, source_code, event_type, event_time, is_server_time, item_index, batch_seq,"
        " load_id, received_at, recorded_at) select 'd', 'c', 'idle', clock_timestamp(), false, 0, 1, 1, now(), now()",
        "insert into raw.batches (site_code, batch_seq, batch_id, kind, origin, credential, is_replay, item_count,"
        " accepted_count, quarantined_count, quarantine_reasons, inserted_count, revised_count, duplicate_count,"
        " device_timed_count, late_count, load_id, received_at)"
        " select 'd', max(batch_seq) + 1, gen_random_uuid(), 'readings', 'push', 'edge', false, 1, 1, 0, '{}', 1, 0, 0,"
        " 1, 0, 1, now() from raw.batches",
        "insert into raw.signals (site_code, equipment_code, metric) select 'd', 'e', clock_timestamp()::text",
        "update raw.touched_hours set touch_count = touch_count + 1",
        "update raw.cursors set position = position + 1",
        "insert into ml.scores (site_code, equipment_code, event_time, model_name, model_version, score, threshold,"
        " is_anomaly, confidence) select 'd', 'e', clock_timestamp(), 'm', 1, 1, 1, false, 1",
    ),
    "api": (
        "insert into inbox.batches (batch_id, site_code, kind, origin, credential, content_hash, format, payload,"
        " item_count, accepted_count, quarantined_count, is_replay, received_at)"
        " select id, 'site_code-1', 'events', 'push', 'edge', sha256(id::text::bytea), 'json', 'x', 1, 1, 0, false,"
        " now() from gen_random_uuid() as id",
        "update inbox.api_keys set last_used_at = now()",
        "insert into registry.changes (site_code, entity, code, payload, changed_by)"
        " values ('site_code-1', 'sites', 'site_code-1', '{}', 'edge')",
        "update registry.equipment set updated_at = now()",
    ),
}


@dataclass
class Writer:
    """Writes without pause; `is_done` ends it. A statement that waits two seconds for a lock fails the test."""

    url: str
    statements: tuple[str, ...]
    is_done: Event = field(default_factory=Event)
    count: int = 0

    def run(self) -> None:
        with psycopg.connect(plain(self.url), autocommit=True, options="-c lock_timeout=2s") as connection:
            while not self.is_done.is_set():
                for statement in self.statements:
                    connection.execute(statement)
                self.count += 1


class Reader(Writer):
    """Holds every table for longer than a writer may wait, as a report does, with short breaks."""

    def run(self) -> None:
        with psycopg.connect(plain(self.url)) as connection:
            tables = connection.execute(
                "select format('%I.%I', schemaname, tablename) from pg_tables"
                " where schemaname in ('inbox', 'registry', 'raw', 'ml', 'ops')"
            ).fetchall()
            while not self.is_done.is_set():
                # Each in the one transaction: the locks stay until it ends.
                for (table,) in tables:
                    connection.execute(f"select count(*) from {table}")
                self.count += 1
                self.is_done.wait(3.5)
                connection.rollback()
                self.is_done.wait(2.0)


MANY: dict[Branch, str] = {
    "warehouse": "insert into raw.readings (signal_id, item_index, is_server_time, event_time, value, quality,"
    " batch_seq, load_id, received_at, recorded_at)"
    " select 1, 0, false, now() - n * interval '1 second', 1, 1, 1, 1, now(), now()"
    " from generate_series(1, 200000) as n",
    "api": "insert into registry.changes (site_code, entity, code, payload, changed_by)"
    " select 'site_code-1', 'sites', 'site_code-1', '{}', 'edge' from generate_series(1, 50000)",
}


@every_dump
def test_no_writer_waits_two_seconds_while_every_step_runs(dump: Path, restored: str) -> None:
    """A reader holds all tables at most times: a step must not queue up behind it, and the writers behind the step."""
    branch = branch_of(dump)
    with psycopg.connect(plain(restored), autocommit=True) as connection:
        connection.execute(MANY[branch])
    writer, reader = Writer(restored, WRITES[branch]), Reader(restored, ())
    with ThreadPoolExecutor(2) as pool:
        running: list[Future[None]] = [pool.submit(writer.run), pool.submit(reader.run)]
        try:
            while not writer.count or not reader.count:
                assert not any(future.done() for future in running), [future.exception() for future in running]
                time.sleep(0.05)
            written = writer.count
            migrate(restored, branch)
        finally:
            writer.is_done.set()
            reader.is_done.set()
        for future in running:
            future.result()  # LockNotAvailable: a writer waited too long
    assert writer.count > written
    with create_engine(restored, poolclass=NullPool).connect() as connection:
        assert connection.scalar(text(f"select version_num from alembic_version_{branch}")) > dump.stem


def test_a_writer_that_waits_is_seen(api_url: str) -> None:
    """What the test above would say of a step that waits for its lock however long it takes."""
    writer = Writer(api_url, ("update inbox.api_keys set last_used_at = now()",))
    with (
        psycopg.connect(plain(api_url)) as reader,
        psycopg.connect(plain(api_url)) as step,
        ThreadPoolExecutor(2) as pool,
    ):
        reader.execute("select count(*) from inbox.api_keys")
        waiting = pool.submit(step.execute, "alter table inbox.api_keys add column note text")
        while reader.execute("select count(*) from pg_locks where not granted").fetchone() == (0,):
            time.sleep(0.01)
        writing = pool.submit(writer.run)
        with pytest.raises(psycopg.errors.LockNotAvailable):
            writing.result()
        reader.rollback()
        waiting.result()


def test_a_table_that_stays_locked_is_told(api_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.migrate._ATTEMPTS", 1)
    with psycopg.connect(plain(api_url)) as holder:
        holder.execute("lock table alembic_version_api in access exclusive mode")
        with pytest.raises(MigrationError, match="lock timeout"):
            migrate(api_url, "api")


def test_the_loader_goes_on_after_the_upgrade(
    postgres: Any, inbox: Any, fresh_database: Callable[[Branch], str]
) -> None:
    """The rows of the dump and new ones live in the same tables, identities go on where they stood."""
    newest = [path for path in DUMPS if path.stem.startswith("warehouse")][-1]
    url = postgres.create("test_upgrade_loader")
    try:
        with psycopg.connect(plain(url)) as connection:
            connection.execute(newest.read_text())
        migrate(url, "warehouse")
        engine = create_engine(url, poolclass=NullPool)
        inbox.add("readings", [{"event_time": datetime(2026, 5, 1, tzinfo=UTC), "value": 1.0}])
        assert load_site(engine, inbox, "demo").inserted_count == 1
    finally:
        postgres.drop("test_upgrade_loader")


STEPS = sorted((Path(__file__).parents[3] / "warehouse" / "migrations" / "versions").rglob("*.py"))
GROWING = ("readings", "events", "reading_revisions", "event_revisions", "scores", "batches", "quarantine")


@pytest.mark.parametrize("step", STEPS, ids=[f"{path.parent.name}-{path.stem}" for path in STEPS])
def test_an_index_on_a_table_that_grows_is_made_beside_its_writers(step: Path) -> None:
    """`create index` keeps writers waiting as long as it takes; `concurrently`, in an autocommit block, does not."""
    source = step.read_text()
    for call in source.split("op.create_index(")[1:]:
        statement = call.split("\n    op.")[0]
        table = next((name for name in GROWING if f'"{name}"' in statement), None)
        if table and f'op.create_table(\n        "{table}"' not in source:
            assert "postgresql_concurrently=True" in statement and "autocommit_block" in source, step.name
