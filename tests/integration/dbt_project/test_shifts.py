"""Shifts and their handovers."""

from collections.abc import Callable
from typing import Any

from plant import MONDAY, at, exactly

Rows = Callable[[str], list[dict[str, Any]]]


def test_shift_handover(rows: Rows) -> None:
    """S1-031: 16 units in the hour before 12:30 in Berlin, 2 in the quarter of an hour after, so 8 an hour."""
    (found,) = rows("select date, handover_at, units_before, units_after, dip_pct from marts.fct_shift_handovers_daily")
    assert found == exactly(units_before=16, units_after=2, dip_pct="50") | {"date": MONDAY, "handover_at": at("11:30")}
