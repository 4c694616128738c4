"""The inbox: durable, idempotent storage of judged batches. Judging them, and reading them back out, is done elsewhere.

A batch, its quarantined items, its new signals and the alarms it raises are stored in one transaction; a batch that has
none of these, by one statement, and where it tells of many signals, their last values follow within a quarter of a
second (`last_value_writer.py` says why). Every writer holds its site's gate, shared, from before its sequence number is
drawn until it has committed: `export.py` closes the gate for an instant to learn a number below which nothing can
appear any more.
"""

from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import RowMapping, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.alarm_store import hold, settle
from ingestion_api.batch import Batch, Stored, compressor, hash_of
from ingestion_api.contract import BatchReceipt, Refusal
from ingestion_api.direct import for_driver
from ingestion_api.errors import KeyReused, NotThere, Unavailable
from ingestion_api.joint_insert import COLUMNS, JointInsert
from ingestion_api.key_ring import STANDS, require_standing
from ingestion_api.last_value_writer import LastValueWriter
from ingestion_api.last_values import newest
from ingestion_api.registry_log import create_signals
from ingestion_api.store import Store
from warehouse.tables import inbox_batches, quarantine

# Namespace of the advisory lock; the other half is the site's hash. "mr" in ASCII, and a number.
GATE_SPACE = 0x6D72_0001

# The gate is a relation of its own, so that it is passed before the row, and with it the sequence number, is made.
# That the key still works is looked at here, where it costs no round trip: `key_ring.py` says why.
_BATCH = f"""
    with gate as materialized (select pg_advisory_xact_lock_shared(:space, hashtext(:site_code))),
    batch as (
        insert into inbox.batches ({", ".join(COLUMNS)})
        select {", ".join(f":{name}" for name in COLUMNS)}
        from gate
        where cast(:key_hash as bytea) is null or exists (select from inbox.api_keys where {STANDS})
        on conflict do nothing
        returning batch_seq
    )
"""
_DONE = "select batch_seq from batch"
_NEWEST = """,
    newest as (
        insert into inbox.last_values as known
            (site_code, equipment_code, metric, value, quality, event_time, received_at)
        select :site_code, came.*, :received_at
        from batch cross join json_to_recordset(cast(:last_values as json)) as came
            (equipment_code text, metric text, value float8, quality float8, event_time timestamptz)
        on conflict (site_code, equipment_code, metric) do update set
            value = excluded.value, quality = excluded.quality,
            event_time = excluded.event_time, received_at = excluded.received_at
        where known.event_time <= excluded.event_time
    )
"""
_INSERT_SQL = _BATCH + _NEWEST + _DONE
_INSERT = text(_INSERT_SQL)
_INSERT_FEW_SIGNALS, _FEW_SIGNALS_NAMES = for_driver(_INSERT_SQL)
# A row of last values costs PostgreSQL 15 µs, and a batch of them waits for every other batch of the same machines.
_FEW_SIGNALS = 16
# In SQL's own three-valued logic: a batch without a key equals no other one by its key.
_FIND = text(
    """
    select
        batch_id, batch_seq, kind, idempotency_key, received_at, accepted_count, quarantined_count, content_hash,
        coalesce(credential = :credential and idempotency_key = :idempotency_key, false) as is_by_key
    from inbox.batches
    where site_code = :site_code and (
        (kind = :kind and content_hash = :content_hash)
        or (credential = :credential and idempotency_key = :idempotency_key)
    )
    order by is_by_key desc
    limit 1
    """
)
_ABOUT = (
    inbox_batches.c.batch_id,
    inbox_batches.c.batch_seq,
    inbox_batches.c.kind,
    inbox_batches.c.idempotency_key,
    inbox_batches.c.received_at,
    inbox_batches.c.accepted_count,
    inbox_batches.c.quarantined_count,
)


