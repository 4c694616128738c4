"""Writes raw.loads, raw.batches and raw.cursors: what came, and how far we are. Touched hours are `ledger.py`'s."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import Connection, text

from warehouse.lateness import NOTHING_TIMED, Lateness
from warehouse.sources import BatchEntry
from warehouse.versions import Outcome

_LOCK = text(
    "select pg_advisory_xact_lock_shared(hashtextextended('millrace/loads', 0)), "
    "pg_advisory_xact_lock(hashtextextended(:name, 0))"
)
_AWAIT = text("select pg_advisory_xact_lock(hashtextextended('millrace/loads', 0))")
_POSITION = text("select position from raw.cursors where site_code = :site_code and kind = :kind")
_MOVE = text(
    """
    insert into raw.cursors (site_code, kind, position, updated_at) values (:site_code, :kind, :position, :moved_at)
    on conflict (site_code, kind) do update set position = excluded.position, updated_at = excluded.updated_at
    """
)
_OPEN_LOAD = text(
    """
    insert into raw.loads (site_code, kind, cursor_from, cursor_to, item_count, inserted_count, revised_count,
        duplicate_count, late_count, dagster_run_id, recorded_at)
    values (:site_code, :kind, :cursor_from, :cursor_to, :item_count, 0, 0, 0, 0, :dagster_run_id, :recorded_at)
    returning load_id
    """
)
_CLOSE_LOAD = text(
    """
    update raw.loads set inserted_count = :inserted, revised_count = :revised, duplicate_count = :duplicate,
        late_count = :late where load_id = :load_id
    """
)
_BATCH_COLUMNS = {
    "batch_seq": "bigint",
    "batch_id": "uuid",
    "origin": "text",
    "credential": "text",
    "is_replay": "boolean",
    "item_count": "integer",
    "accepted_count": "integer",
    "quarantined_count": "integer",
    "quarantine_reasons": "jsonb",
    "inserted_count": "integer",
    "revised_count": "integer",
    "duplicate_count": "integer",
    "device_timed_count": "integer",
    "late_count": "integer",
    "lateness_p50_s": "double precision",
    "lateness_p95_s": "double precision",
    "received_at": "timestamptz",
}
_RECORD_BATCHES = text(
    f"""
    with recorded as (
        insert into raw.batches (site_code, kind, load_id, recorded_at, {", ".join(_BATCH_COLUMNS)})
        select :site_code, :kind, :load_id, :recorded_at, {", ".join(_BATCH_COLUMNS)}
        from unnest({", ".join(f"cast(:{name} as {kind}[])" for name, kind in _BATCH_COLUMNS.items())})
            as b ({", ".join(_BATCH_COLUMNS)})
        on conflict (site_code, batch_seq) do nothing
        returning received_at
    )
    select distinct date_trunc('hour', received_at, 'UTC') from recorded
    """
)


def lock(connection: Connection, site_code: str, kind: str) -> None:
    """Let one load of a site and kind in at a time, until the end of the transaction."""
    connection.execute(_LOCK, {"name": f"millrace/load/{site_code}/{kind}"})


def await_loads(connection: Connection) -> None:
    """Wait until no load is storing a page, and let none begin until the end of the transaction: keep it short."""
    connection.execute(_AWAIT)


def position(connection: Connection, site_code: str, kind: str) -> int:
    """The cursor: the last batch_seq (change_seq for registry) loaded, 0 at first."""
    return connection.scalar(_POSITION, {"site_code": site_code, "kind": kind}) or 0


def move(connection: Connection, site_code: str, kind: str, to: int, moved_at: datetime) -> None:
    """Set the cursor."""
    connection.execute(_MOVE, {"site_code": site_code, "kind": kind, "position": to, "moved_at": moved_at})


def open_load(
    connection: Connection,
    site_code: str,
    kind: str,
    cursors: tuple[int, int],
    item_count: int,
    recorded_at: datetime,
    dagster_run_id: str | None,
) -> int:
    """Begin a load from one cursor to another and return its id; its counts follow by `close_load`."""
    load = {"site_code": site_code, "kind": kind, "cursor_from": cursors[0], "cursor_to": cursors[1]}
    load |= {"item_count": item_count, "recorded_at": recorded_at, "dagster_run_id": dagster_run_id}
    return int(connection.execute(_OPEN_LOAD, load).scalar_one())


def close_load(connection: Connection, load_id: int, *, inserted: int, revised: int, duplicate: int, late: int) -> None:
    """Write the counts of a load."""
    counts = {"inserted": inserted, "revised": revised, "duplicate": duplicate, "late": late}
    connection.execute(_CLOSE_LOAD, {"load_id": load_id, **counts})


def record_batches(
    connection: Connection,
    site_code: str,
    kind: str,
    load_id: int,
    recorded_at: datetime,
    batches: Sequence[BatchEntry],
    outcome: Outcome,
    lateness: Mapping[int, Lateness],
) -> set[datetime]:
    """Enter the batches in the ingest ledger and return the hours in which they were received.

    A batch that is there already (a replay) keeps its entry, and its hour is not returned.
    """
    rows = [_row(batch, outcome, lateness.get(batch.batch_seq, NOTHING_TIMED)) for batch in batches]
    columns = {name: [row[name] for row in rows] for name in _BATCH_COLUMNS}
    entry = {"site_code": site_code, "kind": kind, "load_id": load_id, "recorded_at": recorded_at}
    return set(connection.execute(_RECORD_BATCHES, {**entry, **columns}).scalars())


def _row(batch: BatchEntry, outcome: Outcome, lateness: Lateness) -> dict[str, object]:
    inserted, revised = outcome.inserted.get(batch.batch_seq, 0), outcome.revised.get(batch.batch_seq, 0)
    return {
        "batch_seq": batch.batch_seq,
        "batch_id": batch.batch_id,
        "origin": batch.origin,
        "credential": batch.credential,
        "is_replay": batch.is_replay,
        "item_count": batch.item_count,
        "accepted_count": batch.accepted_count,
        "quarantined_count": batch.quarantined_count,
        "quarantine_reasons": json.dumps(dict(batch.quarantine_reasons)),
        "inserted_count": inserted,
        "revised_count": revised,
        "duplicate_count": batch.accepted_count - inserted - revised,
        "device_timed_count": lateness.device_timed_count,
        "late_count": lateness.late_count,
        "lateness_p50_s": lateness.p50_s,
        "lateness_p95_s": lateness.p95_s,
        "received_at": batch.received_at,
    }
