"""The KPIs of the sites."""

from collections.abc import Callable
from typing import Any

from plant import BERLIN, MONDAY, exactly

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
