"""Stores one pulled page, with its ledger entries, in the transaction it is given. Pulling is `load.py`'s."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
from sqlalchemy import Connection

from warehouse import ingest_ledger, ledger, load_events, load_readings, versions
from warehouse.arrow_columns import integers
from warehouse.compression import allow_changes
from warehouse.errors import PageInconsistent
from warehouse.lateness import lateness_by_batch
from warehouse.sources import Kind, Pull
from warehouse.versions import Outcome, StagedPage, VersionedTable

_TABLES: dict[Kind, tuple[VersionedTable, Callable[[Connection, str, pa.Table, int, datetime], StagedPage]]] = {
    "readings": (load_readings.READINGS, load_readings.stage),
    "events": (load_events.EVENTS, load_events.stage),
}


@dataclass(frozen=True)
class PageCounts:
    """What storing a page did. Accepted = inserted + revised + duplicate."""

    batch_count: int = 0
    accepted_count: int = 0
    quarantined_count: int = 0
    inserted_count: int = 0
    revised_count: int = 0
    duplicate_count: int = 0
    late_count: int = 0
    touched_hour_count: int = 0


def store_page(
    connection: Connection,
    site_code: str,
    kind: Kind,
    after: int,
    page: Pull,
    recorded_at: datetime,
    dagster_run_id: str | None,
) -> PageCounts:
    """Store a page that was pulled with the cursor at `after`, and move the cursor.

    Raises:
        PageInconsistent: The page contradicts itself; the transaction must be rolled back.
    """
    refuse_inconsistent(site_code, kind, after, page)
    ingest_ledger.move(connection, site_code, kind, page.next_cursor, recorded_at)
    if not page.batches:  # the inbox holds batches of the other kind only: there is no load to tell of
        return PageCounts()
    accepted = page.table.num_rows
    cursors = (after, page.next_cursor)
    load_id = ingest_ledger.open_load(connection, site_code, kind, cursors, accepted, recorded_at, dagster_run_id)
    outcome = _settle(connection, site_code, kind, page.table, load_id, recorded_at)
    lateness = lateness_by_batch(page.table)
    received_hours = ingest_ledger.record_batches(
        connection, site_code, kind, load_id, recorded_at, page.batches, outcome, lateness
    )
    # How well a site sends is told by the hour of receipt.
    hours = {**outcome.hours, **{hour: outcome.hours.get(hour, set()) | {hour} for hour in received_hours}}
    inserted, revised = sum(outcome.inserted.values()), sum(outcome.revised.values())
    counts = PageCounts(
        batch_count=len(page.batches),
        accepted_count=accepted,
        quarantined_count=sum(batch.quarantined_count for batch in page.batches),
        inserted_count=inserted,
        revised_count=revised,
        duplicate_count=accepted - inserted - revised,
        late_count=sum(batch.late_count for batch in lateness.values()),
        touched_hour_count=len(hours),
    )
    ingest_ledger.close_load(
        connection,
        load_id,
        inserted=inserted,
        revised=revised,
        duplicate=counts.duplicate_count,
        late=counts.late_count,
    )
    ledger.touch(connection, site_code, hours, recorded_at)
    return counts


def refuse_inconsistent(site_code: str, kind: Kind, after: int, page: Pull) -> None:
    """Check that a page follows the cursor and that its items are those its ledger announces.

    Raises:
        PageInconsistent: They are not: storing the page would lose or double something.
    """
    where = f"{kind} of site {site_code} after {after}"
    announced = {batch.batch_seq: batch.accepted_count for batch in page.batches}
    found = Counter(integers(page.table, "batch_seq").tolist())
    wrong = [seq for seq in announced.keys() | found.keys() if announced.get(seq) != found.get(seq, 0)]
    if wrong:
        seq = min(wrong)
        raise PageInconsistent(
            f"The page of {where} announces {announced.get(seq)} items in batch {seq} and holds {found.get(seq, 0)}: "
            "check that API and warehouse are the same version, then load again."
        )
    if len(announced) < len(page.batches) or any(batch.kind != kind for batch in page.batches):
        raise PageInconsistent(f"The page of {where} names a batch twice, or one of another kind.")
    last = max(announced, default=after)
    if min(announced, default=after + 1) <= after or page.next_cursor < last:
        raise PageInconsistent(f"The page of {where} does not follow: batches up to {last}, next {page.next_cursor}.")
    if page.has_more and page.next_cursor <= after:
        raise PageInconsistent(f"The page of {where} promises more but does not move on from {page.next_cursor}.")


def _settle(
    connection: Connection, site_code: str, kind: Kind, items: pa.Table, load_id: int, recorded_at: datetime
) -> Outcome:
    if items.num_rows == 0:
        return Outcome()
    versioned, stage = _TABLES[kind]
    allow_changes(connection)
    versions.create_stage(connection, versioned)
    page = stage(connection, site_code, items, load_id, recorded_at)
    return versions.settle(connection, versioned, page, load_id, recorded_at)
