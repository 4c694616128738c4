"""The declared tables keep the house rules of names."""

import pytest
from sqlalchemy import Column, Table

from warehouse.tables import api_metadata, warehouse_metadata

TABLES = [*api_metadata.tables.values(), *warehouse_metadata.tables.values()]
TIMES = {
    "data_until",
    "event_time",
    "hour",
    "first_hour",
    "last_hour",
    "period_start",
    "window_start",
    "window_end",
    "active_since",
}


def columns() -> list[tuple[Table, Column[object]]]:
    return [(table, column) for table in TABLES for column in table.columns]


def test_every_time_knows_its_zone_and_is_named_so() -> None:
    """D5, C16: all times are UTC with zone; never a column `timestamp`."""
    for table, column in columns():
        is_time = getattr(column.type, "timezone", None) is not None
        if is_time:
            assert column.type.timezone, f"{table}.{column.name}"  # type: ignore[attr-defined]
        assert is_time == (column.name.endswith("_at") or column.name in TIMES), f"{table}.{column.name}"


def test_booleans_ask() -> None:
    for table, column in columns():
        if column.type.python_type is bool:
            assert column.name.startswith(("is_", "has_")), f"{table}.{column.name}"


@pytest.mark.parametrize("table", TABLES, ids=str)
def test_every_table_has_a_key(table: Table) -> None:
    assert table.primary_key.columns
