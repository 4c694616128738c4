"""What a load shows on each raw table: its own counts, and its batches with a link to each. It computes nothing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import dagster as dg

from orchestration.markdown import plain
from warehouse.load import LoadSummary
from warehouse.loads import Batch, Loaded

SHOWN: Final = 50
# Of a kind: the table with the newest versions, and the one with those that they replaced.
_TABLES: Final = {
    "readings": "readings",
    "events": "events",
    "reading_revisions": "readings",
    "event_revisions": "events",
    "registry_changes": "registry",
    "alarm_changes": "alarms",
}
_REVISIONS: Final = {"reading_revisions", "event_revisions"}
_COLUMNS: Final = ("batch", "kind", "source", "received (UTC)", "items", "new", "revised", "duplicate", "quarantined")


def of_table(table: str, kinds: Mapping[str, Loaded], newest: Sequence[Batch], api_url: str) -> dict[str, Any]:
    """What a run did to a table that one kind of items goes to; nothing for other tables.

    Args:
        table: One of `raw`.
        kinds: What the run loaded.
        newest: Some of its batches: those of the kind are linked.
        api_url: Of the site's ingestion API, as a browser reaches it.
    """
    loaded = kinds.get(_TABLES.get(table, ""))
    if loaded is None:
        return {"rows_written": 0} if table in _TABLES else {}
    versions = loaded.revised_count
    links = [f"[{batch.batch_seq}]({_page(batch, api_url)})" for batch in newest if batch.kind == loaded.kind]
    return {
        "rows_written": versions if table in _REVISIONS else loaded.inserted_count + versions,
        "inserted_count": loaded.inserted_count,
        "revised_count": versions,
        "duplicate_count": loaded.duplicate_count,
        "late_count": loaded.late_count,
        "load_ids": f"{loaded.first_load_id} to {loaded.last_load_id}",
        "cursor": f"after {loaded.cursor_from} to {loaded.cursor_to}",
        **({"newest_batches": dg.MetadataValue.md(", ".join(links))} if links else {}),
    }


def of_ledger(summary: LoadSummary, newest: Sequence[Batch], api_url: str) -> dict[str, Any]:
    """What a run did to the ledger of batches, with a link to the API's page of each.

    A browser is asked for a name and a password there: any name, and an API key that may read.

    Args:
        summary: Of the whole run.
        newest: Some of its batches.
        api_url: Of the site's ingestion API, as a browser reaches it.
    """
    return {
        "rows_written": summary.batch_count,
        "accepted_count": summary.accepted_count,
        "quarantined_count": summary.quarantined_count,
        "batches": dg.MetadataValue.md(_table(newest, api_url, summary.batch_count)),
    }


def _table(newest: Sequence[Batch], api_url: str, batch_count: int) -> str:
    if not newest:
        return "none"
    lines = [" | ".join(_COLUMNS), " | ".join("---" for _ in _COLUMNS)]
    for batch in newest:
        counts = (batch.item_count, batch.inserted_count, batch.revised_count, batch.duplicate_count)
        cells = (
            f"[{batch.batch_seq}]({_page(batch, api_url)})",
            batch.kind,
            plain(batch.credential),
            f"{batch.received_at:%F %T}",
        )
        lines.append(" | ".join([*cells, *(f"{count}" for count in counts), f"{batch.quarantined_count}"]))
    if batch_count > len(newest):
        lines += ["", f"The newest {len(newest)} of {batch_count}; all of them are in `marts.fct_ingest_batches`."]
    return "\n".join(lines)


def _page(batch: Batch, api_url: str) -> str:
    return f"{api_url}/api/v1/batches/{batch.batch_id}"
