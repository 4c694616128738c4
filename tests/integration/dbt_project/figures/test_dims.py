"""Master data as it is now, and as it was."""

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

from plant import BERLIN, DAY, REGISTRY

Rows = Callable[[str], list[dict[str, Any]]]


def test_a_work_unit_keeps_its_versions(rows: Rows) -> None:
    """S1-019, S3-023: each version with the time in which it was in force; the first one ever since."""
    found = rows(f"""
        select version_number, name, work_center_code, target_units_per_h, valid_from, valid_to, is_current
        from marts.dim_work_units_history where site_code = '{BERLIN}' and work_unit_code = 'U1' order by 1
    """)
    moved_at = next(
        DAY + timedelta(days=1, seconds=seq) for seq, (*_, p) in enumerate(REGISTRY) if p.get("name") == "Press 1"
    )
    assert [tuple(row.values()) for row in found] == [
        (1, "Press", "L1", Decimal(25), None, moved_at, False),
        (2, "Press 1", "L2", Decimal(60), moved_at, None, True),
    ]


def test_dimensions_hold_what_is_in_force(rows: Rows) -> None:
    """S1-018, S3-022: workers by pseudonym, without a name (C39)."""
    (unit,) = rows("select name, target_units_per_h from marts.dim_work_units where work_unit_code = 'U1'")
    assert unit == {"name": "Press 1", "target_units_per_h": Decimal(60)}
    (worker,) = rows("select * from marts.dim_workers")
    assert worker.keys() == {
        "site_code", "worker_code", "department", "shift_code", "active_since", "registered_at", "changed_at"
    }  # fmt: skip
    assert (worker["department"], worker["changed_at"] > worker["registered_at"]) == ("B", True)
    assert rows("select name from marts.dim_work_centers") == [{"name": "Line 1"}]


def test_each_dimension_is_its_history_now(rows: Rows) -> None:
    counts = {
        entity: rows(f"""
            select (select count(*) from marts.dim_{entity}) as now,
                (select count(*) from marts.dim_{entity}_history where is_current) as in_history,
                (select count(*) from marts.dim_{entity}_history) as versions
        """)[0]
        for entity in ("sites", "work_centers", "work_units", "equipment", "workers", "shifts")
    }
    assert all(count["now"] == count["in_history"] > 0 for count in counts.values())
    assert {entity for entity, count in counts.items() if count["versions"] > count["now"]} == {"work_units", "workers"}
