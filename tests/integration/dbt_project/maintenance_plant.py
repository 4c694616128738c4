"""Two small plants whose alarms, anomalies and events were worked out by hand: what test_maintenance.py builds from.

Berlin has an alarm flood; Pune has the pumps of the documents' scenarios.
"""

from datetime import datetime, timedelta
from typing import Any

from plant import BERLIN, DAY, PUNE
from sqlalchemy import Connection, insert

from ingestion_api.alarm_rules import AlarmRule
from ingestion_api.alarms import State, judge
from warehouse import tables

BEARING, FLOW = "bearing_temperature", "flow_rate"


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
