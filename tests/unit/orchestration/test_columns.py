"""Columns of tables as Dagster shows them."""

import pytest
from sqlalchemy import ARRAY, Column, DateTime, Double, MetaData, Table, Text

from orchestration.columns import table_metadata, table_schema


def test_a_column_shows_its_type_its_key_and_what_it_means() -> None:
    table = Table(
        "readings",
        MetaData(),
        Column("code", Text, primary_key=True),
        Column("event_time", DateTime(timezone=True), nullable=False),
        Column("values", ARRAY(Double), comment="One a second."),
    )
    code, event_time, values = table_schema(table).columns
    assert (code.name, code.type, code.constraints.nullable) == ("code", "text", False)
    assert code.constraints.other == ["primary key"]
    assert (event_time.type, event_time.constraints.nullable) == ("timestamp with time zone", False)
    assert event_time.constraints.other == []
    assert (values.type, values.description, values.constraints.nullable) == (
        "double precision[]",
        "One a second.",
        True,
    )


def test_a_table_that_nobody_declared_is_refused() -> None:
    with pytest.raises(KeyError, match=r"raw\.nothing"):
        table_metadata("raw", "nothing")
