"""The marts as known at a past moment are, bit for bit, the marts of then (S1-020, S1-041, DESIGN 1 point 3)."""

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from random_plant import START, Inbox, a_plant, add_scores
from sqlalchemy import Connection, Engine, insert, text

from ingestion_api.contract import RegistryChange
from orchestration.as_known import build_copy, left_out
from orchestration.manifest import load_manifest, prepare_manifest
from warehouse import tables
from warehouse.as_known import drop_copy
from warehouse.load import load_site

Marts = dict[str, list[str]]
NO_UNIT = {"equipment_code": "P1", "metric": "flow", "unit_code": None, "value": 1.0, "quality": 1.0}


@pytest.fixture(scope="module")
def manifest() -> Any:
    prepare_manifest()
    return load_manifest()


def now(engine: Engine) -> datetime:
    with engine.connect() as connection:
        moment: datetime = connection.execute(text("select clock_timestamp()")).scalar_one()
    return moment


def marts(connection: Connection, schema: str, *, where: str = "true") -> Marts:
    """Every table and view of a schema, bit by bit."""
    relations = text(
        "select relname from pg_class where relnamespace = to_regnamespace(:schema) and relkind in ('r', 'v')"
    )
    names = connection.scalars(relations, {"schema": schema}).all()
    query = "select t::text from {}.{} as t where {} order by 1"
    return {name: list(connection.scalars(text(query.format(schema, name, where)))) for name in sorted(names)}


def change(inbox: Inbox, entity: Any, code: str, payload: dict[str, object], changed_at: datetime) -> None:
    number = len(inbox.changes) + 1
    inbox.changes.append(
        RegistryChange(
            change_seq=number, entity=entity, code=code, payload=payload, changed_by="", changed_at=changed_at
        )
    )


def fail_long_ago(engine: Engine, inbox: Inbox) -> None:
    """Two months before: a pump's work unit went down after all; a newer champion saw no anomaly in another one."""
    at = START - timedelta(days=60)
    about = {"alarm_id": 1000, "rule_code": "hot", "equipment_code": "P9", "metric": "temperature", "value": 1.0}
    about |= {"severity": "critical", "changed_by": None}
    steps = [("raised", 0), ("acknowledged", 5), ("cleared", 20)]
    inbox.add_alarm_changes(
        [about | {"transition": step, "changed_at": at + timedelta(minutes=minute)} for step, minute in steps]
    )
    pump = {"name": "", "equipment_class": "pump", "work_unit_code": "U1"}
    change(inbox, "equipment", "P9", pump, START)
    down = {"source_code": "PLC", "event_type": "down", "work_unit_code": "U1", "worker_code": "", "duration_s": 60.0}
    down |= {"units_produced": None, "confidence": None, "event_time": at + timedelta(minutes=10)}
    inbox.add("events", [down])
    model = {"site_code": inbox.site_code, "equipment_code": "P8", "model_name": "anomaly-pump", "threshold": 1}
    score = model | {"score": 2, "is_anomaly": True, "confidence": 1, "event_time": at}
    found = model | {"started_at": at, "ended_at": at, "peak_score": 2, "sensor_shares": {"temperature": 1}}
    with engine.begin() as connection:
        connection.execute(insert(tables.scores), [score | {"model_version": version} for version in (1, 2)])
        connection.execute(insert(tables.anomalies), [found | {"model_version": 1}])


def promote(engine: Engine, version: int) -> None:
    with engine.begin() as connection:
        connection.execute(
            text("""
                insert into ml.promotions (model_name, challenger_version, is_promoted, reason, trigger, metrics,
                    mlflow_run_id) values ('anomaly-pump', :version, true, '', 'rollback', '{}', '')
            """),
            {"version": version},
        )


