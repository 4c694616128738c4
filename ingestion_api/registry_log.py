"""The registry's log of changes, written in the change's own transaction. What a change may be is not decided here.

A site's changes are made one transaction at a time (`lock`), so their numbers appear in order and a reader may follow
them with a plain cursor.
"""

from collections.abc import Mapping, Sequence

from sqlalchemy import insert, select, text
from sqlalchemy.dialects.postgresql import insert as insert_or
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.contract import Entity, RegistryChange
from ingestion_api.errors import SignalsMoved
from ingestion_api.layout import SignalKey
from ingestion_api.store import Store
from warehouse.tables import api_signals, registry_changes

# Namespace of the advisory lock; the other half is the site's hash. "mr" in ASCII, and a number.
LOCK_SPACE = 0x6D72_0002

_LOCK = text("select pg_advisory_xact_lock(:space, hashtext(:site_code))")


async def lock(connection: AsyncConnection, site_code: str) -> None:
    """Keep every other change of the site's registry out until this transaction ends."""
    await connection.execute(_LOCK, {"space": LOCK_SPACE, "site_code": site_code})


async def append(
    connection: AsyncConnection,
    site_code: str,
    entity: Entity,
    rows: Mapping[str, Mapping[str, object]],
    changed_by: str,
) -> None:
    """Write changes to the log; the transaction must hold the lock.

    Args:
        connection: In the transaction that makes the changes.
        site_code: Whose registry.
        entity: Which table.
        rows: Code: the full row, as JSON types.
        changed_by: Name of the API key.
    """
    changes = [
        {"site_code": site_code, "entity": entity, "code": code, "payload": dict(row), "changed_by": changed_by}
        for code, row in rows.items()
    ]
    await connection.execute(insert(registry_changes), changes)


async def create_signals(
    connection: AsyncConnection, site_code: str, signals: Mapping[SignalKey, str | None], changed_by: str
) -> None:
    """Register the signals that a batch brought, unreviewed (D4).

    Raises:
        SignalsMoved: Another transaction registered one of them first, perhaps in another unit.
    """
    rows = [
        {
            "site_code": site_code,
            "equipment_code": equipment_code,
            "metric": metric,
            "unit_code": unit_code,
            "low_limit": None,
            "high_limit": None,
            "is_reviewed": False,
        }
        for (equipment_code, metric), unit_code in signals.items()
    ]
    await lock(connection, site_code)
    created = await connection.execute(
        insert_or(api_signals).values(rows).on_conflict_do_nothing().returning(api_signals.c.metric)
    )
    if len(created.all()) < len(rows):
        raise SignalsMoved("another batch registered a signal of this one first")
    by_code = {f"{row['equipment_code']}/{row['metric']}": row for row in rows}
    await append(connection, site_code, "signals", by_code, changed_by)


async def changes_after(store: Store, site_code: str, after: int, limit: int) -> Sequence[RegistryChange]:
    """Return the changes that follow a cursor, in order."""
    columns = registry_changes.c
    page = (
        select(
            columns.change_seq,
            columns.entity,
            columns.code,
            columns.payload,
            columns.changed_by,
            columns.changed_at,
        )
        .where(columns.site_code == site_code, columns.change_seq > after)
        .order_by(columns.change_seq)
        .limit(limit)
    )
    async with store.statements() as connection:
        return [RegistryChange(**row) for row in (await connection.execute(page)).mappings()]
