"""What a load shows on each raw table."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from orchestration.loaded import of_ledger, of_table
from warehouse.load import LoadSummary
from warehouse.loads import Batch, Loaded

API = "http://gateway:8000"
READINGS = Loaded("readings", 7, 9, 100, 103, 60, 50, 4, 6, 2)
KINDS = {"readings": READINGS}


def batch(number: int, kind: str = "readings", credential: str = "edge") -> Batch:
    received_at = datetime(2026, 3, 2, 10, tzinfo=UTC)
    return Batch(number, UUID(int=number), kind, credential, received_at, 20, 1, 15, 2, 2)


def shown(metadata: dict[str, Any]) -> dict[str, Any]:
    return {name: getattr(value, "value", value) for name, value in metadata.items()}


@pytest.mark.parametrize(("table", "rows"), [("readings", 54), ("reading_revisions", 4)])
def test_a_table_shows_the_rows_that_came_to_it_and_the_batches_they_came_in(table: str, rows: int) -> None:
    told = shown(of_table(table, KINDS, [batch(102), batch(101, "events")], API))
    assert told["rows_written"] == rows
    assert (told["inserted_count"], told["revised_count"], told["duplicate_count"]) == (50, 4, 6)
    assert (told["load_ids"], told["cursor"]) == ("7 to 9", "after 100 to 103")
    assert told["newest_batches"] == f"[102]({API}/api/v1/batches/{UUID(int=102)})"


def test_a_table_to_which_nothing_came_says_so() -> None:
    assert of_table("events", KINDS, [batch(102)], API) == {"rows_written": 0}
    assert of_table("signals", KINDS, [batch(102)], API) == {}


def test_the_ledger_lists_batches_with_what_became_of_them() -> None:
    summary = LoadSummary("mill", batch_count=3, accepted_count=57, quarantined_count=3)
    told = shown(of_ledger(summary, [batch(103, credential="a|b"), batch(102)], API))
    assert (told["rows_written"], told["accepted_count"], told["quarantined_count"]) == (3, 57, 3)
    _, _, first, second, _, rest = told["batches"].splitlines()
    link = f"[103]({API}/api/v1/batches/{UUID(int=103)})"
    assert first == rf"{link} | readings | a\|b | 2026-03-02 10:00:00 | 20 | 15 | 2 | 2 | 1"
    assert second.startswith("[102](")
    assert rest == "The newest 2 of 3; all of them are in `marts.fct_ingest_batches`."


def test_a_load_without_batches_lists_none() -> None:
    assert shown(of_ledger(LoadSummary("mill"), [], API))["batches"] == "none"
