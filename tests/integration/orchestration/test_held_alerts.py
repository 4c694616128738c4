"""Held hours are told of like failed runs: nobody is to find out by a mart that has stopped growing (S0-064)."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, text

from expectations import holds
from expectations.groups import FailedGroup
from expectations.look import look
from expectations.window import Window
from orchestration.alerts import Alerts
from orchestration.defs.alerts import held_hours
from warehouse import ledger
from warehouse.engine import create_engine
from warehouse.roles import EXPECTATIONS

HOUR = datetime(2026, 3, 2, 10, tzinfo=UTC)
NEXT_HOUR = HOUR + timedelta(hours=1)


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
        "2 hours of site south from 2026-03-02 10:00 to 2026-03-02 11:00 held back by values_are_plausible;"
        " python -m expectations holds"
    )
    assert (west.step, west.tags) == ("values_are_present of site west", {"millrace/site": "west"})
    assert south.run_url.endswith("/runs/run-1")
    memory = Alerts.read(memory.cursor(), first=datetime.now(UTC))
    assert held_hours(warehouse_engine, memory) == []
    hold(warehouse_engine, "west", 1)
    assert [held.step for held in held_hours(warehouse_engine, memory)] == ["values_are_plausible of site west"]


def test_of_hours_that_are_added_all_that_is_held_is_told(warehouse_engine: Engine) -> None:
    memory = Alerts(since=datetime.now(UTC) - timedelta(hours=1))
    for number, told in enumerate(["1 hour ", "2 hours", "3 hours"]):
        hold(warehouse_engine, "south", number)
        (held,) = held_hours(warehouse_engine, memory)
        assert held.error.startswith(told)


def judge(engine: Engine, site_code: str, hour: datetime = HOUR, then: Callable[[], None] = lambda: None) -> None:
    """Record, as a validation does, that an hour failed, and do something else before it is committed."""
    found = FailedGroup("readings", "values_are_present", "hour", site_code, "P1", hour, hour, hour, 1)
    window = Window(hour, hour + timedelta(hours=1))
    seen = look(engine, window)
    with engine.begin() as connection:
        assert holds.record(connection, window, ["readings"], [found], [], [], seen, "run-1") == []
        then()


def touch(engine: Engine, site_code: str) -> None:
    with engine.begin() as connection:
        ledger.touch(connection, site_code, {HOUR: [HOUR], NEXT_HOUR: [NEXT_HOUR]}, datetime.now(UTC))


def test_an_hour_that_fails_again_after_it_was_let_go_is_told_of_again(warehouse_engine: Engine) -> None:
    """It was let go for the rows that somebody saw; more of them in an hour that is held are one hold and one alert."""
    memory = Alerts(since=datetime.now(UTC) - timedelta(hours=1))
    for told in (1, 0):
        touch(warehouse_engine, "south")
        judge(warehouse_engine, "south")
        assert len(held_hours(warehouse_engine, memory)) == told
    holds.release(warehouse_engine, "south", HOUR, HOUR + timedelta(hours=1), by="Ada", reason="known")
    judge(warehouse_engine, "south")
    assert held_hours(warehouse_engine, memory) == []

    touch(warehouse_engine, "south")
    judge(warehouse_engine, "south")
    (again,) = held_hours(warehouse_engine, memory)
    assert again.step == "values_are_present of site south"
    assert again.error.startswith("1 hour of site south from 2026-03-02 10:00 held back by values_are_present")


def test_a_hold_that_is_committed_late_is_told_of(warehouse_engine: Engine) -> None:
    """Of two validations at the same time the later one waits: no number becomes visible before a lower one."""
    memory = Alerts(since=datetime.now(UTC) - timedelta(hours=1))
    for site_code in ("south", "west"):
        touch(warehouse_engine, site_code)
    recorded, commit = threading.Event(), threading.Event()

    def record_and_wait() -> None:
        recorded.set()
        commit.wait(60)

    threads = [
        threading.Thread(target=judge, args=(warehouse_engine, "south"), kwargs={"then": record_and_wait}),
        threading.Thread(target=judge, args=(warehouse_engine, "west", NEXT_HOUR)),
    ]
    waiting = text(
        "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        " and database = (select oid from pg_database where datname = current_database())"
    )
    try:
        threads[0].start()
        assert recorded.wait(60)
        threads[1].start()
        with warehouse_engine.connect() as connection:
            while threads[1].is_alive() and not connection.scalar(waiting):
                time.sleep(0.01)
        assert held_hours(warehouse_engine, memory) == []
    finally:
        commit.set()
        for thread in threads:
            thread.join()
    assert [held.tags["millrace/site"] for held in held_hours(warehouse_engine, memory)] == ["south", "west"]


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
