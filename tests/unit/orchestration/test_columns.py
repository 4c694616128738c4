"""Columns of tables as Dagster shows them."""

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
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


def test_every_table_shows_its_columns_with_their_types(graph: AssetGraph) -> None:
    """The asset graph answers what a table holds, without a look into the database."""
    of_python = {"inbox.batches", "raw.readings", "ml.scores", "ml.remaining_life", "ops.archived_days", "ops.holds"}
    shown = {key: graph.get(key).metadata.get("dagster/column_schema") for key in graph.get_all_asset_keys()}
    by_name = {".".join(key.path): schema for key, schema in shown.items() if schema is not None}
    assert of_python <= by_name.keys()
    marts = {name for key in shown if (name := ".".join(key.path)).startswith(("marts.", "raw."))}
    assert marts - by_name.keys() == set()
    readings = {column.name: (column.type, column.constraints.nullable) for column in by_name["raw.readings"].columns}
    assert readings["event_time"] == ("timestamp with time zone", False)
    assert readings["quality"][0] == "real"
    kpis = {column.name: column.type for column in by_name["marts.fct_worker_kpis_daily"].columns}
    assert (kpis["date"], kpis["worker_code"]) == ("date", "text")


@pytest.mark.parametrize("table", ["ops.holds", "ops.validation_results", "raw.touched_hours"])
def test_what_is_held_and_what_waits_says_what_its_columns_mean(graph: AssetGraph, table: str) -> None:
    columns = graph.get(dg.AssetKey(table.split("."))).metadata["dagster/column_schema"].columns
    assert [column.name for column in columns if not column.description] == []
