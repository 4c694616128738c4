"""What happened at the work units and at the lines they belong to, by hour, shift and date."""

from collections.abc import Callable
from typing import Any

from plant import BERLIN, MONDAY, PUNE, exactly

Rows = Callable[[str], list[dict[str, Any]]]


def test_work_unit_kpis(rows: Rows) -> None:
    """S1-027, S1-028, S1-030: two workers at once occupy U1 once; its target is the one in force on the date."""
    (u1, u2) = rows(f"""
        select occupancy_h, window_h, occupancy_ratio, units_produced, efficiency_rate, target_units,
            target_variance_units, target_variance_pct
        from marts.fct_work_unit_kpis_daily where site_code = '{BERLIN}' order by work_unit_code
    """)
    assert u1 == exactly(
        occupancy_h="2.5", window_h="2.5", occupancy_ratio="1", units_produced=50, efficiency_rate="20",
        target_units="62.5", target_variance_units="-12.5", target_variance_pct="-20",
    )  # fmt: skip
    assert u2 == exactly(
        occupancy_h="2.75", window_h="3.5", occupancy_ratio="0.785714", units_produced=50, efficiency_rate="18.181818"
    ) | {"target_units": None, "target_variance_units": None, "target_variance_pct": None}


def test_work_unit_hours(rows: Rows) -> None:
    """At 7 o'clock one of two is working all the time, at 8 the one who is there is idle."""
    found = rows("""
        select occupied_s, working_s, idle_s, units_produced, target_units_per_h
        from marts.fct_work_unit_hours where work_unit_code = 'U1' order by hour
    """)
    assert found == [
        exactly(occupied_s=3600, working_s=3600, idle_s=0, units_produced=40, target_units_per_h=25),
        exactly(occupied_s=3600, working_s=3600, idle_s=0, units_produced=10, target_units_per_h=25),
        exactly(occupied_s=1800, working_s=0, idle_s=1800, units_produced=0, target_units_per_h=25),
    ]


def test_work_unit_kpis_of_an_hour(rows: Rows) -> None:
    """S1-027, S1-028, S1-030: U1 at 7 and 8 o'clock, against 25 an hour; at 8 half an hour is all that was seen."""
    found = rows("""
        select occupancy_h, window_h, occupancy_ratio, units_produced, efficiency_rate, target_units,
            target_variance_units, target_variance_pct
        from marts.fct_work_unit_kpis_hourly where work_unit_code = 'U1' order by hour offset 1
    """)
    assert found == [
        exactly(occupancy_h="1", window_h="1", occupancy_ratio="1", units_produced=10, efficiency_rate="10",
                target_units="25", target_variance_units="-15", target_variance_pct="-60"),
        exactly(occupancy_h="0.5", window_h="0.5", occupancy_ratio="1", units_produced=0, efficiency_rate="0",
                target_units="12.5", target_variance_units="-12.5", target_variance_pct="-100"),
    ]  # fmt: skip


def test_work_unit_kpis_of_a_shift(rows: Rows) -> None:
    found = rows("""
        select work_unit_code, date, occupancy_h, window_h, units_produced, target_units, target_variance_pct
        from marts.fct_work_unit_kpis_by_shift order by work_unit_code
    """)
    assert found == [
        exactly(occupancy_h="0.5", window_h="0.5", units_produced=4)
        | {"work_unit_code": "U2", "date": MONDAY, "target_units": None, "target_variance_pct": None},
        exactly(occupancy_h="1", window_h="1", units_produced=12, target_units="10", target_variance_pct="20")
        | {"work_unit_code": "U9", "date": MONDAY},
    ]


def test_lines_are_the_sums_of_their_work_units(rows: Rows) -> None:
    """U1 belonged to L1 at the time, though it belongs to L2 now; U2 belongs to no line."""
    columns = "work_center_code, work_unit_count, occupancy_h, units_produced, target_units, target_variance_units"
    of_a_day = exactly(work_unit_count=1, occupancy_h="2.5", units_produced=50, target_units="62.5",
                       target_variance_units="-12.5") | {"work_center_code": "L1"}  # fmt: skip
    assert rows(f"select {columns} from marts.fct_line_kpis_daily where site_code = '{BERLIN}'") == [of_a_day]
    hours = rows(f"select {columns} from marts.fct_line_kpis_hourly where site_code = '{BERLIN}' order by hour")
    assert [(hour["work_center_code"], hour["units_produced"]) for hour in hours] == [("L1", 40), ("L1", 10), ("L1", 0)]
    assert rows(f"select date, shift_code, {columns} from marts.fct_line_kpis_by_shift") == [
        exactly(work_unit_count=1, occupancy_h="1", units_produced=12, target_units="10", target_variance_units="2")
        | {"date": MONDAY, "shift_code": "NIGHT", "work_center_code": "L9"}
    ]
    assert len(rows(f"select from marts.fct_line_kpis_daily where site_code = '{PUNE}'")) == 2
