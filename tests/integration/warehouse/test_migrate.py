"""The migrations make what `warehouse.tables` says, once, whoever runs them."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, Engine, NullPool, event, text

from warehouse.engine import create_engine
from warehouse.errors import MigrationError
from warehouse.migrate import METADATA, Branch, alembic_config, migrate

SCHEMAS: dict[Branch, list[str]] = {"api": ["inbox", "registry"], "warehouse": ["raw", "ml", "ops", "restricted"]}

STRUCTURE = {
    "columns": """
        select table_schema, table_name, column_name, data_type, is_nullable, column_default, is_identity,
               numeric_precision, numeric_scale,
               col_description(format('%I.%I', table_schema, table_name)::regclass, ordinal_position)
        from information_schema.columns join information_schema.tables using (table_schema, table_name)
        where table_schema = any(:schemas) and table_type = 'BASE TABLE' order by 1, 2, 3""",
    "tables": """
        select relnamespace::regnamespace::text, relname, obj_description(oid, 'pg_class') from pg_class
        where relnamespace::regnamespace::text = any(:schemas) and relkind = 'r' order by 1, 2""",
    "constraints": """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
        where connamespace::regnamespace::text = any(:schemas) order by 1, 2""",
    "indexes": """
        select schemaname, tablename, indexname, indexdef from pg_indexes
        where schemaname = any(:schemas) order by 1, 2, 3""",
}


@pytest.fixture
def empty_database(postgres: Any, request: pytest.FixtureRequest) -> Iterator[str]:
    name = f"test_empty_{abs(hash(request.node.nodeid))}"
    yield postgres.create(name)
    postgres.drop(name)


def connect(url: str) -> Connection:
    return create_engine(url, poolclass=NullPool).connect()


def structure(url: str, branch: Branch) -> dict[str, list[Any]]:
    with connect(url) as connection:
        return {
            part: [tuple(row) for row in connection.execute(text(query), {"schemas": SCHEMAS[branch]})]
            for part, query in STRUCTURE.items()
        }


@pytest.mark.parametrize("branch", ["api", "warehouse"])
def test_alembic_finds_no_difference(branch: Branch, fresh_database: Callable[[Branch], str]) -> None:
    with connect(fresh_database(branch)) as connection:
        options = {
            "include_schemas": True,
            "include_name": lambda name, kind, parents: kind != "schema" or name in SCHEMAS[branch],
        }
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, METADATA[branch]) == []


@pytest.mark.parametrize("branch", ["api", "warehouse"])
def test_structure_equals_tables(branch: Branch, fresh_database: Callable[[Branch], str], empty_database: str) -> None:
    """Alembic does not compare check constraints, comments of tables or names of keys; the catalog does."""
    with connect(empty_database) as connection:
        for schema in SCHEMAS[branch]:
            connection.execute(text(f"create schema {schema}"))
        METADATA[branch].create_all(connection)
        connection.commit()
    migrated, declared = structure(fresh_database(branch), branch), structure(empty_database, branch)
    assert migrated["columns"] and migrated["constraints"] and migrated["indexes"]
    for part, rows in declared.items():
        assert migrated[part] == rows


@pytest.mark.parametrize("branch", ["api", "warehouse"])
def test_foreign_keys_are_indexed(branch: Branch, fresh_database: Callable[[Branch], str]) -> None:
    """S4-018, C33: PostgreSQL does not index foreign keys by itself."""
    query = """
        select conrelid::regclass::text, conname from pg_constraint c
        where contype = 'f' and connamespace::regnamespace::text = any(:schemas) and not exists (
            select 1 from pg_index i where i.indrelid = c.conrelid
            and (string_to_array(i.indkey::text, ' ')::int2[])[1:cardinality(c.conkey)] @> c.conkey)"""
    with connect(fresh_database(branch)) as connection:
        assert connection.execute(text(query), {"schemas": SCHEMAS[branch]}).all() == []


def test_unique_keys_of_growing_tables_contain_their_time(warehouse_engine: Engine) -> None:
    """C32, S4-010: a hypertable cannot have any other key, and integer ids run out."""
    query = """
        select conrelid::regclass::text, pg_get_constraintdef(oid) from pg_constraint
        where contype in ('p', 'u') and conrelid::regclass::text in ('raw.readings', 'raw.events', 'ml.scores')"""
    with warehouse_engine.connect() as connection:
        keys = connection.execute(text(query)).all()
    assert len(keys) == 3
    assert all("event_time" in key[1] for key in keys)


@pytest.mark.parametrize("branch", ["api", "warehouse"])
def test_migrating_twice_changes_nothing(branch: Branch, empty_database: str) -> None:
    migrate(empty_database, branch)
    before = structure(empty_database, branch)
    migrate(empty_database, branch)
    assert structure(empty_database, branch) == before


def test_both_branches_fit_one_database(empty_database: str) -> None:
    migrate(empty_database, "api")
    migrate(empty_database, "warehouse")
    with connect(empty_database) as connection:
        versions = [
            connection.execute(text(f"select version_num from alembic_version_{branch}")).scalars().all()
            for branch in ("api", "warehouse")
        ]
    assert [len(version) for version in versions] == [1, 1]


def test_concurrent_migrations_wait_for_each_other(empty_database: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(migrate, empty_database, "warehouse") for _ in range(4)]
        assert [future.result() for future in done] == [None] * 4


def test_newer_database_is_refused_in_one_sentence(warehouse_url: str) -> None:
    with connect(warehouse_url) as connection:
        connection.execute(text("update alembic_version_warehouse set version_num = 'warehouse_9999'"))
        connection.commit()
    with pytest.raises(MigrationError, match="newer than this version") as refusal:
        migrate(warehouse_url, "warehouse")
    assert "\n" not in str(refusal.value)


def test_unreachable_server_is_told_without_the_password(free_port: int) -> None:
    with pytest.raises(MigrationError, match="cannot be migrated") as refusal:
        migrate(f"postgresql+psycopg://millrace:geheim@127.0.0.1:{free_port}/millrace_warehouse", "warehouse")
    assert "geheim" not in str(refusal.value)


def test_bi_reader_reads_marts_and_nothing_else(warehouse_engine: Engine) -> None:
    """D4 of the design's schemas: marts made later are readable, the rest never is."""
    with warehouse_engine.begin() as connection:
        connection.execute(text("create table marts.fct_later as select 1 as one"))
        connection.execute(text("create table intermediate.int_later as select 1 as one"))
        connection.execute(text("set local role bi_reader"))
        assert connection.scalar(text("select one from marts.fct_later")) == 1
        connection.execute(text("reset role"))
        query = """
            select oid::regclass::text from pg_class
            where relkind in ('r', 'v', 'm', 'p') and has_table_privilege('bi_reader', oid, 'select')
            and relnamespace::regnamespace::text !~ '^(pg_catalog|information_schema|_?timescaledb.*)$'"""
        assert connection.execute(text(query)).scalars().all() == ["marts.fct_later"]