@pytest.mark.parametrize("seed", [3])
def test_a_past_moment_is_shown_as_it_was(
    seed: int, warehouse_url: str, warehouse_engine: Engine, start_dbt: Callable[[str], Any], manifest: Any
) -> None:
    """Late items, revisions, changes of the registry and a promotion lie between the moments, which no later one moves.

    One moment lies between the loads of the two sites.
    """
    dice, dbt = random.Random(seed), start_dbt(warehouse_url)
    (berlin, pune), later = a_plant(dice)
    add_scores(warehouse_engine, dice)
    fail_long_ago(warehouse_engine, berlin)
    then: list[tuple[datetime, Marts]] = []

    def load(*inboxes: Inbox) -> None:
        for inbox in inboxes:
            load_site(warehouse_engine, inbox, inbox.site_code)
        dbt("run", "--full-refresh")
        with warehouse_engine.connect() as connection:
            then.append((now(warehouse_engine), marts(connection, "marts")))

    pune.add("readings", [NO_UNIT | {"event_time": START}])
    load(berlin)
    load(pune)
    for inbox, kind, items in later:
        if kind == "alarms":
            inbox.add_alarm_changes(items)
        else:
            inbox.add(kind, items)
    pune.add("readings", [NO_UNIT | {"event_time": START + timedelta(hours=1), "unit_code": "m3/h"}])
    change(pune, "work_units", "U1", {"name": "", "target_units_per_h": 99}, START + timedelta(hours=9))
    change(berlin, "sites", "berlin", {"name": "moved", "time_zone": "Europe/London"}, START)
    change(berlin, "shifts", "LATE", {"name": "", "starts_at_local": "22:00", "ends_at_local": "08:00"}, START)
    promote(warehouse_engine, 3)
    load(berlin, pune)

    without = left_out(manifest)
    # What is pending, and the hours that are served live because of it, is a matter of now.
    live = {"fct_sensor_readings_hourly_live", "fct_work_unit_hours_live", "fct_worker_hours_live"}
    # When an episode ended is filled in later, and the weeks count episodes.
    drift = {"stg_ml__drift_episodes", "fct_drift_episodes", "fct_drift_features"}
    weeks = {"fct_model_performance_weekly", "fct_edge_confidence_weekly"}
    assert without == {"fct_site_freshness", "int_hours_unsettled"} | live | drift | weeks
    present = then[-1][1].keys() - without
    for earlier, following in pairwise(then):
        assert [name for name in present if earlier[1][name] != following[1][name]], "nothing happened in between"
    said: list[str] = []
    for number, (moment, marts_of_then) in enumerate(then[:-1]):
        build_copy(warehouse_url, manifest, moment, name=f"n{number}", tell=said.append)
        with warehouse_engine.connect() as connection:
            shown = marts(connection, f"marts_as_known_n{number}")
        assert shown.keys() == present, said[-20:]
        assert [name for name in sorted(present) if shown[name] != marts_of_then[name]] == []
    with warehouse_engine.connect() as connection:
        assert marts(connection, "marts") == then[-1][1], "the real marts were left alone"
    a_range_is_shown_as_the_whole_shows_it(warehouse_url, warehouse_engine, manifest, then[0])
    readers_see_the_copies_and_nothing_behind_them(warehouse_engine)
    drop_copy(warehouse_engine, "n0")
    with warehouse_engine.connect() as connection:
        left = connection.scalars(text("select nspname from pg_namespace where nspname like '%as\\_known\\_n%'")).all()
    assert {name.rsplit("_", 1)[1] for name in left} == {"n1"}


def a_range_is_shown_as_the_whole_shows_it(
    url: str, engine: Engine, manifest: Any, then: tuple[datetime, Marts]
) -> None:
    """Dates that were asked for are complete, and no other date is shown."""
    start, end = START.date() + timedelta(days=1), START.date() + timedelta(days=2)
    build_copy(url, manifest, then[0], dates=(start, end), tell=lambda line: None)
    dated, hourly = f"date >= '{start}' and date < '{end}'", f"hour >= '{start}' and hour < '{end}'"
    with engine.connect() as connection:
        for name in ("fct_worker_kpis_daily", "fct_shift_handovers_daily", "fct_model_health_daily"):
            whole = f"select t::text from marts_as_known_n0.{name} as t where {dated} order by 1"
            part = f"select t::text from marts_as_known.{name} as t order by 1"
            assert list(connection.scalars(text(part))) == list(connection.scalars(text(whole))), name
        for name in ("fct_worker_hours", "fct_sensor_readings_hourly"):
            rows = [
                list(connection.scalars(text(f"select t::text from {schema}.{name} as t where {hourly} order by 1")))
                for schema in ("marts_as_known", "marts_as_known_n0")
            ]
            assert rows[0] and rows[0] == rows[1], name
        # Whole in either, though what speaks against a saving lies far outside the dates.
        events = "select t::text from {}.fct_maintenance_events as t order by 1"
        known = [
            list(connection.scalars(text(events.format(schema)))) for schema in ("marts_as_known", "marts_as_known_n0")
        ]
        assert known[0] == known[1]
        long_ago = text("""
            select equipment_code, is_resolved, is_prevented from marts_as_known.fct_maintenance_events
            where equipment_code in ('P8', 'P9')
        """)
        assert [tuple(row) for row in connection.execute(long_ago)] == [("P9", True, False)]
    drop_copy(engine)


def readers_see_the_copies_and_nothing_behind_them(engine: Engine) -> None:
    allowed = text(
        "select has_schema_privilege('bi_reader', :schema, 'usage') "
        "and has_table_privilege('bi_reader', :table, 'select')"
    )
    with engine.connect() as connection:
        for schema, table, is_allowed in (
            ("marts_as_known_n0", "fct_worker_kpis_daily", True),
            ("marts_as_known_n0", "fct_sensor_readings", True),
            ("raw_as_known_n0", "readings", False),
            ("intermediate_as_known_n0", "int_states_resolved", False),
        ):
            found = connection.scalar(allowed, {"schema": schema, "table": f"{schema}.{table}"})
            assert found == is_allowed, (schema, table)
