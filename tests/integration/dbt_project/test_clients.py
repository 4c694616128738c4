"""The marts as others see them: SQLAlchemy's reflection, pandas, DuckDB and psql, each logged in as a bi_reader."""

import subprocess
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extensions
import pandas as pd
import pytest
from sqlalchemy import Engine, MetaData, insert, inspect, make_url, text
from sqlalchemy.exc import ProgrammingError

from warehouse import tables
from warehouse.engine import create_engine
from warehouse.migrate import migrate
from warehouse.postgres_binaries import program_directory

START = datetime(2026, 3, 2, 8, tzinfo=UTC)


@pytest.fixture(scope="module")
def reader_url(postgres: Any, start_dbt: Callable[[str], Any]) -> Iterator[str]:
    """Of a built warehouse, for a login that is a member of bi_reader and of nothing else."""
    name, login = f"test_clients_{uuid.uuid4().hex[:12]}", f"analyst_{uuid.uuid4().hex[:12]}"
    url = postgres.create(name)
    migrate(url, "warehouse")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"create role {login} login password 'secret' in role bi_reader"))
        _fill(connection)
    start_dbt(url)("run")
    yield make_url(url).set(username=login, password="secret").render_as_string(hide_password=False)
    engine.dispose()
    postgres.drop(name)


def _fill(connection: Any) -> None:
    signal = {"site_code": "demo", "equipment_code": "P1", "metric": "temperature", "unit_code": "Cel"}
    signal_id = connection.scalar(insert(tables.signals).values(signal).returning(tables.signals.c.signal_id))
    arrival = {"batch_seq": 1, "load_id": 1, "received_at": START, "recorded_at": START, "is_server_time": False}
    reading = {"signal_id": signal_id, "quality": 1.0, **arrival}
    connection.execute(
        insert(tables.readings),
        [{**reading, "event_time": START + timedelta(minutes=n), "value": float(n), "item_index": n} for n in range(5)],
    )
    event = {"site_code": "demo", "source_code": "C1", "event_type": "working", "worker_code": "W1", **arrival}
    event |= {"event_time": START, "duration_s": 5400, "units_produced": 30, "item_index": 0}
    connection.execute(insert(tables.events), [event])


@pytest.fixture(scope="module")
def reader(reader_url: str) -> Iterator[Engine]:
    engine = create_engine(reader_url)
    yield engine
    engine.dispose()


def test_sqlalchemy_reflects_every_mart_with_its_keys_and_comments(reader: Engine) -> None:
    metadata = MetaData(schema="marts")
    metadata.reflect(reader, views=True)

    assert "marts.fct_worker_kpis_daily" in metadata.tables and "marts.fct_sensor_readings" in metadata.tables
    kpis = metadata.tables["marts.fct_worker_kpis_daily"]
    assert {column.name for column in kpis.primary_key} == {"site_code", "worker_code", "date"}
    assert [column.name for column in kpis.columns if not column.comment] == []
    with reader.connect() as connection:
        for table in metadata.sorted_tables:
            connection.execute(table.select().limit(1)).all()


def test_reflection_finds_nothing_else_to_read(reader: Engine) -> None:
    with reader.connect() as connection:
        readable = connection.scalars(
            text("""
                select distinct n.nspname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
                where c.relkind in ('r', 'v', 'm', 'p') and has_schema_privilege(n.oid, 'usage')
                and has_table_privilege(c.oid, 'select')
                and n.nspname !~ '^(pg_|information_schema|_?timescaledb)'
            """)
        ).all()
    assert readable == ["marts"]
    assert "marts" in inspect(reader).get_schema_names()


def test_pandas_reads_decimals_and_aware_times(reader: Engine) -> None:
    kpis = pd.read_sql("select * from marts.fct_worker_kpis_daily", reader)
    hours = pd.read_sql("select * from marts.fct_sensor_readings_hourly", reader)

    assert list(kpis["date"]) == [date(2026, 3, 2)]
    assert list(kpis["working_h"]) == [Decimal("1.500000")]
    assert str(hours["hour"].dtype).endswith("UTC]")
    assert list(hours["avg_value"]) == [2.0]


def test_duckdb_scans_the_marts(reader_url: str, tmp_path: Path) -> None:
    url = make_url(reader_url)
    with duckdb.connect(config={"extension_directory": str(tmp_path)}) as duck:
        duckdb_extensions.import_extension("postgres_scanner", con=duck)
        duck.execute(
            f"attach 'host={url.host} port={url.port} user={url.username} password={url.password}"
            f" dbname={url.database}' as warehouse (type postgres, read_only, schema 'marts')"
        )
        found = duck.execute(
            """
            select worker_code, working_h, throughput_rate, reading_count
            from warehouse.marts.fct_worker_kpis_daily
            cross join (select sum(reading_count) as reading_count from warehouse.marts.fct_sensor_readings_hourly)
            """
        ).fetchall()

    assert found == [("W1", Decimal("1.500000"), Decimal("20.000000"), 5)]


def psql(url: str, command: str) -> subprocess.CompletedProcess[str]:
    target = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    program = program_directory(Path(), None) / "psql"
    arguments = [str(program), target, "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-At", "-c", command]
    return subprocess.run(arguments, capture_output=True, text=True, timeout=60)


def test_psql_reads_a_mart_and_its_description(reader_url: str) -> None:
    read = psql(reader_url, "select worker_code, units_produced, presence_pct from marts.fct_worker_kpis_daily")
    described = psql(reader_url, r"\d+ marts.fct_worker_kpis_daily")

    assert read.stdout.strip() == "W1|30|100.0000"
    assert "Hours working (S3-012, S3-031)." in described.stdout


@pytest.mark.parametrize(
    "command",
    [
        "select * from raw.readings",
        "select * from intermediate.int_states_resolved",
        "select * from ml.scores",
        "select * from restricted.worker_names",
        "insert into marts.dim_sites values ('x', 'X', 'UTC')",
        "create table marts.mine (n int)",
        "create table public.mine (n int)",
    ],
)
def test_psql_may_do_nothing_else(reader_url: str, command: str) -> None:
    refused = psql(reader_url, command)
    assert refused.returncode != 0
    assert "permission denied" in refused.stderr


def test_sqlalchemy_is_refused_alike(reader: Engine) -> None:
    with pytest.raises(ProgrammingError, match="permission denied"), reader.connect() as connection:
        connection.execute(text("select * from raw.events"))
