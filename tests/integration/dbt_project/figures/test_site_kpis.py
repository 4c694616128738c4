"""The KPIs of the sites."""

from collections.abc import Callable
from typing import Any

from plant import BERLIN, MONDAY, PUNE, at, exactly

Rows = Callable[[str], list[dict[str, Any]]]


def test_site_kpis(rows: Rows) -> None:
    """S1-029: each worker counts once, though W1 was there six times as long."""
    (found,) = rows(f"""
        select date, worker_count, utilization_pct, units_produced, working_h
        from marts.fct_site_kpis_daily where site_code = '{BERLIN}'
    """)
    assert found == exactly(worker_count=2, utilization_pct="75", units_produced=100, working_h="5.25") | {
        "date": MONDAY
    }


def test_site_kpis_of_an_hour(rows: Rows) -> None:
    """S1-029: at 7 o'clock W1 works all the time, W2 three quarters of it; 10 units against 25 at U1 (S1-030)."""
    (found,) = rows(f"""
        select worker_count, utilization_pct, units_produced, working_h, throughput_rate, units_targeted, target_units,
            target_variance_pct
        from marts.fct_site_kpis_hourly where site_code = '{BERLIN}' and hour = '{at("07:00")}'
    """)
    assert found == exactly(
        worker_count=2, utilization_pct="87.5", units_produced=10, working_h="1.75", throughput_rate="5.714286",
        units_targeted=10, target_units="25", target_variance_pct="-60",
    )  # fmt: skip


def test_site_targets_are_those_of_the_work_units_that_have_one(rows: Rows) -> None:
    """S1-030: of the 100 units 50 were made at U1, against 62.5; the others have no target."""
    (found,) = rows(f"""
        select work_unit_count, occupancy_h, window_h, units_targeted, target_units, target_variance_units
        from marts.fct_site_kpis_daily where site_code = '{BERLIN}'
    """)
    assert found == exactly(
        work_unit_count=2, occupancy_h="5.25", window_h="6", units_targeted=50, target_units="62.5",
        target_variance_units="-12.5",
    )  # fmt: skip


def test_site_kpis_of_a_shift(rows: Rows) -> None:
    (found,) = rows(f"""
        select date, shift_code, worker_count, utilization_pct, units_produced, working_h
        from marts.fct_site_kpis_by_shift where site_code = '{PUNE}'
    """)
    assert found == exactly(worker_count=1, utilization_pct="100", units_produced=12, working_h="1") | {
        "date": MONDAY, "shift_code": "NIGHT"
    }  # fmt: skip