class Inbox:
    """The batches of all sites."""

    def __init__(self, store: Store, last_values: LastValueWriter) -> None:
        self._store = store
        self._last_values = last_values
        self._joint_insert = JointInsert(store.direct)

    async def store(self, batch: Batch) -> Stored:
        """Store a batch durably, or find it stored already.

        Raises:
            KeyReused: The idempotency key names another body.
            SignalsMoved: A new signal of the batch was registered meanwhile; judge again.
            Unauthenticated: The key was revoked after the request was let in.
        """
        is_plain = not batch.judgement.refused and not batch.judgement.new_signals and not batch.cases
        is_watch_changed = False
        if is_plain:
            batch_seq = await self._add_plain(batch)
        else:
            if batch.cases:  # what was pushed before, late readings are told by
                await self._last_values.flush()
            async with self._store.transaction() as connection:
                held = await hold(connection, batch.site_code, batch.cases) if batch.cases else []
                batch_seq = await add(connection, batch)
                if batch_seq is not None and held:
                    is_watch_changed = await settle(connection, batch.site_code, held, batch_seq)
        if batch_seq is None:
            return Stored(await self._repeated(batch), is_repeat=True)
        receipt = BatchReceipt(
            batch_id=batch.batch_id,
            batch_seq=batch_seq,
            kind=batch.kind,
            idempotency_key=batch.idempotency_key,
            received_at=batch.received_at,
            accepted=batch.judgement.accepted_count,
            quarantined=len(batch.judgement.refused),
            refused=batch.judgement.refused,
        )
        return Stored(receipt, is_repeat=False, is_watch_changed=is_watch_changed)

    async def _add_plain(self, batch: Batch) -> int | None:
        """Write a batch that is nothing but its readings, by one statement."""
        present = batch.present
        if present is not None and len(present.layout.last_rows) <= _FEW_SIGNALS:
            row = _whole_row(batch)
            inserted = await self._store.direct.rows(_INSERT_FEW_SIGNALS, [row[name] for name in _FEW_SIGNALS_NAMES])
            return inserted[0][0] if inserted else None
        batch_seq = await self._joint_insert.add(_row(batch))
        if present is not None and batch_seq is not None:
            self._last_values.note(batch.site_code, present, batch.received_at)
        return batch_seq

    async def receipt(self, site_code: str, batch_id: UUID) -> BatchReceipt:
        """Return the receipt of a stored batch.

        Raises:
            NotThere: The site has no such batch.
        """
        columns = inbox_batches.c
        wanted = select(*_ABOUT).where(columns.site_code == site_code, columns.batch_id == batch_id)
        async with self._store.statements() as connection:
            about = (await connection.execute(wanted)).mappings().one_or_none()
            if about is None:
                raise NotThere(f"site {site_code!r} has no batch {batch_id}")
            return await _receipt(connection, about)

    async def _repeated(self, batch: Batch) -> BatchReceipt:
        """Find the batch that stood in the way, and count the repeat."""
        wanted = {
            "site_code": batch.site_code,
            "kind": batch.kind,
            "content_hash": batch.content_hash(),
            "credential": batch.credential,
            "idempotency_key": batch.idempotency_key,
        }
        async with self._store.statements() as connection:
            await require_standing(connection, batch.key_hash)
            first = (await connection.execute(_FIND, wanted)).mappings().one_or_none()
            if first is None:
                raise Unavailable("the batch that this one repeats was removed meanwhile; send it again")
            if first["is_by_key"] and not _is_same(first, batch):
                raise KeyReused(
                    f"idempotency key {batch.idempotency_key!r} was first used for another body,"
                    f" batch {first['batch_id']}: a new body needs a new key"
                )
            counted = update(inbox_batches).values(replay_count=inbox_batches.c.replay_count + 1)
            await connection.execute(counted.where(inbox_batches.c.batch_seq == first["batch_seq"]))
            return await _receipt(connection, first)


async def add(connection: AsyncConnection, batch: Batch) -> int | None:
    """Write a batch, its quarantined items and its new signals in the connection's transaction.

    Returns:
        Its sequence number; None where its content or its idempotency key is in the inbox already, or the key that
        brought it does not work any more.

    Raises:
        SignalsMoved: As `Inbox.store`.
    """
    judgement = batch.judgement
    batch_seq: int | None = (await connection.execute(_INSERT, _whole_row(batch))).scalar_one_or_none()
    if batch_seq is None:
        return None
    if judgement.refused:
        await connection.execute(insert(quarantine), _quarantined(batch, batch_seq))
    if judgement.new_signals:
        await create_signals(connection, batch.site_code, judgement.new_signals, batch.credential)
    return batch_seq


def _whole_row(batch: Batch) -> dict[str, object]:
    refused = {refusal.index for refusal in batch.judgement.refused}
    values = [] if batch.present is None else newest(batch.present, batch.received_at, refused)
    return {**_row(batch), "last_values": msgspec.json.encode(values).decode()}


def _row(batch: Batch) -> dict[str, object]:
    judgement = batch.judgement
    return {
        "space": GATE_SPACE,
        "key_hash": batch.key_hash,
        "batch_id": batch.batch_id,
        "site_code": batch.site_code,
        "kind": batch.kind,
        "origin": batch.origin,
        "credential": batch.credential,
        "idempotency_key": batch.idempotency_key,
        "content_hash": batch.content_hash(),
        "format": batch.format,
        "payload": compressor.compress(batch.body),
        "equipment_code": batch.equipment_code,
        "item_count": judgement.accepted_count + len(judgement.refused),
        "accepted_count": judgement.accepted_count,
        "quarantined_count": len(judgement.refused),
        "is_replay": batch.is_replay,
        "received_at": batch.received_at,
    }


def _quarantined(batch: Batch, batch_seq: int) -> list[dict[str, Any]]:
    originals = batch.originals()
    return [
        {
            "batch_seq": batch_seq,
            "item_index": refusal.index,
            "site_code": batch.site_code,
            "kind": batch.kind,
            "reason_code": refusal.reason_code,
            "detail": refusal.detail,
            "item": originals[refusal.index],
            "quarantined_at": batch.received_at,
        }
        for refusal in batch.judgement.refused
    ]


async def _receipt(connection: AsyncConnection, about: RowMapping) -> BatchReceipt:
    """Make the receipt that the batch got when it was new."""
    columns = quarantine.c
    refused = select(columns.item_index.label("index"), columns.reason_code, columns.detail)
    rows = await connection.execute(refused.where(columns.batch_seq == about["batch_seq"]).order_by(columns.item_index))
    return BatchReceipt(
        batch_id=about["batch_id"],
        batch_seq=about["batch_seq"],
        kind=about["kind"],
        idempotency_key=about["idempotency_key"],
        received_at=about["received_at"],
        accepted=about["accepted_count"],
        quarantined=about["quarantined_count"],
        refused=[Refusal(**row) for row in rows.mappings()],
    )


def _is_same(first: RowMapping, batch: Batch) -> bool:
    """Tell whether a batch has the body of the one stored first, whose hash may be salted."""
    content = batch.identity + batch.body
    hashes = hash_of(content), hash_of(first["batch_id"].bytes + content)
    return first["kind"] == batch.kind and first["content_hash"] in hashes
