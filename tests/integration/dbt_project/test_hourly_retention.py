"""Hours and alarms go when they are past their time; daily marts stay to the bit, whatever is built then (C2)."""

import random
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, text
from test_retention import DAY, DAYS, HOUR, START, Inbox, events, readings

from ingestion_api.contract import AlarmChange
from warehouse import ledger
from warehouse.hourly_retention import retain_hours
from warehouse.hourly_tables import HOURLY_TABLES, KEPT_FOR_EVER
from warehouse.load import load_site
from warehouse.restore import restore
from warehouse.retention import retain
from warehouse.retention_rules import Rule, remove_rule, set_rule

# Of ten days, the raw rows of seven are past their time on the twelfth, the hours of four, the alarms of three.
NOW = START + (DAYS + 2) * DAY
RAW, HOURLY, ALARMS = 5, 8, 9
CLOSED = [START.date() + n * DAY for n in range(4)]
FAMILIES = ("readings", "events", "scores")
RELATIONS = {table.relation for table in HOURLY_TABLES}
# What tells of the receipt of rows, which is on the day they come, and what is built by the clock.
OF_RECEIPT = {"marts.fct_data_quality_hourly", "marts.fct_data_quality_daily", "marts.fct_equipment_health_summary"}


class Plant(Inbox):
    """Its alarms: one an hour long, one that stood for days, one that still stands, one that is not past its time."""

    def pull_alarm_changes(self, after: int) -> list[AlarmChange]:
        lives = [(1, 5 * HOUR, 6 * HOUR), (2, 7 * HOUR, 2 * DAY), (3, 8 * HOUR, None), (4, 9 * HOUR, 5 * DAY)]
        steps = [(alarm, "raised", raised) for alarm, raised, _ in lives]
        steps += [(alarm, "cleared", cleared) for alarm, _, cleared in lives if cleared is not None]
        return [
            AlarmChange(
                change_seq=seq, alarm_id=alarm, transition=step, changed_at=START + at, value=9.5, changed_by=None,  # type: ignore[arg-type]
                rule_code="hot", equipment_code="P1", metric="temperature", severity="critical",
            )
            for seq, (alarm, step, at) in enumerate(steps, start=1)
            if seq > after
        ]  # fmt: skip


@pytest.fixture
def built(warehouse_url: str, warehouse_engine: Engine, start_dbt: Callable[[str], Any]) -> tuple[Any, Plant]:
    """Ten days of readings, events and alarms, everything built and settled."""
    inbox, dbt = Plant(), start_dbt(warehouse_url)
    times = [START + n * 3 * HOUR for n in range(DAYS * 8)]
    inbox.add("readings", readings(times, 20.0), received_at=START + DAYS * DAY)
    inbox.add("events", events(times, random.Random(4)), received_at=START + DAYS * DAY)
    load_site(warehouse_engine, inbox, "berlin")
    dbt("run")
    with warehouse_engine.begin() as connection:
        connection.execute(
            text("update raw.touched_hours set rolled_up_count = touch_count, summarized_count = touch_count")
        )
    return dbt, inbox


def scalars(engine: Engine, query: str) -> list[Any]:
    with engine.connect() as connection:
        return list(connection.scalars(text(query)))


def reasons(engine: Engine, directory: Path) -> dict[str, str]:
    """Why hours stay, by the day."""
    _, summary = retain_hours(engine, directory, NOW, HOURLY, is_rehearsal=True)
    return {piece[-10:]: reason.split(":")[0] for piece, reason in summary.kept.items()}


def why_alarms_stay(engine: Engine, directory: Path) -> set[str]:
    summary = retain(engine, directory, NOW, RAW, alarm_keep_days=ALARMS, families=("alarms",))
    return {reason.split(",")[0] for reason in summary.kept.values()}


