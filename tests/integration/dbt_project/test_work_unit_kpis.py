"""What happened at the work units, by hour and by date."""

from collections.abc import Callable
from typing import Any

from plant import BERLIN, exactly

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
