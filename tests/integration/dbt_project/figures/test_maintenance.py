"""Alarms, maintenance events, savings and health of the two plants of maintenance_plant.py."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from maintenance_plant import BEARING, FLOW, at
from maintenance_plant import fill as fill
from plant import BERLIN, DAY, MONDAY, exactly
from sqlalchemy import Engine, text

from warehouse.retention import retain

MODELS = ("fct_alarm_statistics_daily", "fct_maintenance_savings_daily", "fct_equipment_health_summary")
Rows = Callable[[str], list[dict[str, Any]]]


@pytest.fixture(scope="module")
def dbt(own_url: str, own_engine: Engine, start_dbt: Callable[[str], Any]) -> Any:
    dbt = start_dbt(own_url)
    dbt("build", "--indirect-selection", "buildable", "--select", *(f"+{model}" for model in MODELS))
    return dbt


@pytest.fixture(scope="module")
def engine(own_engine: Engine, dbt: Any) -> Engine:
    return own_engine


@pytest.fixture
def rows(engine: Engine) -> Rows:
    def rows(query: str) -> list[dict[str, Any]]:
        with engine.connect() as connection:
            return [dict(row) for row in connection.execute(text(query)).mappings()]

    return rows


def test_an_alarm_has_its_life_in_one_row(rows: Rows) -> None:
    """ISA-18.2: raised, acknowledged, cleared."""
    (found,) = rows("""
        select state, value, raised_at, acknowledged_at, acknowledged_by, cleared_at, duration_s, time_to_acknowledge_s
        from marts.fct_alarms where equipment_code = 'P3'
    """)
    assert found == exactly(duration_s="960", time_to_acknowledge_s="360") | {
        "state": "cleared", "value": 85.0, "raised_at": at("13:04"), "acknowledged_at": at("13:10"),
        "acknowledged_by": "panel", "cleared_at": at("13:20"),
    }  # fmt: skip
    states = rows("select equipment_code, state, duration_s from marts.fct_alarms where cleared_at is null order by 1")
    assert [tuple(row.values()) for row in states] == [("P1", "raised", None), ("P4", "raised", None)]


def test_the_third_alarm_within_a_minute_chatters(rows: Rows) -> None:
    found = rows("select raised_at from marts.fct_alarms where is_chattering")
    assert found == [{"raised_at": at("10:00:40")}]


def test_alarm_statistics_by_hour(rows: Rows) -> None:
    """ISA-18.2: fifteen alarms in clock 10 minutes are a flood, three are not; one stands for a day from 10:30 on."""
    found = rows("""
        select hour, raised_count, critical_count, high_count, medium_count, low_count, max_raised_per_10min, flood_min,
            chattering_count, standing_count
        from marts.fct_alarm_statistics_hourly where site_code = 'berlin' order by hour
    """)
    assert [tuple(row.values()) for row in found] == [
        (at("10:00", day=-1), 1, 0, 0, 0, 1, 1, 0, 0, 0),
        (at("10:00"), 15, 0, 4, 0, 11, 15, 10, 1, 0),
        (at("11:00"), 3, 0, 0, 3, 0, 3, 0, 0, 1),
        (at("12:00"), 0, 0, 0, 0, 0, 0, 0, 0, 1),
        (at("23:00"), 1, 1, 0, 0, 0, 1, 0, 0, 1),
    ]


def test_alarm_statistics_by_day(rows: Rows) -> None:
    """Three hours of Monday were seen: 18 alarms are 6 an hour; one of 18 clock 10 minutes was a flood, 5.6 %.

    Of 18 alarms the ten worst rules raised 7 + 9 × 1: 88.9 %. Half past midnight in Berlin is Tuesday.
    """
    sunday, monday, tuesday = rows("""
        select date, observed_h, raised_count, raised_per_h, raised_per_10min, max_raised_per_10min, flood_min,
            flood_pct, chattering_count, max_standing_count, top_10_sources_pct, acknowledged_count,
            avg_time_to_acknowledge_s
        from marts.fct_alarm_statistics_daily where site_code = 'berlin' order by date
    """)
    assert (sunday["date"], sunday["raised_count"], sunday["max_standing_count"]) == (date(2026, 3, 1), 1, 0)
    assert monday == exactly(
        observed_h="3", raised_count=18, raised_per_h="6", raised_per_10min="1", max_raised_per_10min=15,
        flood_min=10, flood_pct="5.5556", chattering_count=1, max_standing_count=1, top_10_sources_pct="88.8889",
        acknowledged_count=2, avg_time_to_acknowledge_s="90.25",
    ) | {"date": MONDAY}  # fmt: skip
    assert (tuesday["date"], tuesday["raised_count"], tuesday["max_standing_count"]) == (date(2026, 3, 3), 1, 1)


def test_the_worst_alarm_is_named(rows: Rows) -> None:
    worst, *others = rows(f"""
        select rule_code, equipment_code, raised_count, chattering_count, share_pct
        from marts.fct_alarm_sources_daily where site_code = '{BERLIN}' and date = '{MONDAY}' order by rank
    """)
    assert worst == exactly(raised_count=7, chattering_count=1, share_pct="38.8889") | {
        "rule_code": "hot", "equipment_code": "P1",
    }  # fmt: skip
    assert [row["rule_code"] for row in others] == [f"rule {number:02}" for number in range(11)]


EVENTS = """
    select equipment_code, detected_at, source, severity, metric, estimated_cost, currency_code, resolved_at,
        is_prevented
    from marts.fct_maintenance_events where equipment_code = '{}' order by detected_at
