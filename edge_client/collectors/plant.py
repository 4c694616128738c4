"""The simulated plant: its lines, work units, workers, shifts and pumps, as the registry knows them.

How its machines and people behave does not belong here.
"""

from collections.abc import Iterator
from typing import NamedTuple

from edge_client.collectors.collector import Registration

TIME_ZONE = "Europe/Berlin"


class WorkUnit(NamedTuple):
    """A place of work, watched by the camera of its number; its control tells when it fails."""

    code: str
    name: str
    work_center_code: str
    target_units_per_h: float
    camera_code: str
    terminal_code: str
    control_code: str


class Shift(NamedTuple):
    """Hours of work in the site's time zone; an end before the start is on the next day."""

    code: str
    name: str
    start_hour: int
    end_hour: int
    workers: tuple[str, ...]

    def has(self, hour: int) -> bool:
        """Tell whether a local hour of the day is within the shift."""
        if self.start_hour < self.end_hour:
            return self.start_hour <= hour < self.end_hour
        return hour >= self.start_hour or hour < self.end_hour


class Sensor(NamedTuple):
    """A signal of a pump (S2-005..014): UCUM unit and the physically plausible range."""

    metric: str
    unit_code: str
    low: float
    high: float


WORK_CENTERS = {"L1": "Line 1", "L2": "Line 2"}
WORK_UNITS = tuple(
    WorkUnit(f"WU{n}", name, line, target, f"CAM{n}", f"TRM{n}", f"PLC{n}")
    for n, (name, line, target) in enumerate(
        [
            ("Casting", "L1", 60.0),
            ("Deburring", "L1", 48.0),
            ("Machining", "L1", 40.0),
            ("Assembly", "L2", 72.0),
            ("Testing", "L2", 54.0),
            ("Packing", "L2", 90.0),
        ],
        start=1,
    )
)
SHIFTS = (
    Shift("early", "Early shift", 6, 14, ("W101", "W102", "W103", "W104")),
    Shift("late", "Late shift", 14, 22, ("W105", "W106", "W107", "W108")),
    Shift("night", "Night shift", 22, 6, ("W109", "W110", "W111", "W112")),
)
SENSORS = (
    Sensor("motor_rpm", "/min", 0, 3_600),
    Sensor("bearing_temperature", "Cel", -40, 200),
    Sensor("oil_pressure", "bar", 0, 16),
    Sensor("vibration", "mm/s", 0, 50),
    Sensor("flow_rate", "L/min", 0, 500),
    Sensor("suction_pressure", "bar", -1, 16),
    Sensor("discharge_pressure", "bar", 0, 40),
    Sensor("motor_current", "A", 0, 100),
    Sensor("casing_temperature", "Cel", -40, 200),
    Sensor("ambient_temperature", "Cel", -40, 60),
)


def pump_codes(pumps: int) -> tuple[str, ...]:
    """Return the pumps' codes, one pump per work unit."""
    return tuple(f"P{n}" for n in range(1, pumps + 1))


def registrations(site_code: str, pumps: int) -> Iterator[Registration]:
    """Yield the whole plant, references first."""
    yield Registration("sites", site_code, {"name": "Millrace demo plant (simulated)", "time_zone": TIME_ZONE})
    for code, name in WORK_CENTERS.items():
        yield Registration("work_centers", code, {"name": name, "area_code": "hall-1"})
    for unit in WORK_UNITS:
        payload: dict[str, object] = {
            "name": unit.name,
            "work_center_code": unit.work_center_code,
            "target_units_per_h": unit.target_units_per_h,
        }
        yield Registration("work_units", unit.code, payload)
    for shift in SHIFTS:
        hours = {"starts_at_local": f"{shift.start_hour:02}:00", "ends_at_local": f"{shift.end_hour:02}:00"}
        yield Registration("shifts", shift.code, {"name": shift.name, **hours})
        for worker in shift.workers:
            yield Registration("workers", worker, {"department": "production", "shift_code": shift.code})
    for code, unit in zip(pump_codes(pumps), WORK_UNITS, strict=False):
        about = {"name": f"Coolant pump {code[1:]}", "equipment_class": "pump", "work_unit_code": unit.code}
        yield Registration("equipment", code, dict(about))
        for sensor in SENSORS:
            limits = {"unit_code": sensor.unit_code, "low_limit": sensor.low, "high_limit": sensor.high}
            yield Registration("signals", f"{code}/{sensor.metric}", {**limits, "is_reviewed": True})
