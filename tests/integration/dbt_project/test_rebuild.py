"""Hours built one by one, in any order and again where something changed, equal one full build (D6, S1-039).

The rows come through the real loader, which says what to build.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from random_plant import a_plant, add_scores, an_event
from sqlalchemy import Connection, Engine, text
from touched_builds import roll_up, summarize

from warehouse.load import load_site


def test_builds_of_touched_hours_equal_a_full_build(
    warehouse_url: str,
    warehouse_engine: Engine,
    start_dbt: Callable[[str], Any],
    snapshot: Callable[[Connection], dict[str, list[str]]],
) -> None:
    dice = random.Random(2)
    dbt = start_dbt(warehouse_url)
    inboxes, later = a_plant(dice)

    def load() -> None:
        for inbox in inboxes:
            load_site(warehouse_engine, inbox, inbox.site_code)
        dbt("run", "--select", "tag:reference")

    def build() -> dict[str, list[str]]:
        roll_up(warehouse_engine, dbt, dice)
        summarize(warehouse_engine, dbt, dice)
        dbt("run", "--select", "tag:health")
        with warehouse_engine.connect() as connection:
            return snapshot(connection)

    def load_and_build() -> dict[str, list[str]]:
        load()
        return build()

    add_scores(warehouse_engine, dice)
    early = load_and_build()
    for inbox, kind, items in later:
        if kind != "alarms":
            inbox.add(kind, items)
    load()
    stale, live = hours_as_json(warehouse_engine, ""), hours_as_json(warehouse_engine, "_live")
    build()
    # What is live before the rollup is what the rollup then writes, and what stays.
    assert live == hours_as_json(warehouse_engine, "") == hours_as_json(warehouse_engine, "_live")
    assert [table for table in live if live[table] == stale[table]] == []
    # By themselves, so that no reading touches an hour for them.
    for inbox, kind, items in later:
        if kind == "alarms":
            inbox.add_alarm_changes(items)
    load_and_build()
    # Alone, and at 01:30 in Berlin: it changes a shift of the date before, of which nothing else came.
    half_past_one = {"event_time": datetime(2026, 3, 29, 0, 30, tzinfo=UTC), "event_type": "working"}
    more = {"work_unit_code": "U1", "duration_s": 60.0, "units_produced": 7, "confidence": None}
    inboxes[0].add("events", [an_event(dice) | half_past_one | more])
    by_hours = load_and_build()
    with warehouse_engine.begin() as connection:
        reorder(connection)
    dbt("build", "--full-refresh", "--exclude-resource-type", "unit_test")
    with warehouse_engine.connect() as connection:
        at_once = snapshot(connection)
    assert [table for table, rows in at_once.items() if not rows] == []
    assert at_once.keys() == by_hours.keys()
    assert [table for table in at_once if at_once[table] != by_hours[table]] == []
    lonely_hours = [[row for row in rows["marts.fct_worker_hours"] if ",W4," in row] for rows in (early, by_hours)]
    assert [len(rows) for rows in lonely_hours] == [16, 0]
    with warehouse_engine.connect() as connection:
        pressed = text("""
            select max(standing_count) > 1 and max(flood_min) > 0 and max(chattering_count) > 0
            from marts.fct_alarm_statistics_hourly
        """)
        assert connection.scalar(pressed), "the plant's alarms prove nothing"


def hours_as_json(engine: Engine, suffix: str) -> dict[str, list[str]]:
    """The rows of the tables of hours, or of their live views, bit by bit, whatever the order of their columns."""
    query = "select to_jsonb(t)::text from marts.{} as t order by 1"
    tables = ("fct_worker_hours", "fct_work_unit_hours", "fct_sensor_readings_hourly")
    with engine.connect() as connection:
        return {table: list(connection.scalars(text(query.format(table + suffix)))) for table in tables}


def reorder(connection: Connection) -> None:
    """Let the rows lie in another order, as if they had come in another."""
    for table in ("raw.readings", "raw.events", "raw.alarm_changes", "ml.scores"):
        connection.execute(text(f"create temp table moved on commit drop as select * from {table}"))
        connection.execute(text(f"truncate {table}"))
        connection.execute(text(f"insert into {table} select * from moved order by md5(moved::text)"))
        connection.execute(text("drop table moved"))
