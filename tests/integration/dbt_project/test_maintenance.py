"""Alarms, maintenance events, savings and health, from two small plants whose figures were worked out by hand.

Berlin has an alarm flood; Pune has the pumps of the documents' scenarios.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, insert, text

from ingestion_api.alarm_rules import AlarmRule
from ingestion_api.alarms import State, judge
from warehouse import tables
from warehouse.retention import retain

DAY = datetime(2026, 3, 2, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
BERLIN, PUNE = "berlin", "pune"
BEARING, FLOW = "bearing_temperature", "flow_rate"
MODELS = ("fct_alarm_statistics_daily", "fct_maintenance_savings_daily", "fct_equipment_health_summary")
Rows = Callable[[str], list[dict[str, Any]]]


def at(clock: str, day: int = 0) -> datetime:
    """UTC on the day, such as 06:30 or 10:59:59.5."""
    hour, minute, *second = clock.split(":")
    seconds = float(second[0]) if second else 0
    return DAY + timedelta(days=day, hours=int(hour), minutes=int(minute), seconds=seconds)


class Alarms:
    """A log of alarm changes, as the sites' APIs keep it."""

    def __init__(self) -> None:
        self.changes: list[dict[str, Any]] = []
        self._alarm_id = 0

    def add(
        self,
        site_code: str,
        equipment_code: str,
        raised_at: datetime,
        *,
        rule_code: str = "hot",
        metric: str = BEARING,
        severity: str = "low",
        value: float | None = 85.0,
        acknowledged_at: datetime | None = None,
        cleared_at: datetime | None = None,
    ) -> None:
        """Append the steps of an alarm."""
        self._alarm_id += 1
        about = {"site_code": site_code, "alarm_id": self._alarm_id, "rule_code": rule_code, "severity": severity}
        about |= {"equipment_code": equipment_code, "metric": metric}
        steps = (("raised", raised_at, value), ("acknowledged", acknowledged_at, None), ("cleared", cleared_at, 70.0))
        for transition, changed_at, reading in steps:
            if changed_at is not None:
                by = "panel" if transition == "acknowledged" else None
                step = {"transition": transition, "changed_at": changed_at, "value": reading, "changed_by": by}
                step["is_brief"] = transition == "raised" and cleared_at is not None
                self.changes.append(about | step | {"change_seq": len(self.changes) + 1})


def a_flood(alarms: Alarms) -> None:
    """Eighteen alarms of twelve rules on Monday in Berlin, one of them standing since Sunday's."""
    for clock in ("10:00", "10:00:20", "10:00:40", "10:02"):  # the third within a minute chatters
        alarms.add(BERLIN, "P1", at(clock), severity="high", cleared_at=at("10:03"))
    for number in range(11):
        seen = {0: at("10:04"), 1: at("10:05:30.5")}.get(number)
        alarms.add(BERLIN, "P1", at("10:03") + timedelta(seconds=30 * number), rule_code=f"rule {number:02}",
                   cleared_at=at("10:30"), acknowledged_at=seen)  # fmt: skip
    for clock in ("11:10", "11:15", "11:19:59"):
        alarms.add(BERLIN, "P1", at(clock), severity="medium", cleared_at=at("11:20"))
    alarms.add(BERLIN, "P1", at("10:30", day=-1), rule_code="stands")
    alarms.add(BERLIN, "P1", at("23:30"), severity="critical", cleared_at=at("23:31"))  # Tuesday in Berlin


def critical(alarms: Alarms, equipment_code: str, start: datetime, **more: Any) -> None:
    """An alarm as the API raises it: S2-042's rule, of which 85 is not below the limit (C26)."""
    rule = AlarmRule(
        name="Bearing too hot", equipment_class="pump", metric=BEARING, kind="limit", limit=85, severity="critical"
    )
    readings = [(start - timedelta(seconds=1), 84.99), (start, 85.0), (start + timedelta(seconds=1), 85.2)]
    _, (raised,) = judge(rule, State(), readings)
    assert (raised.change, raised.at) == ("raised", start)
    alarms.add(PUNE, equipment_code, raised.at, value=raised.value, severity=rule.severity, **more)


def the_scenarios(alarms: Alarms) -> None:
    """Critical alarms in Pune."""
    critical(alarms, "P3", at("13:04"), acknowledged_at=at("13:10"), cleared_at=at("13:20"))
    critical(alarms, "P4", at("14:00"))
    critical(alarms, "P6", at("14:00"), acknowledged_at=at("14:01"), cleared_at=at("14:30"))
    critical(alarms, "P8", at("14:00"), acknowledged_at=at("14:31"), cleared_at=at("14:30"))