@pytest.mark.parametrize("branch", ["api", "warehouse"])
def test_revisions_can_be_taken_back_and_made_again(branch: Branch, empty_database: str) -> None:
    migrate(empty_database, branch)
    before = structure(empty_database, branch)
    with create_engine(empty_database, poolclass=NullPool).begin() as connection:
        config = alembic_config(branch)
        config.attributes["connection"] = connection
        command.downgrade(config, "base")
    assert structure(empty_database, branch) == {part: [] for part in STRUCTURE}
    migrate(empty_database, branch)
    assert structure(empty_database, branch) == before


class Killed(Exception):
    """Stands for the end of a process."""


@pytest.mark.parametrize(
    "at",
    [
        "ix_readings_recorded_at on",
        "ix_events_recorded_at on",
        "update raw.alarm_changes",
        "ix_touched_hours_pending on",
    ],
)
def test_a_step_that_was_interrupted_is_made_again(at: str, empty_database: str, warehouse_url: str) -> None:
    """S4-036: what stands in an autocommit block is committed piece by piece, and the step's number after all of it."""
    engine = create_engine(empty_database, poolclass=NullPool)

    @event.listens_for(engine, "before_cursor_execute")
    def die(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if at in statement:
            raise Killed

    with engine.connect() as connection, pytest.raises(Killed):
        config = alembic_config("warehouse")
        config.attributes["connection"] = connection
        command.upgrade(config, "heads")
    migrate(empty_database, "warehouse")
    assert structure(empty_database, "warehouse") == structure(warehouse_url, "warehouse")
