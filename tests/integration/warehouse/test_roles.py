"""Each package may do what it does and nothing else (DESIGN 4): its own login, tried on a real warehouse."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, make_url, text

from ml.anomaly_model import Explanation, Judgement
from ml.anomaly_runs import AnomalyRun
from ml.features import Equipment
from ml.score_tables import Scored, anomaly_spans, delete_scores, insert_scores, lock, replace_anomalies
from tests.integration.warehouse.statements import refused, run
from warehouse import ledger
from warehouse.engine import create_engine
from warehouse.load import load_site
from warehouse.roles import DBT, EXPECTATIONS, INGESTION, LOADER, ML, PACKAGES, READER, create_reader, enable_logins
from warehouse.tables import api_metadata, warehouse_metadata

AsRole = Callable[[str, str], str]
RIGHTS = ("select", "insert", "update", "delete", "truncate", "references", "trigger")
# Which rights a role has on every table of a schema; exceptions by table.
MATRIX: dict[str, dict[str, set[str]]] = {
    INGESTION: {},
    LOADER: {"raw": {"select", "insert", "update"}, "ml": {"select"}, "ops.archived_days": {"select"}},
    DBT: {"raw": {"select"}, "ml": {"select"}, "ops": {"select"}},
    EXPECTATIONS: {
        "raw": {"select"},
        "ops.validation_results": {"select", "insert"},
        "ops.holds": {"select", "insert", "update"},
    },
    ML: {
        "ml": {"select", "insert", "update", "delete"},
        "raw.touched_hours": {"select"},
        "ops.validation_results": {"select"},
    },
    READER: {},
}
START = datetime(2026, 3, 1, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)


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
        (EXPECTATIONS, "delete from ops.holds"),
        (EXPECTATIONS, "update raw.touched_hours set rolled_up_count = touch_count"),
        (LOADER, "update ops.holds set released_at = now()"),
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
        replace_anomalies(
            connection, of, old, [AnomalyRun(span.start, span.stop - 1, 1.0, Explanation(*np.ones((3, 1))))]
        )
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