# equipment, version, start, end, peak score, metric that explains it
ANOMALIES = [
    ("P2", 2, "12:00", "12:05", 0.08, BEARING),
    ("P3", 2, "13:00", "13:10", 0.06, BEARING),
    ("P5", 2, "09:00", "09:05", 0.06, BEARING),
    ("P5", 2, "10:04:59", "10:10", 0.07, FLOW),  # less than an hour after: the same event, of what is strangest
    ("P5", 2, "11:10", "11:20", 0.06, FLOW),  # an hour after: another one
    ("P7", 1, "12:00", "12:05", 0.09, BEARING),  # the champion that followed saw nothing there
    ("P7", 3, "12:00", "12:05", 0.09, BEARING),  # never promoted
]
SCORES = [("P2", 2, "12:06"), ("P3", 2, "13:11"), ("P5", 2, "11:20"), ("P7", 2, "12:03"), ("P7", 2, "12:06")]
LAST_READINGS = {"P1": "14:00", "P2": "15:00", "P3": "13:59:59", "P4": "15:00", "P5": "15:00", "P6": "14:00"}


def fill(connection: Connection) -> None:
    """Write what loads and scoring would have written."""
    alarms = Alarms()
    a_flood(alarms)
    the_scenarios(alarms)
    connection.execute(insert(tables.warehouse_alarm_changes), alarms.changes)
    zones = {BERLIN: "Europe/Berlin", PUNE: "Asia/Kolkata"}
    entries: list[tuple[str, str, str, dict[str, Any]]] = [
        (site, "sites", site, {"name": site, "time_zone": zone}) for site, zone in zones.items()
    ]
    entries += [
        (PUNE, "equipment", f"P{n}", {"name": f"Pump {n}", "equipment_class": "pump", "work_unit_code": f"U{n}"})
        for n in range(1, 9)
    ]
    connection.execute(
        insert(tables.warehouse_registry_changes),
        [
            {"site_code": site, "entity": entity, "code": code, "payload": payload, "change_seq": seq,
             "changed_by": "", "changed_at": DAY}
            for seq, (site, entity, code, payload) in enumerate(entries)
        ],
    )  # fmt: skip
    model = {"model_name": "anomaly-pump", "site_code": PUNE, "threshold": 0.05}
    promotion = {"model_name": "anomaly-pump", "reason": "", "trigger": "manual", "metrics": {}, "mlflow_run_id": ""}
    connection.execute(
        insert(tables.promotions),
        [{**promotion, "challenger_version": version, "is_promoted": version < 3} for version in (1, 2, 3)],
    )
    connection.execute(
        insert(tables.anomalies),
        [
            {**model, "equipment_code": code, "model_version": version, "started_at": at(start), "ended_at": at(end),
             "peak_score": peak, "sensor_shares": {"motor_rpm": 0.25, metric: 0.5}}
            for code, version, start, end, peak, metric in ANOMALIES
        ],
    )  # fmt: skip
    connection.execute(
        insert(tables.scores),
        [
            {**model, "equipment_code": code, "model_version": version, "event_time": at(clock), "score": 0.06,
             "is_anomaly": code == "P5", "confidence": 0.9}
            for code, version, clock in SCORES
        ],
    )  # fmt: skip
    for code, clock in LAST_READINGS.items():
        signal = insert(tables.signals).values(site_code=PUNE, equipment_code=code, metric=BEARING)
        signal_id = connection.scalar(signal.returning(tables.signals.c.signal_id))
        row = {"signal_id": signal_id, "item_index": 0, "is_server_time": False, "batch_seq": 1, "load_id": 1}
        row |= {"value": 70.0, "quality": 1.0, "received_at": DAY, "recorded_at": DAY}
        connection.execute(insert(tables.readings), [{**row, "event_time": t} for t in (at("08:00"), at(clock))])
    stop = {"site_code": PUNE, "source_code": "C1", "event_type": "down", "work_unit_code": "U6", "worker_code": ""}
    stop |= {"is_server_time": False, "item_index": 0, "batch_seq": 1, "load_id": 1, "event_time": at("14:29")}
    seen = {"site_code": BERLIN, "event_type": "idle", "work_unit_code": "U1", "event_time": at("12:59")}
    stamps = {"received_at": DAY, "recorded_at": DAY}
    connection.execute(insert(tables.events), [stop | stamps, stop | seen | stamps])


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


def exactly(**figures: float | str) -> dict[str, Any]:
    """Figures as the marts hold them: decimals, compared without a tolerance."""
    return {name: Decimal(figure) if isinstance(figure, str) else figure for name, figure in figures.items()}


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
    dbt("run", "--select", *(f"{model}+" for model in KEPT))
    assert told() == before
    day = {"start_hour": "2026-03-02T00:00Z", "end_hour": "2026-03-03T00:00Z", "start_date": MONDAY}
    dbt("run", "--select", *KEPT, **day, end_date=MONDAY + timedelta(days=1))
    assert told() == before
