"""Held hours are told of like failed runs: nobody is to find out by a mart that has stopped growing (S0-064)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from orchestration.alerts import Alerts
from orchestration.defs.alerts import held_hours
from warehouse.engine import create_engine
from warehouse.roles import EXPECTATIONS

HOUR = datetime(2026, 3, 2, 10, tzinfo=UTC)


def hold(engine: Engine, site_code: str, number: int, expectation: str = "values_are_plausible") -> None:
    """Hold an hour back."""
    row = {"site_code": site_code, "hour": HOUR + number * timedelta(hours=1), "expectation": expectation}
    with engine.begin() as connection:
        statement = text("""
            insert into ops.holds (site_code, hour, first_hour, last_hour, suite, expectation, period_start, observed,
                touched_at, dagster_run_id)
            values (:site_code, :hour, :hour, :hour, 'readings', :expectation, :hour, '{}', now(), 'run-1')
        """)
        connection.execute(statement, row)


def test_hours_that_are_held_are_told_of_once_by_site_and_expectation(warehouse_engine: Engine) -> None:
    memory = Alerts(since=datetime.now(UTC) - timedelta(hours=1))
    assert held_hours(warehouse_engine, memory) == []
    for number in range(2):
        hold(warehouse_engine, "south", number)
    hold(warehouse_engine, "west", 0, "values_are_present")
    south, west = held_hours(warehouse_engine, memory)
    assert south.error == (
        "2 hours of site south from 2026-03-02 10:00 held back by values_are_plausible; python -m expectations holds"
    )
    assert (west.step, west.tags) == ("values_are_present of site west", {"millrace/site": "west"})
    assert south.run_url.endswith("/runs/run-1")
    memory = Alerts.read(memory.cursor(), first=datetime.now(UTC))
    assert held_hours(warehouse_engine, memory) == []
    hold(warehouse_engine, "west", 1)
    assert [held.step for held in held_hours(warehouse_engine, memory)] == ["values_are_plausible of site west"]


def test_the_login_of_the_expectations_may_ask(
    warehouse_engine: Engine, warehouse_url: str, as_role: Callable[[str, str], str]
) -> None:
    """By which the sensor asks where each package has a login of its own."""
    hold(warehouse_engine, "south", 0)
    engine = create_engine(as_role(EXPECTATIONS, warehouse_url))
    assert len(held_hours(engine, Alerts(since=datetime.now(UTC) - timedelta(hours=1)))) == 1
    engine.dispose()


def test_what_was_let_go_before_anybody_looked_is_not_told(warehouse_engine: Engine) -> None:
    hold(warehouse_engine, "south", 0)
    with warehouse_engine.begin() as connection:
        connection.execute(text("update ops.holds set released_at = now(), released_by = 'anna', reason = 'r'"))
    assert held_hours(warehouse_engine, Alerts(since=datetime.now(UTC) - timedelta(hours=1))) == []
