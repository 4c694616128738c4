"""What the workers did, by hour and by date."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from plant import BERLIN, MONDAY, PUNE, at, exactly

Rows = Callable[[str], list[dict[str, Any]]]


def test_worker_kpis(rows: Rows) -> None:
    """S1-024, S1-025, S1-026, S3-012..016: six hours, of them 4.5 working, 0.75 idle, 0.5 absent and 0.25 unknown."""
    (w1, w2) = rows(f"""
        select working_h, idle_h, absent_h, observed_h, elapsed_h, units_produced, utilization_elapsed_pct,
            utilization_observed_pct, presence_pct, throughput_rate
        from marts.fct_worker_kpis_daily where site_code = '{BERLIN}' order by worker_code
    """)
    assert w1 == exactly(
        working_h="4.5", idle_h="0.75", absent_h="0.5", observed_h="5.75", elapsed_h="6", units_produced=90,
        utilization_elapsed_pct="75", utilization_observed_pct="78.2609", presence_pct="91.6667", throughput_rate="20",
    )  # fmt: skip
    assert w2 == exactly(
        working_h="0.75", idle_h="0.25", absent_h="0", observed_h="1", elapsed_h="1", units_produced=10,
        utilization_elapsed_pct="75", utilization_observed_pct="75", presence_pct="100", throughput_rate="13.333333",
    )  # fmt: skip


def test_worker_hours_with_a_gap(rows: Rows) -> None:
    """C12: a state without a duration is believed for 15 minutes, the rest of the hour is unknown."""
    found = rows(f"""
        select extract(hour from hour)::int as hour, working_s, idle_s, absent_s, unknown_s, units_produced
        from marts.fct_worker_hours
        where site_code = '{BERLIN}' and worker_code = 'W1' and hour >= '{at("10:00")}' order by hour
    """)
    assert found == [
        {"hour": 10, "working_s": 900, "idle_s": 900, "absent_s": 1800, "unknown_s": 0, "units_produced": 0},
        {"hour": 11, "working_s": 2700, "idle_s": 0, "absent_s": 0, "unknown_s": 900, "units_produced": 20},
    ]


def test_days_begin_at_local_midnight_at_half_past_the_hour(rows: Rows) -> None:
    """D5: 18:30 UTC is midnight in Pune."""
    found = rows(f"""
        select date, working_h, elapsed_h, units_produced from marts.fct_worker_kpis_daily
        where site_code = '{PUNE}' order by date
    """)
    half = exactly(working_h="0.5", elapsed_h="0.5")
    assert found == [
        half | {"date": MONDAY, "units_produced": 5},
        half | {"date": MONDAY + timedelta(days=1), "units_produced": 7},
    ]
    units = rows(f"select date, occupancy_h from marts.fct_work_unit_kpis_daily where site_code = '{PUNE}'")
    assert [row["occupancy_h"] for row in units] == [Decimal("0.5")] * 2


def test_worker_kpis_of_an_hour(rows: Rows) -> None:
    """S1-024..026: from 10:00 half an hour absent, a quarter idle, a quarter working; from 11:15 working."""
    found = rows(f"""
        select working_h, idle_h, absent_h, elapsed_h, units_produced, utilization_elapsed_pct, presence_pct,
            throughput_rate
        from marts.fct_worker_kpis_hourly
        where site_code = '{BERLIN}' and worker_code = 'W1' and hour >= '{at("10:00")}' order by hour
    """)
    assert found == [
        exactly(working_h="0.25", idle_h="0.25", absent_h="0.5", elapsed_h="1", units_produced=0,
                utilization_elapsed_pct="25", presence_pct="50", throughput_rate="0"),
        exactly(working_h="0.75", idle_h="0", absent_h="0", elapsed_h="0.75", units_produced=20,
                utilization_elapsed_pct="100", presence_pct="100", throughput_rate="26.666667"),
    ]  # fmt: skip


def test_worker_kpis_of_a_shift(rows: Rows) -> None:
    """What a night shift does after local midnight belongs to the date on which it starts."""
    found = rows("""
        select worker_code, date, shift_code, working_h, elapsed_h, units_produced, throughput_rate
        from marts.fct_worker_kpis_by_shift order by worker_code
    """)
    assert found == [
        exactly(working_h="0.5", elapsed_h="0.5", units_produced=4, throughput_rate="8")
        | {"worker_code": "W1", "date": MONDAY, "shift_code": "LATE"},
        exactly(working_h="1", elapsed_h="1", units_produced=12, throughput_rate="12")
        | {"worker_code": "W9", "date": MONDAY, "shift_code": "NIGHT"},
    ]