"""


def test_an_anomaly_of_a_critical_sensor_costs_45000(rows: Rows) -> None:
    """S2-041, C25: score 0.08 over 0.05, explained by the bearing's temperature; high, so 45,000 × 1.0."""
    (found,) = rows(EVENTS.format("P2"))
    assert found == exactly(estimated_cost="45000.00") | {
        "equipment_code": "P2", "detected_at": at("12:00"), "source": "anomaly", "severity": "high", "metric": BEARING,
        "currency_code": "INR", "resolved_at": at("12:05"), "is_prevented": False,
    }  # fmt: skip


def test_an_anomaly_at_85_degrees_is_one_critical_event_of_67500(rows: Rows) -> None:
    """S2-042, C25, C26: the anomaly and the critical alarm are one failure; 45,000 × 1.5."""
    (found,) = rows(EVENTS.format("P3"))
    assert found == exactly(estimated_cost="67500.00") | {
        "equipment_code": "P3", "detected_at": at("13:00"), "source": "anomaly", "severity": "critical",
        "metric": BEARING, "currency_code": "INR", "resolved_at": at("13:20"), "is_prevented": True,
    }  # fmt: skip


def test_a_critical_alarm_alone_is_an_event_that_stands_as_long_as_it_does(rows: Rows) -> None:
    (found,) = rows(EVENTS.format("P4"))
    assert (found["source"], found["severity"], found["estimated_cost"]) == ("alarm", "critical", Decimal(67500))
    assert (found["resolved_at"], found["is_prevented"]) == (None, False)


def test_signs_less_than_an_hour_apart_are_one_event(rows: Rows) -> None:
    """And a class of sensors without a base cost has no cost, not 0."""
    first, second = rows(EVENTS.format("P5"))
    assert (first["detected_at"], first["metric"], first["resolved_at"]) == (at("09:00"), FLOW, at("10:10"))
    assert (second["detected_at"], second["severity"], second["resolved_at"]) == (at("11:10"), "medium", None)
    assert (first["estimated_cost"], first["currency_code"]) == (None, None)


def test_only_the_newest_champions_anomalies_count(rows: Rows) -> None:
    assert rows(EVENTS.format("P7")) == []


def test_an_event_is_prevented_if_somebody_acted_in_time_and_nothing_went_down(rows: Rows) -> None:
    found = rows("""
        select equipment_code, is_resolved, is_prevented
        from marts.fct_maintenance_events where site_code = 'pune' order by equipment_code, detected_at
    """)
    assert [tuple(row.values()) for row in found] == [
        ("P2", True, False),  # nobody acknowledged anything
        ("P3", True, True),
        ("P4", False, False),
        ("P5", True, False),
        ("P5", False, False),
        ("P6", True, False),  # its work unit went down a minute before
        ("P8", True, False),  # acknowledged when it was over
    ]


def test_savings_by_day(rows: Rows) -> None:
    """S2-065: 45,000 + 4 × 67,500 at stake, one event of 67,500 prevented; two events have no cost."""
    found = rows("""
        select date, currency_code, event_count, critical_count, resolved_count, prevented_count, estimated_cost,
            estimated_savings
        from marts.fct_maintenance_savings_daily where site_code = 'pune' order by currency_code
    """)
    assert [tuple(row.values()) for row in found] == [
        (MONDAY, "INR", 5, 4, 4, 1, Decimal("315000.00"), Decimal("67500.00")),
        (MONDAY, "XXX", 2, 0, 1, 0, None, None),
    ]


