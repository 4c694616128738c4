"""The names by which the source documents call what the contract names otherwise. How bodies use them is theirs.

The wide body's units are in UCUM; its metrics are the ones the plant simulator registers (S2-005..014).
"""

from collections.abc import Mapping

from ingestion_api.contract import Kind

# Column or key in lower case: metric and UCUM unit.
WIDE: Mapping[str, tuple[str, str]] = {
    "motor_rpm": ("motor_rpm", "/min"),
    "bearing_temperature_c": ("bearing_temperature", "Cel"),
    "oil_pressure_bar": ("oil_pressure", "bar"),
    "vibration_mm_s": ("vibration", "mm/s"),
    "flow_rate_l_min": ("flow_rate", "L/min"),
    "suction_pressure_bar": ("suction_pressure", "bar"),
    "discharge_pressure_bar": ("discharge_pressure", "bar"),
    "motor_current_a": ("motor_current", "A"),
    "casing_temperature_c": ("casing_temperature", "Cel"),
    "ambient_temperature_c": ("ambient_temperature", "Cel"),
}
# C12: `count` is units_produced; C13: stations are work units.
ALIASES: Mapping[Kind, Mapping[str, str]] = {
    "readings": {"timestamp": "event_time", "equipment_id": "equipment_code"},
    "events": {
        "timestamp": "event_time",
        "worker_id": "worker_code",
        "workstation_id": "work_unit_code",
        "station_id": "work_unit_code",
        "duration_seconds": "duration_s",
        "count": "units_produced",
    },
}
