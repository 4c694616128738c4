"""Alarm changes are loaded exactly once, and touch the hours whose statistics they change (D3, D6)."""

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from ingestion_api.contract import AlarmChange
from warehouse.errors import PageInconsistent
from warehouse.load import load_site

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
STORED = """
    select change_seq, alarm_id, transition, changed_at, value, changed_by, rule_code, equipment_code, metric, severity
    from raw.alarm_changes where site_code = 'demo' order by change_seq"""


class Killed(Exception):
    """Stands for the end of a process."""


def rows(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def execute(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(statement))


@pytest.fixture
def change(inbox: Any) -> Callable[..., None]:
    """Appends a change to the inbox."""

    def change(alarm_id: int, transition: Any, at: datetime, **more: Any) -> None:
        common: dict[str, Any] = {"rule_code": "hot", "equipment_code": "P1", "metric": "temperature"}
        common |= {"value": 85.5, "changed_by": None, "severity": "critical"}
        seq = len(inbox.alarm_changes) + 1
        inbox.alarm_changes.append(
            AlarmChange(change_seq=seq, alarm_id=alarm_id, transition=transition, changed_at=at, **(common | more))
        )

    return change


@pytest.fixture
def touched(warehouse_engine: Engine, inbox: Any) -> Callable[[], list[float]]:
    """Loads, and returns which hours that touched, counted from T0."""

    def touched() -> list[float]:
        before = dict(rows(warehouse_engine, "select hour, touch_count from raw.touched_hours"))
        load_site(warehouse_engine, inbox, "demo")
        after = dict(rows(warehouse_engine, "select hour, touch_count from raw.touched_hours"))
        return sorted((hour - T0) / HOUR for hour, count in after.items() if count != before.get(hour, 0))

    return touched


def test_changes_are_kept_as_the_api_tells_them(warehouse_engine: Engine, inbox: Any, change: Any) -> None:
    change(7, "raised", T0, value=None)
    change(7, "acknowledged", T0 + MINUTE, value=None, changed_by="panel")
    change(7, "cleared", T0 + HOUR, value=70.0)
    summary = load_site(warehouse_engine, inbox, "demo", dagster_run_id="run-1")
    assert (summary.alarm_change_count, summary.touched_hour_count) == (3, 1)
    names = AlarmChange.__struct_fields__
    assert rows(warehouse_engine, STORED) == [tuple(getattr(c, name) for name in names) for c in inbox.alarm_changes]
    load = "select kind, cursor_from, cursor_to, item_count, inserted_count, dagster_run_id from raw.loads"
    assert rows(warehouse_engine, load) == [("alarms", 0, 3, 3, 3, "run-1")]


@pytest.mark.parametrize("seed", range(4))
def test_kills_and_replays_lose_and_repeat_nothing(
    seed: int, warehouse_engine: Engine, inbox: Any, change: Any
) -> None:
    """DESIGN 6. A replay stores nothing again and touches nothing."""
    dice = random.Random(seed)

    def interfere(kind: str, after: int) -> None:
        if dice.random() < 0.2:
            raise Killed

    inbox.before_pull = interfere
    for alarm_id in range(20):
        change(alarm_id, "raised", T0 + dice.random() * 10 * HOUR)
        with suppress(Killed):
            load_site(warehouse_engine, inbox, "demo")
    inbox.before_pull = lambda kind, after: None
    load_site(warehouse_engine, inbox, "demo")
    touches = rows(warehouse_engine, "select hour, touch_count from raw.touched_hours order by hour")
    execute(warehouse_engine, "update raw.cursors set position = 3 where kind = 'alarms'")
    assert load_site(warehouse_engine, inbox, "demo").alarm_change_count == 0
    assert [row[0] for row in rows(warehouse_engine, STORED)] == list(range(1, 21))
    assert rows(warehouse_engine, "select hour, touch_count from raw.touched_hours order by hour") == touches


def test_a_load_that_fails_halfway_leaves_nothing(warehouse_engine: Engine, inbox: Any, change: Any) -> None:
    """D3: changes, ledger, touched hours and cursor commit together."""
    change(1, "raised", T0)
    # The ledger is written last.
    execute(warehouse_engine, "alter table raw.touched_hours add constraint full_disk check (false) not valid")
    with pytest.raises(Exception, match="full_disk"):
        load_site(warehouse_engine, inbox, "demo")
    for table in ("alarm_changes", "loads", "touched_hours", "cursors"):
        assert rows(warehouse_engine, f"select count(*) from raw.{table}") == [(0,)], table
    execute(warehouse_engine, "alter table raw.touched_hours drop constraint full_disk")
    assert load_site(warehouse_engine, inbox, "demo").alarm_change_count == 1


def test_every_change_touches_the_hour_of_the_raise(change: Any, touched: Any) -> None:
    change(1, "raised", T0 + 30 * MINUTE)
    assert touched() == [0]
    change(1, "acknowledged", T0 + 3 * HOUR)
    assert touched() == [0]
    change(1, "cleared", T0 + 4 * HOUR)
    assert touched() == [0]


def test_an_alarm_that_comes_late_touches_the_hour_of_those_a_minute_later(change: Any, touched: Any) -> None:
    """Whether an alarm chatters depends on the minute before it."""
    change(1, "raised", T0 + HOUR + timedelta(seconds=30))
    assert touched() == [1]
    change(2, "raised", T0 + HOUR - timedelta(seconds=30))
    assert touched() == [0, 1]


def test_an_alarm_touches_the_hours_that_it_stood_for_a_day(inbox: Any, change: Any, touched: Any) -> None:
    """Hours of which something is known already; others will be computed when they come."""
    for hour in (10, 23, 24, 25, 40, 60):
        inbox.add("readings", [{"event_time": T0 + hour * HOUR, "value": 1.0}], received_at=T0 + hour * HOUR)
    touched()
    change(1, "raised", T0 + HOUR / 2)
    assert touched() == [0, 25, 40, 60]
    change(1, "cleared", T0 + 40 * HOUR)
    assert touched() == [0, 40, 60]
    change(1, "acknowledged", T0 + 41 * HOUR)
    assert touched() == [0]


def test_an_alarm_that_is_over_touches_no_hour_after_its_end(inbox: Any, change: Any, touched: Any) -> None:
    """A clock that is years slow must not have the whole history computed again."""
    inbox.add("readings", [{"event_time": T0, "value": 1.0}], received_at=T0)
    touched()
    change(1, "raised", T0 - 10_000 * HOUR)
    change(1, "cleared", T0 - 9_999 * HOUR)
    assert touched() == [-10_000]


def test_an_alarm_cleared_within_a_day_is_brief(warehouse_engine: Engine, inbox: Any, change: Any) -> None:
    """Whichever of its changes comes first, and by whichever clock: it never counts as standing."""
    change(1, "raised", T0)
    change(1, "cleared", T0 + 24 * HOUR)
    change(2, "raised", T0)
    change(2, "cleared", T0 + 24 * HOUR + timedelta(microseconds=1))
    change(3, "cleared", T0 - HOUR)
    change(3, "raised", T0)
    change(4, "raised", T0)
    change(5, "raised", T0)
    load_site(warehouse_engine, inbox, "demo")
    brief = "select alarm_id from raw.alarm_changes where is_brief order by 1"
    assert rows(warehouse_engine, brief) == [(1,), (3,)]
    change(5, "acknowledged", T0 + HOUR)
    change(4, "cleared", T0 + HOUR)
    load_site(warehouse_engine, inbox, "demo")
    assert rows(warehouse_engine, brief) == [(1,), (3,), (4,)]
    marked = "select distinct transition from raw.alarm_changes where is_brief"
    assert rows(warehouse_engine, marked) == [("raised",)]


def test_a_log_that_does_not_move_on_is_refused(warehouse_engine: Engine, inbox: Any, change: Any) -> None:
    change(1, "raised", T0)
    inbox.pull_alarm_changes = lambda after: inbox.alarm_changes
    with pytest.raises(PageInconsistent, match="Alarm changes of site demo after 1 end at 1"):
        load_site(warehouse_engine, inbox, "demo")
