"""docs/schema is what the migrations make (S4-019, S4-020)."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, Text

from warehouse.migrate import METADATA, Branch
from warehouse.schema_docs import BRANCHES, Join, dbml, joins, mermaid, stale


def test_the_committed_files_are_up_to_date(postgres: Any, fresh_database: Callable[[Branch], str]) -> None:
    if postgres.server is None:
        pytest.skip("pg_dump of the embedded server's version reads no newer server")
    assert [path.name for path, _ in stale({branch: fresh_database(branch) for branch in BRANCHES})] == []


@pytest.mark.parametrize("branch", BRANCHES)
def test_every_table_and_foreign_key_is_drawn(branch: Branch) -> None:
    diagram, text = mermaid(branch), dbml(branch)
    for table in METADATA[branch].sorted_tables:
        assert f"    {table.schema}_{table.name} {{" in diagram
        assert f"Table {table.schema}.{table.name} {{" in text
        for key in table.foreign_key_constraints:
            one = key.referred_table
            assert f"{one.schema}_{one.name} ||--o{{ {table.schema}_{table.name}" in diagram


def test_tables_join_by_the_whole_key_of_the_one_that_has_the_shorter() -> None:
    metadata = MetaData()
    Table("signals", metadata, Column("signal_id", Integer, primary_key=True), schema="raw")
    current = [
        Column("signal_id", Integer, primary_key=True),
        Column("at", Text, primary_key=True),
        Column("seq", Text),
    ]
    Table("readings", metadata, *current, schema="raw")
    versions = [Column(name, Text, primary_key=True) for name in ("signal_id", "at", "seq")]
    Table("revisions", metadata, *versions, schema="raw")
    by_signal = (("signal_id", "signal_id"),)
    assert joins(metadata) == [
        Join("raw.readings", "raw.revisions", (*by_signal, ("at", "at")), is_enforced=False),
        Join("raw.signals", "raw.readings", by_signal, is_enforced=False),
        Join("raw.signals", "raw.revisions", by_signal, is_enforced=False),
    ]