def test_health_of_each_pump(rows: Rows) -> None:
    """S0-036, as of 15:00, the newest reading in Pune. Berlin has registered no equipment."""
    found = rows("""
        select equipment_code, health_status, silent_s, open_critical_count, alarms_7d, anomalies_7d, is_anomalous
        from marts.fct_equipment_health_summary order by equipment_code
    """)
    assert [tuple(row.values()) for row in found] == [
        ("P1", "healthy", 3600, 0, 0, 0, False),
        ("P2", "healthy", 0, 0, 0, 1, False),
        ("P3", "warning", 3601, 0, 1, 1, False),  # silent for more than an hour
        ("P4", "critical", 0, 1, 1, 0, False),
        ("P5", "warning", 0, 0, 0, 3, True),  # its last window was an anomaly
        ("P6", "healthy", 3600, 0, 1, 0, False),
        ("P7", "warning", None, 0, 0, 0, False),  # never measured
        ("P8", "warning", None, 0, 1, 0, False),
    ]
    (row,) = rows("select * from marts.fct_equipment_health_summary where equipment_code = 'P2'")
    assert (row["as_of"], row["last_reading_at"], row["signal_count"]) == (at("15:00"), at("15:00"), 1)
    assert (row["last_scored_at"], row["last_score"], row["last_threshold"]) == (at("12:06"), 0.06, 0.05)
    assert (row["alarms_30d"], row["anomalies_30d"], row["name"]) == (0, 1, "Pump 2")


LEDGERS = """
    insert into raw.signals (site_code, equipment_code, metric) values ('pune', 'P7', 'flow_rate');
    insert into raw.cursors (site_code, kind, position) values ('berlin', 'events', 1), ('pune', 'events', 1);
    insert into raw.touched_hours (site_code, hour, touch_count, rolled_up_count, summarized_count, touched_at)
    select site_code, date_trunc('hour', event_time, 'UTC'), 1, 1, 1, now() from raw.events
    union
    select site_code, date_trunc('hour', event_time, 'UTC'), 1, 1, 1, now() from ml.scores;
"""
KEPT = ("int_failures_reported", "int_hours_judged")


def test_verdicts_outlive_the_rows_they_were_made_from(engine: Engine, dbt: Any, rows: Rows, tmp_path: Path) -> None:
    """C2. The last test of the module: retention deletes events and scores, and everything is built again.

    Nothing is prevented that was not, no anomaly comes back that a newer champion did not see, what is over stays over.
    """
    views = (
        "marts.fct_maintenance_events",
        "marts.fct_maintenance_savings_daily",
        "intermediate.int_failure_signs_joined",
    )

    def told() -> list[list[dict[str, Any]]]:
        return [rows(f"select t::text from {view} as t order by 1") for view in views]

    before = told()
    with engine.begin() as connection:
        connection.execute(text(LEDGERS))
    # Retention asks for them, and an upgraded warehouse has the others only once it has built them.
    dbt("run", "--select", "+fct_work_unit_hours", "+fct_model_health_hourly")
    now = DAY + timedelta(days=100)
    with engine.begin() as connection:
        connection.execute(text("alter table intermediate.int_failures_reported rename to away"))
    reasons = retain(engine, tmp_path, now, 30, families=["events"]).kept.values()
    assert set(reasons) == {"no rollups: intermediate.int_failures_reported is not built"}
    with engine.begin() as connection:
        connection.execute(text("alter table intermediate.away rename to int_failures_reported"))
    summary = retain(engine, tmp_path, now, 30, families=["events", "scores"])
    assert summary.kept == {} and {day.family for day in summary.dropped} == {"events", "scores"}
    assert rows("select from raw.events union all select from ml.scores") == []
    assert told() == before
    # How models did by week is told from tables that these tests do not build.
    dbt("run", "--select", *(f"{model}+" for model in KEPT), "--exclude", "fct_model_performance_weekly+")
    assert told() == before
    day = {"start_hour": "2026-03-02T00:00Z", "end_hour": "2026-03-03T00:00Z", "start_date": MONDAY}
    dbt("run", "--select", *KEPT, **day, end_date=MONDAY + timedelta(days=1))
    assert told() == before