def test_hours_and_alarms_go_and_daily_marts_stay(
    built: tuple[Any, Plant],
    warehouse_engine: Engine,
    snapshot: Callable[[Connection], dict[str, list[str]]],
    tmp_path: Path,
) -> None:
    engine, (dbt, inbox) = warehouse_engine, built

    def tables() -> dict[str, list[str]]:
        with engine.connect() as connection:
            return {name: rows for name, rows in snapshot(connection).items() if name not in OF_RECEIPT}

    # Every table of hours that dbt builds has its daily mart named.
    with_hours = """
        select format('%I.%I', schemaname, tablename) from pg_tables
        join information_schema.columns on (table_schema, table_name, column_name) = (schemaname, tablename, 'hour')
        where schemaname in ('marts', 'intermediate')
    """
    assert set(scalars(engine, with_hours)) == RELATIONS | KEPT_FOR_EVER
    before = tables()
    days = {str(day) for day in CLOSED}

    # Each in its turn: raw rows, then hours, then alarms. What stays is told with the reason.
    assert reasons(engine, tmp_path) == dict.fromkeys(days, "raw rows are there")
    assert why_alarms_stay(engine, tmp_path) == {"hours that count it are not deleted"}
    retain(engine, tmp_path, NOW, RAW, families=FAMILIES)
    stay_where_somebody_says_so(engine, tmp_path)
    stay_where_no_daily_mart_covers_them(engine, tmp_path)
    assert tables() == before
    assert reasons(engine, tmp_path) == {}

    closed, summary = retain_hours(engine, tmp_path, NOW, HOURLY)

    # Days without any rows, whose hours were touched by their neighbours, are closed too.
    assert [day.day for day in closed if day.row_count] == CLOSED and summary.kept == {}
    after = tables()
    assert {name for name in before if after[name] != before[name]} == {
        name for name in RELATIONS - OF_RECEIPT if before[name]
    }
    edge = START + 4 * DAY
    for name in RELATIONS - OF_RECEIPT:
        assert scalars(engine, f"select count(*) from {name} where hour < '{edge}'") == [0], name
        assert set(after[name]) < set(before[name]) or not before[name], name
    assert retain_hours(engine, tmp_path, NOW, HOURLY)[0] == []

    # A build of everything brings nothing back and empties nothing, nor do rows that come late for a closed day.
    late = [START + 1 * DAY + 5 * HOUR]
    inbox.add("readings", readings(late, 90.0), received_at=NOW)
    load_site(engine, inbox, "berlin")
    dbt("run")
    assert tables() == after
    # They wait for nothing, may be restored with the rest, and go again with it.
    assert ledger.frozen_count(engine) == 0
    restore(engine, tmp_path, START.date(), (START + DAYS * DAY).date(), families=FAMILIES, keep_for=timedelta(0))
    assert scalars(engine, f"select count(*) from raw.readings where event_time < '{edge}'") == [4 * 8 + 1]
    dbt("run", "--select", "tag:hourly", "tag:daily")
    assert tables() == after
    again = retain(engine, tmp_path, NOW, RAW, families=FAMILIES)
    assert again.kept == {}
    assert scalars(engine, f"select count(*) from raw.readings where event_time < '{edge}'") == [0]

    alarms_go_with_all_their_changes(engine, tmp_path)
    dbt("run", "--select", "fct_alarm_statistics_hourly+", "fct_alarms+")
    assert tables() == after


def stay_where_somebody_says_so(engine: Engine, directory: Path) -> None:
    with engine.begin() as connection:
        set_rule(connection, Rule("hourly", "berlin", is_legal_hold=True))
    assert set(reasons(engine, directory).values()) == {"legal hold"}
    with engine.begin() as connection:
        set_rule(connection, Rule("hourly", "berlin", keep_days=11))
    assert retain_hours(engine, directory, NOW, HOURLY, is_rehearsal=True)[0][-1].day == START.date()
    with engine.begin() as connection:
        assert remove_rule(connection, "hourly", "berlin")


def stay_where_no_daily_mart_covers_them(engine: Engine, directory: Path) -> None:
    """A date begins an hour before its UTC day: an hour of the UTC day before belongs to the date that is missing."""
    with engine.begin() as connection:
        connection.execute(text("create table restricted.kept as table marts.fct_worker_kpis_daily"))
        connection.execute(text("delete from marts.fct_worker_kpis_daily where date = '2026-03-26'"))
    assert reasons(engine, directory) == {"2026-03-25": "not covered", "2026-03-26": "not covered"}
    with engine.begin() as connection:
        connection.execute(text("truncate marts.fct_worker_kpis_daily"))
        connection.execute(text("insert into marts.fct_worker_kpis_daily table restricted.kept"))
        connection.execute(text("drop table restricted.kept"))
        connection.execute(
            text("update marts.fct_sensor_readings_daily set reading_count = 1 where date = '2026-03-26'")
        )
    assert reasons(engine, directory) == {"2026-03-26": "not covered"}
    with engine.begin() as connection:
        connection.execute(
            text("update marts.fct_sensor_readings_daily set reading_count = 8 where date = '2026-03-26'")
        )


def alarms_go_with_all_their_changes(engine: Engine, directory: Path) -> None:
    """The one that still stands stays, and the one that ended too late; the archive brings the others back."""
    with engine.begin() as connection:
        set_rule(connection, Rule("alarms", is_legal_hold=True))
    assert why_alarms_stay(engine, directory) == {"legal hold"}
    with engine.begin() as connection:
        remove_rule(connection, "alarms")
    everything = "select t::text from raw.alarm_changes as t order by 1"
    before = scalars(engine, everything)
    summary = retain(engine, directory, NOW, RAW, alarm_keep_days=ALARMS, families=("alarms",))
    assert [(day.family, day.row_count) for day in summary.dropped] == [("alarms", 2), ("alarms", 2)]
    assert scalars(engine, "select distinct alarm_id from marts.fct_alarms order by 1") == [3, 4]
    assert scalars(engine, "select distinct alarm_id from raw.alarm_changes order by 1") == [3, 4]
    left = scalars(engine, everything)
    restore(engine, directory, START.date(), (START + DAYS * DAY).date(), families=("alarms",), keep_for=timedelta(0))
    assert scalars(engine, everything) == before
    retain(engine, directory, NOW, RAW, alarm_keep_days=ALARMS, families=("alarms",))
    assert scalars(engine, everything) == left
