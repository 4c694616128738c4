"""Ranges: built again, refused, overlapping."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from plant import MONDAY, at, event
from sqlalchemy import Connection, Engine, insert, text

from warehouse import tables


def test_building_twice_changes_nothing(engine: Engine, dbt: Any, snapshot: Callable[[Connection], Any]) -> None:
    with engine.connect() as connection:
        before = snapshot(connection)
    dbt("build", "--exclude-resource-type", "unit_test", "--select", "tag:reference", "tag:hourly", "tag:daily",
        start_hour=at("06:00").isoformat(), end_hour=at("09:00").isoformat(),
        start_date=MONDAY, end_date=MONDAY + timedelta(days=1))  # fmt: skip
    dbt("run")
    with engine.connect() as connection:
        assert snapshot(connection) == before


def test_a_view_that_stays_the_same_is_left_alone(engine: Engine, dbt: Any) -> None:
    """An hourly run replaces no view: it would wait for every long query on it."""

    def version(view: str) -> Any:
        with engine.connect() as connection:
            query = "select xmin::text from pg_rewrite where ev_class = cast(:view as regclass)"
            return connection.scalar(text(query), {"view": view})

    views = ("marts.fct_worker_kpis_hourly", "marts.fct_worker_hours_live", "staging.stg_raw__events")
    before = [version(view) for view in views]
    dbt("run", "--select", "config.materialized:view")
    assert [version(view) for view in views] == before
    with engine.begin() as connection:
        columns = "signal_id, site_code, equipment_code, metric, unit_code, recorded_at"
        connection.execute(
            text(f"create or replace view staging.stg_raw__signals as select {columns} from raw.signals where true")
        )
    changed = version("staging.stg_raw__signals")
    dbt("run", "--select", "stg_raw__signals")
    assert version("staging.stg_raw__signals") != changed


@pytest.mark.parametrize(
    ("arguments", "variables", "complaint"),
    [
        ([], {"start_hour": "2026-03-02T10:00:00Z"}, "go together"),
        ([], {"start_hour": "2026-03-02T10:30:00Z", "end_hour": "2026-03-02T11:00:00Z"}, "Give dates as"),
        ([], {"start_hour": "2026-03-02T10:00:00Z", "end_hour": "2026-03-02T10:00:00Z"}, "is empty"),
        (
            ["--full-refresh"],
            {"start_hour": "2026-03-02T10:00:00Z", "end_hour": "2026-03-02T11:00:00Z"},
            "--full-refresh would keep nothing",
        ),
    ],
)
def test_a_range_that_makes_no_sense_is_refused(
    engine: Engine,
    dbt: Any,
    snapshot: Callable[[Connection], Any],
    arguments: list[str],
    variables: dict[str, str],
    complaint: str,
) -> None:
    views = text(
        "select schemaname, viewname from pg_views where schemaname in ('intermediate', 'marts') order by 1, 2"
    )
    with engine.connect() as connection:
        before = snapshot(connection), connection.execute(views).all()
    outcome = dbt.attempt("run", "--select", "tag:hourly", *arguments, **variables)
    assert not outcome.is_success
    assert complaint in "\n".join(outcome.messages)
    with engine.connect() as connection:
        assert (snapshot(connection), connection.execute(views).all()) == before


def test_the_later_of_two_overlapping_runs_sees_what_came_meanwhile(engine: Engine, dbt: Any) -> None:
    """A run waits for the one before it on the same table, and only then computes."""
    hour = {"start_hour": at("15:00").isoformat(), "end_hour": at("16:00").isoformat()}
    with engine.connect() as connection:
        connection.execute(text("lock table intermediate.int_states_resolved in share row exclusive mode"))
        dbt.begin("run", "--select", "int_states_resolved+,tag:hourly", **hour)
        with engine.connect() as other:
            waiting = text("""
                select exists(
                    select from pg_locks where not granted and relation = 'intermediate.int_states_resolved'::regclass
                ) from pg_sleep(0.1)
            """)
            while not other.scalar(waiting):
                other.rollback()
            other.execute(insert(tables.events), [event("15:00", "working", "W7", duration_s=60)])
            other.commit()
        connection.rollback()
    assert dbt.end().is_success
    with engine.begin() as connection:
        found = connection.execute(text("select working_s from marts.fct_worker_hours where worker_code = 'W7'"))
        assert found.scalars().all() == [60]
        # The plant is everybody's: as it was.
        connection.execute(text("delete from raw.events where worker_code = 'W7'"))
    dbt("run", "--select", "tag:hourly", **hour)
