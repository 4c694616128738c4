"""A worker is erased from raw and from the marts: every total stays, and a rebuild gives the same rows (C39)."""

import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, NullPool, insert, text

from warehouse import tables
from warehouse.engine import create_engine
from warehouse.erasure import erase_worker
from warehouse.errors import NotErased

MONDAY = datetime(2026, 3, 2, 8, tzinfo=UTC)
ERASED = "erased-1f"
TOTALS = """
    select 'site', site_code, date, units_produced, working_h, worker_count, utilization_pct
    from marts.fct_site_kpis_daily
    union all
    select 'work unit', work_unit_code, date, units_produced, occupancy_h, null, occupancy_ratio
    from marts.fct_work_unit_kpis_daily
    order by 1, 2, 3
"""


def event(minute: int, worker_code: str, **more: Any) -> dict[str, Any]:
    moment = MONDAY + timedelta(minutes=minute)
    return {
        "site_code": "berlin", "source_code": "C1", "event_type": "working", "event_time": moment,
        "worker_code": worker_code, "work_unit_code": "U1", "duration_s": 600, "units_produced": 4, "confidence": None,
        "is_server_time": False, "item_index": 0, "batch_seq": 1, "load_id": 1, "received_at": moment,
        "recorded_at": moment,
    } | more  # fmt: skip


@pytest.fixture(scope="module")
def built(
    postgres: Any, _templates: Mapping[str, str], start_dbt: Callable[[str], Any]
) -> Iterator[tuple[str, str, Any]]:
    """A warehouse with every mart, kept as a template; its former name, and the dbt session of that name."""
    name = f"erasure_{uuid.uuid4().hex[:8]}"
    template = f"{name}_built"
    url = postgres.create(name, _templates["warehouse"])
    engine = create_engine(url, poolclass=NullPool)
    revision = {**event(0, "W1", units_produced=9), "superseded_at": MONDAY + timedelta(hours=1)}
    change = {"site_code": "berlin", "change_seq": 1, "entity": "workers", "code": "W1", "changed_by": "test",
              "payload": {"worker_code": "W1", "department": "A", "active_since": "2020-01-01T00:00:00Z"},
              "changed_at": MONDAY}  # fmt: skip
    names = [{"site_code": "berlin", "worker_code": code, "name": f"Name of {code}"} for code in ("W1", "W2")]
    with engine.begin() as connection:
        others = [event(20, "W2"), event(40, "W1", event_type="idle"), event(5, "W1", site_code="pune")]
        connection.execute(insert(tables.events), [event(0, "W1"), *others])
        connection.execute(insert(tables.event_revisions), [revision])
        connection.execute(insert(tables.warehouse_registry_changes), [change])
        connection.execute(insert(tables.worker_names), names)
    session = start_dbt(url)
    session("run")
    postgres.seal(name)
    postgres.create(template, name)
    postgres.seal(template)
    yield template, name, session
    for database in (name, template):
        postgres.drop(database)


@pytest.fixture
def plant(postgres: Any, built: tuple[str, str, Any]) -> Iterator[tuple[Engine, Any]]:
    """That warehouse as it was built, whatever the tests before did, and the dbt session on it."""
    template, name, session = built
    postgres.drop(name)
    engine = create_engine(postgres.create(name, template), poolclass=NullPool)
    yield engine, session
    engine.dispose()


def test_every_total_stays_and_a_rebuild_gives_the_same(
    plant: tuple[Engine, Any], snapshot: Callable[[Connection], dict[str, list[str]]]
) -> None:
    warehouse_engine, dbt = plant
    with warehouse_engine.connect() as connection:
        totals, before = connection.execute(text(TOTALS)).all(), snapshot(connection)

    changed = erase_worker(warehouse_engine, "berlin", "W1", ERASED)

    assert changed["raw.events"] == 2 and changed["raw.event_revisions"] == 1
    assert changed["restricted.worker_names"] == 1
    with warehouse_engine.connect() as connection:
        assert connection.execute(text(TOTALS)).all() == totals
        after = snapshot(connection)
        dump = repr([connection.execute(text(f"select t::text from {name} as t")).all() for name in RAW])
    left = [row for rows in after.values() for row in rows if "W1" in row and "pune" not in row]
    assert left == []
    assert dump.count("W1") == 1, "the other site's W1 is another person"
    assert {table: len(rows) for table, rows in after.items()} == {table: len(rows) for table, rows in before.items()}
    dbt("run", "--full-refresh")
    with warehouse_engine.connect() as connection:
        assert snapshot(connection) == after


RAW = ("raw.events", "raw.event_revisions", "raw.registry_changes", "restricted.worker_names")


def test_what_identifies_a_person_beside_the_code_is_dropped(plant: tuple[Engine, Any]) -> None:
    warehouse_engine, _ = plant
    erase_worker(warehouse_engine, "berlin", "W1", ERASED)
    with warehouse_engine.connect() as connection:
        payload = connection.scalar(text("select payload from raw.registry_changes"))
        names = connection.scalars(text("select name from restricted.worker_names")).all()
    assert payload == {"worker_code": ERASED, "department": "A", "active_since": None}
    assert names == ["Name of W2"]


def test_saying_it_again_changes_nothing(plant: tuple[Engine, Any]) -> None:
    warehouse_engine, _ = plant
    erase_worker(warehouse_engine, "berlin", "W1", ERASED)
    assert erase_worker(warehouse_engine, "berlin", "W1", ERASED) == {}


def test_the_pseudonym_must_be_another_code(warehouse_engine: Engine) -> None:
    with pytest.raises(NotErased, match="must be another code"):
        erase_worker(warehouse_engine, "berlin", "W1", "W1")


def test_a_build_that_has_read_the_code_ends_first(warehouse_engine: Engine) -> None:
    """Of somebody new: no row of the table that is built names them yet."""
    with warehouse_engine.begin() as connection:
        connection.execute(insert(tables.events), [event(0, "W1")])
        columns = "select site_code, worker_code from raw.events"
        connection.execute(text(f"create table marts.built as {columns} where false"))
    waiting = text("select count(*) from pg_locks where not granted and relation = 'marts.built'::regclass")
    with ThreadPoolExecutor(1) as pool, warehouse_engine.connect() as other:
        with warehouse_engine.begin() as build:
            build.execute(text("lock table marts.built in share row exclusive mode"))
            build.execute(text(f"create temp table computed on commit drop as {columns}"))
            erasing = pool.submit(erase_worker, warehouse_engine, "berlin", "W1", ERASED)
            while not other.scalar(waiting):
                assert not erasing.done(), "it did not wait"
                other.rollback()
            build.execute(text("insert into marts.built table computed"))
        assert erasing.result() == {"marts.built": 1, "raw.events": 1}
        other.rollback()
        assert other.scalars(text("select worker_code from marts.built")).all() == [ERASED]
