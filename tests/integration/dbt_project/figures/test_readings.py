"""Readings by hour, and what the models learn from."""

from collections.abc import Callable
from typing import Any

from plant import at, exactly
from sqlalchemy import Engine, text

Rows = Callable[[str], list[dict[str, Any]]]


def test_readings_by_hour(rows: Rows) -> None:
    """S0-037, S4-014: bad readings count and take no part; a value that would overflow the deviation is bad."""
    found = rows("""
        select unit_code, reading_count, good_count, avg_value, min_value, max_value, stddev_value, good_pct
        from marts.fct_sensor_readings_hourly order by hour
    """)
    assert found == [
        exactly(reading_count=4, good_count=3, avg_value=2.0, min_value=1.0, max_value=3.0, stddev_value=1.0,
                good_pct="75") | {"unit_code": "Cel"},
        exactly(reading_count=3, good_count=1, avg_value=7.0, min_value=7.0, max_value=7.0, good_pct="33.3333")
        | {"unit_code": "Cel", "stddev_value": None},
    ]  # fmt: skip


def test_features_are_good_readings(rows: Rows) -> None:
    found = rows("select equipment_class, value from marts.features_equipment_readings order by event_time")
    assert [tuple(row.values()) for row in found] == [("pump", value) for value in (1.0, 2.0, 3.0, 7.0)]


def test_conditions_on_features_reach_the_primary_key(engine: Engine, dbt: Any) -> None:
    """Equipment and time narrow the readings by their key where there are many: the view computes nothing before."""
    with engine.connect() as connection:
        connection.execute(
            text("""
                insert into raw.signals (site_code, equipment_code, metric)
                select 'berlin', 'E' || equipment, 'm' || metric
                from generate_series(1, 200) as equipment cross join generate_series(1, 3) as metric
            """)
        )
        connection.execute(
            text("""
                insert into raw.readings select signal_id, 0, false,
                    timestamptz '2026-03-02T09:00Z' + minute * interval '1 minute', 0, 1, 1, 1, now(), now()
                from raw.signals cross join generate_series(1, 200) as minute where equipment_code <> 'P1'
            """)
        )
        connection.execute(text("analyze raw.signals, raw.readings"))
        plan = "\n".join(
            connection.scalars(
                text(f"""
                    explain select * from marts.features_equipment_readings
                    where equipment_code = 'E7' and event_time >= '{at("10:00")}' and event_time < '{at("11:30")}'
                """)
            )
        )
        connection.rollback()
    (condition,) = [line for line in plan.splitlines() if "Index Cond" in line and "event_time" in line]
    assert "signal_id = " in condition, plan
