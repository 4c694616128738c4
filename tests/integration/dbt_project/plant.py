"""A small plant whose figures were worked out by hand: what the tests of the marts build from. Builds nothing."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy import Connection, insert

from warehouse import tables

DAY = datetime(2026, 3, 2, tzinfo=UTC)
MONDAY = date(2026, 3, 2)
BERLIN, PUNE = "berlin", "pune"


def at(clock: str) -> datetime:
    """UTC on the day, such as 06:30 or 10:59:59."""
    hour, minute, *second = (int(part) for part in clock.split(":"))
    return DAY + timedelta(hours=hour, minutes=minute, seconds=second[0] if second else 0)


def event(
    clock: str, event_type: str, worker_code: str = "W1", work_unit_code: str = "", **more: Any
) -> dict[str, Any]:
    """An event seen by a camera in Berlin, not its classifier's guess unless it has a confidence."""
    stamps = {"received_at": at(clock), "recorded_at": at(clock)}
    common = {"site_code": BERLIN, "source_code": "C1", "is_server_time": False, "item_index": 0, "batch_seq": 1}
    optional = {"duration_s": None, "units_produced": None, "confidence": None}
    return common | optional | stamps | {
        "load_id": 1, "event_time": at(clock), "event_type": event_type, "worker_code": worker_code,
        "work_unit_code": work_unit_code,
    } | more  # fmt: skip


def exactly(**figures: float | str) -> dict[str, Any]:
    """Figures as the marts hold them: decimals, compared without a tolerance."""
    return {name: Decimal(figure) if isinstance(figure, str) else figure for name, figure in figures.items()}


EVENTS = [
    event("06:00", "working", work_unit_code="U1", duration_s=7200, units_produced=40),
    # Under the gate: no absence and no units, but the classifier's health (C8).
    event("06:30", "absent", work_unit_code="U1", duration_s=7200, units_produced=1000, confidence=0.5),
    event("08:00", "idle", work_unit_code="U1", duration_s=1800),
    event("08:30", "working", work_unit_code="U2", duration_s=5400, units_produced=30),
    event("10:00", "absent", work_unit_code="U2", duration_s=1800),
    # Without a duration: idle until the next event, working for 15 minutes, then unknown for 15 (C12).
    event("10:30", "idle", work_unit_code="U2"),
    event("10:45", "working", work_unit_code="U2"),
    event("11:15", "working", work_unit_code="U2", duration_s=2700),
    event("11:00", "product_count", work_unit_code="U2", units_produced=16),
    event("11:44:59", "product_count", work_unit_code="U2", units_produced=2),
    event("11:50", "product_count", work_unit_code="U2", units_produced=2),
    # Two cameras disagree for a quarter of an hour: the later state holds, then the earlier one goes on.
    event("07:00", "working", "W2", "U1", duration_s=3600, confidence=0.9),
    event("07:15", "idle", "W2", "U1", duration_s=900, confidence=0.8, source_code="C2"),
    event("07:45", "product_count", "W2", "U1", units_produced=10),
    # Half an hour on either side of midnight in Pune, five and a half hours ahead.
    event("18:00", "working", "W9", "U9", duration_s=3600, site_code=PUNE),
    event("18:29:59", "product_count", "W9", "U9", units_produced=5, site_code=PUNE),
    event("18:30", "product_count", "W9", "U9", units_produced=7, site_code=PUNE),
]
READINGS = [
    # clock, value, quality; 0.7 as a 4-byte float is a little less than 0.7
    ("10:00", 1.0, 1.0), ("10:20", 2.0, 1.0), ("10:40", 3.0, 0.7), ("10:50", 50.0, 0.69),
    ("11:00", 1e300, 1.0), ("11:10", -1e300, 1.0), ("11:20", 7.0, 1.0),
]  # fmt: skip
REGISTRY: list[tuple[str, str, str, dict[str, Any]]] = [
    (BERLIN, "sites", BERLIN, {"name": "Berlin", "time_zone": "Europe/Berlin"}),
    (PUNE, "sites", PUNE, {"name": "Pune", "time_zone": "Asia/Kolkata"}),
    (BERLIN, "work_centers", "L1", {"name": "Line 1", "area_code": None}),
    (BERLIN, "work_units", "U1", {"name": "Press", "work_center_code": "L1", "target_units_per_h": 25}),
    (BERLIN, "work_units", "U2", {"name": "Lathe", "work_center_code": None, "target_units_per_h": None}),
    (BERLIN, "workers", "W1", {"department": "A", "shift_code": "LATE"}),
    (BERLIN, "shifts", "LATE", {"name": "Late", "starts_at_local": "12:30", "ends_at_local": "20:30"}),
    (PUNE, "work_units", "U9", {"name": "Saw", "work_center_code": "L9", "target_units_per_h": 10}),
    (PUNE, "shifts", "NIGHT", {"name": "Night", "starts_at_local": "22:00", "ends_at_local": "06:00"}),
    (BERLIN, "equipment", "P1", {"name": "Pump", "equipment_class": "pump", "work_unit_code": "U1"}),
    # Later versions: what is now is not what was then.
    (BERLIN, "work_units", "U1", {"name": "Press 1", "work_center_code": "L2", "target_units_per_h": 60}),
    (BERLIN, "workers", "W1", {"department": "B", "shift_code": "LATE"}),
]


def fill(connection: Connection) -> None:
    """Write the plant into raw and ml, as the loader and the models would."""
    changes = [
        {"site_code": site, "change_seq": seq, "entity": entity, "code": code, "payload": payload, "changed_by": "test",
         "changed_at": DAY + timedelta(days=1, seconds=seq)}
        for seq, (site, entity, code, payload) in enumerate(REGISTRY)
    ]  # fmt: skip
    connection.execute(insert(tables.warehouse_registry_changes), changes)
    connection.execute(insert(tables.events), EVENTS)
    signal = {"site_code": BERLIN, "equipment_code": "P1", "metric": "temperature", "unit_code": "Cel"}
    signal_id = connection.scalar(insert(tables.signals).values(signal).returning(tables.signals.c.signal_id))
    common = {"signal_id": signal_id, "item_index": 0, "is_server_time": False, "batch_seq": 1, "load_id": 1}
    connection.execute(
        insert(tables.readings),
        [
            {**common, "event_time": at(c), "value": v, "quality": q, "received_at": at(c), "recorded_at": at(c)}
            for c, v, q in READINGS
        ],
    )
    promotion = {"champion_version": None, "reason": "", "trigger": "initial", "metrics": {}, "mlflow_run_id": "r"}
    promotion |= {"model_name": "anomaly-pump"}
    versions = [(1, True), (2, True), (3, False)]
    connection.execute(
        insert(tables.promotions),
        [{**promotion, "challenger_version": v, "is_promoted": promoted} for v, promoted in versions],
    )
    score = {"site_code": BERLIN, "equipment_code": "P1", "model_name": "anomaly-pump", "score": 1, "threshold": 2}
    score |= {"is_anomaly": False}
    confidences = [("10:00", 1, 0.5), ("10:00", 2, 0.75), ("10:30", 2, 0.85), ("10:00", 3, 0.1), ("11:00", 1, 0.9)]
    connection.execute(
        insert(tables.scores),
        [{**score, "event_time": at(c), "model_version": v, "confidence": x} for c, v, x in confidences],
    )
