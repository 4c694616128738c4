"""Shifts and their handovers."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from plant import MONDAY, PUNE, at, exactly

Rows = Callable[[str], list[dict[str, Any]]]


def test_shift_handover(rows: Rows) -> None:
    """S1-031: 16 units in the hour before 12:30 in Berlin, 2 in the quarter of an hour after, so 8 an hour."""
    (found,) = rows("select date, handover_at, units_before, units_after, dip_pct from marts.fct_shift_handovers_daily")
    assert found == exactly(units_before=16, units_after=2, dip_pct="50") | {"date": MONDAY, "handover_at": at("11:30")}


def test_shift_calendar(rows: Rows) -> None:
    """D5: a night of eight hours in a zone of half an hour, on each date with data in Pune and on the one before."""
    found = rows(f"""
        select date, starts_at, ends_at, planned_s, time_zone, is_night from marts.dim_shift_calendar
        where site_code = '{PUNE}' order by date
    """)
    assert [row["date"] for row in found] == [MONDAY + timedelta(days=day) for day in (-1, 0, 1)]
    assert found[1] == {
        "date": MONDAY, "starts_at": at("16:30"), "ends_at": at("24:30"), "planned_s": 28800,
        "time_zone": "Asia/Kolkata", "is_night": True,
    }  # fmt: skip
