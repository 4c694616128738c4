"""The plant's registry entries."""

from edge_client.collectors.plant import SENSORS, SHIFTS, WORK_UNITS, registrations


def test_every_hour_of_the_day_belongs_to_one_shift() -> None:
    for hour in range(24):
        assert len([shift for shift in SHIFTS if shift.has(hour)]) == 1


def test_twelve_workers_and_six_work_units_on_two_lines() -> None:
    workers = [worker for shift in SHIFTS for worker in shift.workers]
    assert workers == [f"W{number}" for number in range(101, 113)]
    assert [unit.code for unit in WORK_UNITS] == [f"WU{number}" for number in range(1, 7)]
    assert {unit.work_center_code for unit in WORK_UNITS} == {"L1", "L2"}


def test_ten_sensors_with_their_units() -> None:
    """S2-005..014."""
    assert {sensor.metric: sensor.unit_code for sensor in SENSORS} == {
        "motor_rpm": "/min",
        "bearing_temperature": "Cel",
        "oil_pressure": "bar",
        "vibration": "mm/s",
        "flow_rate": "L/min",
        "suction_pressure": "bar",
        "discharge_pressure": "bar",
        "motor_current": "A",
        "casing_temperature": "Cel",
        "ambient_temperature": "Cel",
    }


def test_references_are_registered_before_what_refers_to_them() -> None:
    known: dict[str, set[str]] = {}
    for entity, code, payload in registrations("demo", 6):
        for column, target in (
            ("work_center_code", "work_centers"),
            ("work_unit_code", "work_units"),
            ("shift_code", "shifts"),
        ):
            if column in payload:
                assert payload[column] in known[target]
        if entity == "signals":
            assert code.split("/")[0] in known["equipment"]
        known.setdefault(entity, set()).add(code)
    assert {entity: len(codes) for entity, codes in known.items()} == {
        "sites": 1,
        "work_centers": 2,
        "work_units": 6,
        "shifts": 3,
        "workers": 12,
        "equipment": 6,
        "signals": 60,
    }
