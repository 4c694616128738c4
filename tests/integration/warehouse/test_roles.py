"""Each package may do what it does and nothing else (DESIGN 4): its own login, tried on a real warehouse."""

import json
import stat
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, NullPool, make_url, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from typer.testing import CliRunner

from ml.anomaly_model import Judgement
from ml.anomaly_runs import AnomalyRun
from ml.features import Equipment
from ml.score_tables import Scored, anomaly_spans, delete_scores, insert_scores, lock, replace_anomalies
from warehouse import ledger
from warehouse.__main__ import app
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.errors import RolesNotMade
from warehouse.load import load_site
from warehouse.migrate import migrate
from warehouse.roles import DBT, EXPECTATIONS, INGESTION, LOADER, ML, PACKAGES, READER, create_reader, enable_logins
from warehouse.settings import WarehouseSettings
from warehouse.tables import api_metadata, warehouse_metadata

AsRole = Callable[[str, str], str]
RIGHTS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
# Which rights a role has on every table of a schema; exceptions by table.
MATRIX: dict[str, dict[str, set[str]]] = {
    INGESTION: {},
    LOADER: {"raw": {"select", "insert", "update"}, "ml": {"select"}, "ops.archived_days": {"select"}},
    DBT: {"raw": {"select"}, "ml": {"select"}, "ops": {"select"}},
    EXPECTATIONS: {"raw": {"select"}, "ops.validation_results": {"select", "insert"}},
    ML: {"ml": {"select", "insert", "update", "delete"}, "raw.touched_hours": {"select"}},
    READER: {},
}
START = datetime(2026, 3, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


def run(url: str, *statements: str) -> list[Any]:
    """Rows of the last statement; all in one transaction."""
    with create_engine(url, poolclass=NullPool).begin() as connection:
        for statement in statements:
            rows = connection.execute(text(statement))
        return [tuple(row) for row in rows] if rows.returns_rows else []


def refused(url: str, statement: str) -> None:
    with pytest.raises(ProgrammingError) as refusal:
        run(url, statement)
    assert refusal.value.orig.sqlstate == "42501", refusal.value  # insufficient_privilege


@pytest.fixture
def built(warehouse_url: str) -> str:
    """A warehouse with something in every schema of dbt, built by whoever migrated."""
    for schema in ("staging", "intermediate", "marts", "seeds"):
        run(warehouse_url, f"create table {schema}.something as select 1 as one")
    return warehouse_url


def rights_of(engine: Engine, role: str, *schemas: str) -> set[tuple[str, str]]:
    """Every right of a role on a table of these schemas."""
    query = text("""
        select n.nspname || '.' || c.relname, r from pg_class as c join pg_namespace as n on n.oid = c.relnamespace,
        unnest(cast(:rights as text[])) as r
        where n.nspname = any(:schemas) and c.relkind = 'r' and has_table_privilege(:role, c.oid, r)""")
    with engine.connect() as connection:
        rows = connection.execute(query, {"rights": list(RIGHTS), "role": role, "schemas": list(schemas)})
        return {(table, right) for table, right in rows}


@pytest.mark.parametrize("role", MATRIX)
def test_rights_are_these_and_no_more(role: str, warehouse_engine: Engine) -> None:
    expected = set()
    for table in warehouse_metadata.sorted_tables:
        rights = MATRIX[role].get(f"{table.schema}.{table.name}", MATRIX[role].get(str(table.schema), set()))
        expected |= {(f"{table.schema}.{table.name}", right) for right in rights}
    assert rights_of(warehouse_engine, role, "raw", "ml", "ops", "restricted") == expected


def test_ingestion_adds_and_changes_and_deletes_only_quotas_that_ended(api_engine: Engine) -> None:
    tables = [f"{table.schema}.{table.name}" for table in api_metadata.sorted_tables]
    expected = {(table, right) for table in tables for right in ("select", "insert", "update")}
    found = rights_of(api_engine, INGESTION, "inbox", "registry")
    assert found == expected | {("inbox.quota_windows", "delete")}


@pytest.mark.parametrize(
    ("role", "statement"),
    [
        (ML, "insert into raw.cursors values ('demo', 'readings', 1)"),
        (ML, "select * from raw.readings"),
        (ML, "update raw.touched_hours set rolled_up_count = 0, summarized_count = 0"),
        (ML, "select * from intermediate.something"),
        (ML, "delete from ops.validation_results"),
        (INGESTION, "select * from raw.readings"),
        (INGESTION, "select * from ml.scores"),
        (INGESTION, "insert into marts.something values (2)"),
        (DBT, "delete from raw.readings"),
        (DBT, "insert into ml.promotions default values"),
        (DBT, "create table raw.mine (one integer)"),
        (DBT, "create schema mine"),
        (LOADER, "insert into marts.something values (2)"),
        (LOADER, "create table marts.mine (one integer)"),
        (LOADER, "delete from raw.readings"),
        (LOADER, "truncate raw.readings"),
        (LOADER, "drop table raw.readings"),
        (LOADER, "update ml.promotions set is_promoted = true"),
        (EXPECTATIONS, "update ops.validation_results set is_success = true"),
        (EXPECTATIONS, "delete from raw.batches"),
        (EXPECTATIONS, "select * from marts.something"),
        (ML, "alter role millrace_ml superuser"),
        (LOADER, "set role millrace_dbt"),
        (INGESTION, "create table public.mine (one integer)"),
    ],
)
def test_what_is_not_ones_own_is_refused(role: str, statement: str, built: str, as_role: AsRole) -> None:
    refused(as_role(role, built), statement)


def test_reader_reads_marts_whoever_built_them_and_nothing_else(built: str, as_role: AsRole) -> None:
    url = create_reader(built, "grafana_plant", "first")
    run(as_role(DBT, built), "create table marts.by_dbt as select 2 as two")
    assert run(url, "select one from marts.something") == [(1,)]
    assert run(url, "select two from marts.by_dbt") == [(2,)]
    for table in ("raw.readings", "intermediate.something", "staging.something", "ml.scores", "ops.validation_results"):
        refused(url, f"select * from {table}")
    refused(url, "insert into marts.something values (2)")
    assert create_reader(built, "grafana_plant", "second") != url


@pytest.mark.parametrize("name", ["millrace_dbt", "bi_reader", "Grafana", "x; drop role bi_reader"])
def test_reader_needs_a_name_of_its_own(name: str, warehouse_url: str) -> None:
    with pytest.raises(RolesNotMade):
        create_reader(warehouse_url, name, "secret")


def test_reader_takes_no_login_that_is_somebody_elses(warehouse_url: str) -> None:
    owner = str(make_url(warehouse_url).username)
    with pytest.raises(RolesNotMade, match="is no reader"):
        create_reader(warehouse_url, owner, "secret")
    assert run(warehouse_url, "select 1") == [(1,)]


def test_real_loader_loads_by_its_own_login(warehouse_url: str, as_role: AsRole, inbox: Any) -> None:
    """Also through a hypertable: chunks inherit the rights of their table."""
    for day in range(3):  # three chunks
        inbox.add("readings", [{"event_time": START + timedelta(days=day), "value": float(day)}])
    inbox.add("events", [{"event_time": START}])
    engine = create_engine(as_role(LOADER, warehouse_url))
    assert load_site(engine, inbox, "demo").inserted_count == 4
    inbox.add("readings", [{"event_time": START, "value": 7.0}])
    assert load_site(engine, inbox, "demo").revised_count == 1
    snapshot = ledger.seen(engine, "rolled_up", START, START + HOUR)
    ledger.settle(engine, "rolled_up", snapshot)
    engine.dispose()
    for reader in (DBT, EXPECTATIONS):
        assert run(as_role(reader, warehouse_url), "select count(*) from raw.readings") == [(3,)]
    refused(as_role(DBT, warehouse_url), "delete from raw.readings")


def test_ml_writes_scores_and_reopens_their_hours(warehouse_url: str, as_role: AsRole, inbox: Any) -> None:
    inbox.add("readings", [{"event_time": START, "value": 1.0}])
    loader = create_engine(as_role(LOADER, warehouse_url))
    load_site(loader, inbox, "demo")
    ledger.settle(loader, "rolled_up", ledger.seen(loader, "rolled_up", START, START + HOUR))
    ledger.settle(loader, "summarized", ledger.seen(loader, "summarized", START, START + HOUR))
    assert ledger.pending_ranges(loader, "summarized") == []

    engine = create_engine(as_role(ML, warehouse_url))
    of = Scored(Equipment("demo", "pump-1"), "anomaly-pump", 1, 0.5, ("pressure",), 60_000_000)
    steps = np.arange(3) + of.step_of(START)
    ones = np.ones(3)
    judgement = Judgement(score=ones, is_anomaly=ones > 0, probability=ones, confidence=ones)
    span = range(int(steps[0]), int(steps[-1]) + 1)
    with engine.begin() as connection:
        lock(connection, of)
        assert delete_scores(connection, of, span) == 0
        insert_scores(connection, of, steps, judgement)
        old = anomaly_spans(connection, of, span)
        replace_anomalies(connection, of, old, [AnomalyRun(span.start, span.stop - 1, 1.0, np.ones(1))])
    ledger.reopen(engine, START, START + HOUR)
    engine.dispose()
    assert run(as_role(ML, warehouse_url), "select count(*) from ml.scores") == [(3,)]
    assert len(ledger.pending_ranges(loader, "summarized")) == 1
    loader.dispose()


def test_tables_of_later_revisions_come_with_rights(warehouse_url: str, as_role: AsRole) -> None:
    run(warehouse_url, "create table raw.later (one integer)", "create table ml.later (one integer)")
    run(as_role(LOADER, warehouse_url), "insert into raw.later values (1)")
    run(as_role(ML, warehouse_url), "insert into ml.later values (1)")
    assert run(as_role(DBT, warehouse_url), "select * from raw.later, ml.later") == [(1, 1)]


def test_what_others_built_is_handed_to_dbt(built: str, fresh_database: Any, as_role: AsRole) -> None:
    """Without that a platform that ran as the owner so far could not go on as millrace_dbt."""
    run(built, "create view marts.a_view as select * from staging.something")
    refused(as_role(DBT, built), "drop view marts.a_view")
    password = str(make_url(as_role(DBT, built)).password)
    enable_logins({"warehouse": built}, dict.fromkeys(PACKAGES, password))
    run(as_role(DBT, built), "drop view marts.a_view", "insert into marts.something values (2)")


@pytest.fixture
def rented(tmp_path: Path, free_port: int) -> Iterator[tuple[str, str]]:
    """URLs of two databases on a new server, by the login that owns them and may make roles; it is no superuser."""
    server = EmbeddedPostgres(tmp_path / "rented", free_port, 60, parameters={"fsync": "off", "shared_buffers": "16MB"})
    server.start()
    run(server.url("postgres"), "create role plant_owner login createrole password 'secret'")
    urls = []
    for name in ("plant_api", "plant_warehouse"):
        server.ensure_database(name)
        run(server.url("postgres"), f"alter database {name} owner to plant_owner")
        url = make_url(server.url(name)).set(username="plant_owner", password="secret")
        urls.append(url.render_as_string(hide_password=False))
    yield urls[0], urls[1]
    server.remove()


def test_an_owner_without_superuser_migrates_and_makes_the_logins(rented: tuple[str, str]) -> None:
    """A database that is rented has no superuser to give away."""
    api_url, warehouse_url = rented
    migrate(api_url, "api")
    migrate(warehouse_url, "warehouse")
    run(warehouse_url, "create table marts.fct_by_owner as select 1 as one")
    logins = enable_logins({"api": api_url, "warehouse": warehouse_url}, dict.fromkeys(PACKAGES, "secret"))
    run(logins[LOADER]["MILLRACE_WAREHOUSE_URL"], "insert into raw.cursors values ('demo', 'readings', 1)")
    run(logins[INGESTION]["MILLRACE_API_DATABASE_URL"], "select * from inbox.batches")
    dbt = make_url(warehouse_url).set(username=DBT).render_as_string(hide_password=False)
    run(dbt, "insert into marts.fct_by_owner values (2)", "create table marts.fct_by_dbt as select 1 as one")
    reader = create_reader(warehouse_url, "grafana", "secret")
    assert run(reader, "select count(*) from marts.fct_by_owner, marts.fct_by_dbt") == [(2,)]
    refused(reader, "select * from raw.cursors")


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh_database: Any) -> WarehouseSettings:
    """Settings of a platform whose databases are somewhere else, as the commands read them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MILLRACE_API_DATABASE_URL", fresh_database("api"))
    monkeypatch.setenv("MILLRACE_WAREHOUSE_URL", fresh_database("warehouse"))
    for tool in ("DAGSTER", "MLFLOW"):
        monkeypatch.setenv(f"MILLRACE_{tool}_DATABASE_URL", fresh_database("warehouse"))
    return WarehouseSettings()


@pytest.fixture
def passwords_put_back(as_role: AsRole, fresh_database: Any) -> Iterator[None]:
    """The logins belong to the server: what a test changes, other tests log in by."""
    yield
    url = fresh_database("warehouse")
    password = str(make_url(as_role(DBT, url)).password)
    enable_logins({"warehouse": url}, dict.fromkeys(PACKAGES, password))


def test_command_makes_logins_keeps_them_and_rotates_them(
    settings: WarehouseSettings, passwords_put_back: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(settings.dagster_dsn(), "create table public.runs (id bigint generated always as identity)")
    first = CliRunner().invoke(app, ["roles"])
    logins = json.loads(settings.logins_file.read_text())
    url = logins[LOADER]["MILLRACE_WAREHOUSE_URL"]
    assert first.exit_code == 0
    assert str(make_url(url).password) not in first.output
    assert stat.S_IMODE(settings.logins_file.stat().st_mode) == 0o600
    assert run(url, "select current_user") == [(LOADER,)]
    assert run(logins[INGESTION]["MILLRACE_API_DATABASE_URL"], "select current_user") == [(INGESTION,)]
    storage = logins["millrace_dagster"]["MILLRACE_DAGSTER_DATABASE_URL"]
    run(storage, "alter table public.runs add note text", "insert into public.runs (note) values ('handed over')")
    run(logins["millrace_mlflow"]["MILLRACE_MLFLOW_DATABASE_URL"], "create table public.experiments (id bigint)")
    assert set(logins[DBT]) >= {"MILLRACE_DBT_HOST", "MILLRACE_DBT_USER", "MILLRACE_DBT_PASSWORD"}

    CliRunner().invoke(app, ["roles"])
    assert json.loads(settings.logins_file.read_text()) == logins

    monkeypatch.setenv("MILLRACE_ML_PASSWORD", "chosen")
    CliRunner().invoke(app, ["roles", "--rotate"])
    rotated = json.loads(settings.logins_file.read_text())
    assert make_url(rotated[ML]["MILLRACE_ML_WAREHOUSE_URL"]).password == "chosen"
    assert run(rotated[LOADER]["MILLRACE_WAREHOUSE_URL"], "select current_user") == [(LOADER,)]
    server_checks = run(settings.warehouse_dsn(), "select count(*) from pg_hba_file_rules where auth_method = 'trust'")
    if server_checks == [(0,)]:
        with pytest.raises(OperationalError, match="password authentication failed"):
            run(url, "select 1")


def test_command_makes_a_reader(settings: WarehouseSettings) -> None:
    outcome = CliRunner().invoke(app, ["roles", "--reader", "metabase"])
    url = json.loads(settings.logins_file.read_text())["metabase"]["url"]
    assert outcome.exit_code == 0
    assert run(url, "select pg_has_role('bi_reader', 'member')") == [(True,)]


def test_passwords_reach_the_server_as_verifiers(warehouse_url: str, fresh_database: Any, as_role: AsRole) -> None:
    stored = run(warehouse_url, "select rolpassword from pg_authid where rolname = 'millrace_ml'")
    assert stored[0][0].startswith("SCRAM-SHA-256$")
    assert str(make_url(as_role(ML, warehouse_url)).password) not in stored[0][0]


def test_a_database_that_is_not_migrated_is_told_in_one_line(postgres: Any) -> None:
    url = postgres.create("test_roles_of_nothing")
    try:
        with pytest.raises(RolesNotMade) as refusal:
            enable_logins({"warehouse": url.replace("//", "//nobody_")}, dict.fromkeys(PACKAGES, "geheim"))
    finally:
        postgres.drop("test_roles_of_nothing")
    assert "\n" not in str(refusal.value)
    assert "geheim" not in str(refusal.value)
