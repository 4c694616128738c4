"""Hands stored batches on, in order, page by page. Storing them, and what a page looks like, does not belong here.

Sequence numbers are drawn before they are committed, so a reader could meet 11 before 10 exists. `_high_water_mark`
closes the site's gate for an instant: by then every writer that drew a number has committed or given up.
"""

import asyncio
from collections import Counter, defaultdict
from dataclasses import dataclass

from sqlalchemy import RowMapping, func, literal, select, text, union_all
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.arrow_page import StoredBatch, to_ipc_stream
from ingestion_api.contract import BatchLedgerEntry, Kind
from ingestion_api.inbox import GATE_SPACE
from ingestion_api.store import Store
from warehouse.tables import alarm_changes, inbox_batches, quarantine, registry_changes

# What one page may cost in memory, whatever its batches look like.
MAX_BATCHES = 5_000
MAX_TAIL_ITEMS = 20_000
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

_WAIT_NO_LONGER = text("set local lock_timeout = '5s'")
_CLOSE_GATE = text("select pg_advisory_xact_lock(:space, hashtext(:site_code))")


@dataclass(frozen=True)
class _Span:
    """The batches of a page: those after one sequence number, up to another."""

    after: int
    up_to: int
    has_more: bool


@dataclass(frozen=True)
class Marks:
    """How far a site's readings and its alarms' changes are complete."""

    readings: int
    changes: int


class Export:
    """The accepted items of every site."""

    def __init__(
        self, store: Store, max_batches: int = MAX_BATCHES, max_payload_bytes: int = MAX_PAYLOAD_BYTES
    ) -> None:
        self._store = store
        self._max_batches = max_batches
        self._max_payload_bytes = max_payload_bytes

    async def page(self, site_code: str, kind: Kind, after: int, max_items: int) -> bytes:
        """Return the batches that follow a cursor as an Arrow IPC stream: whole ones, and at least one if there is one.

        Raises:
            sqlalchemy.exc.OperationalError: A writer kept the gate open for over 5 seconds, or the database is away.
            InboxCorrupt: A batch does not decode to what it was acknowledged for.
        """
        mark = await self._high_water_mark(site_code, kind)
        async with self._store.statements() as connection:
            span = await self._span(connection, site_code, kind, after, mark, max_items)
            batches = await _batches(connection, site_code, kind, span)
        # In a thread: a full page takes half a second to build, and pushes must not wait for it.
        return await asyncio.to_thread(to_ipc_stream, kind, batches, span.up_to, span.has_more)

    async def cursors(self, site_code: str) -> dict[str, int]:
        """Return the highest number stored for a site, of `readings`, `events`, `registry` and `alarms`; 0 for none."""
        batches = inbox_batches.c
        kinds: tuple[Kind, ...] = ("readings", "events")
        newest = [
            select(literal(kind).label("kind"), func.max(batches.batch_seq).label("mark")).where(
                batches.site_code == site_code, batches.kind == kind
            )
            for kind in kinds
        ]
        logs = [
            select(literal(kind), func.max(log.c.change_seq)).where(log.c.site_code == site_code)
            for kind, log in (("registry", registry_changes), ("alarms", alarm_changes))
        ]
        async with self._store.statements() as connection:
            rows = (await connection.execute(union_all(*newest, *logs))).mappings()
            return {row["kind"]: row["mark"] or 0 for row in rows}

    async def marks(self, site_code: str) -> Marks:
        """Return numbers of a site below which no reading's batch and no alarm's change can appear any more."""
        batches, changes = inbox_batches.c, alarm_changes.c
        readings = select(func.max(batches.batch_seq)).where(batches.site_code == site_code, batches.kind == "readings")
        newest = select(
            readings.scalar_subquery(),
            select(func.max(changes.change_seq)).where(changes.site_code == site_code).scalar_subquery(),
        )
        async with self._store.transaction() as connection:
            await connection.execute(_WAIT_NO_LONGER)
            await connection.execute(_CLOSE_GATE, {"space": GATE_SPACE, "site_code": site_code})
            row = (await connection.execute(newest)).one()
        return Marks(row[0] or 0, row[1] or 0)

    async def stored(self, site_code: str, kind: Kind, after: int, up_to: int) -> tuple[list[StoredBatch], int]:
        """Return a page of the batches between two numbers, the second a mark, and how far it goes."""
        async with self._store.statements() as connection:
            span = await self._span(connection, site_code, kind, after, up_to, MAX_TAIL_ITEMS)
            batches = await _batches(connection, site_code, kind, span)
        return batches, span.up_to if span.has_more else up_to

    async def _high_water_mark(self, site_code: str, kind: Kind) -> int:
        columns = inbox_batches.c
        newest = select(func.max(columns.batch_seq)).where(columns.site_code == site_code, columns.kind == kind)
        async with self._store.transaction() as connection:
            await connection.execute(_WAIT_NO_LONGER)
            await connection.execute(_CLOSE_GATE, {"space": GATE_SPACE, "site_code": site_code})
            # A statement of its own, so that its snapshot is younger than the closed gate.
            return (await connection.execute(newest)).scalar_one() or 0

    async def _span(
        self, connection: AsyncConnection, site_code: str, kind: Kind, after: int, mark: int, max_items: int
    ) -> _Span:
        """Choose the batches of a page."""
        columns = inbox_batches.c
        heads = (
            select(columns.batch_seq, columns.item_count, func.octet_length(columns.payload).label("payload_bytes"))
            .where(columns.site_code == site_code, columns.kind == kind)
            .where(columns.batch_seq > after, columns.batch_seq <= mark)
            .order_by(columns.batch_seq)
            .limit(self._max_batches + 1)
        )
        up_to, items, size = after, 0, 0
        for taken, head in enumerate((await connection.execute(heads)).mappings()):
            items += head["item_count"]
            size += head["payload_bytes"]
            is_full = items > max_items or size > self._max_payload_bytes or taken == self._max_batches
            if taken and is_full:
                return _Span(after, up_to, has_more=True)
            up_to = head["batch_seq"]
        return _Span(after, up_to, has_more=False)


async def _batches(connection: AsyncConnection, site_code: str, kind: Kind, span: _Span) -> list[StoredBatch]:
    columns = inbox_batches.c
    of_site = (columns.site_code == site_code) & (columns.kind == kind)
    page = select(inbox_batches).where(of_site, columns.batch_seq.between(span.after + 1, span.up_to))
    refused = await _refused(connection, site_code, kind, span)
    rows = await connection.execute(page.order_by(columns.batch_seq))
    return [_stored(row, refused[row["batch_seq"]]) for row in rows.mappings()]


async def _refused(
    connection: AsyncConnection, site_code: str, kind: Kind, span: _Span
) -> defaultdict[int, dict[int, str]]:
    """Batch: position: reason code, of the quarantined items of a page, released ones included."""
    columns = quarantine.c
    items = select(columns.batch_seq, columns.item_index, columns.reason_code).where(
        columns.site_code == site_code, columns.kind == kind, columns.batch_seq.between(span.after + 1, span.up_to)
    )
    refused: defaultdict[int, dict[int, str]] = defaultdict(dict)
    for row in (await connection.execute(items)).mappings():
        refused[row["batch_seq"]][row["item_index"]] = row["reason_code"]
    return refused


def _stored(row: RowMapping, refused: dict[int, str]) -> StoredBatch:
    entry = BatchLedgerEntry(
        **{name: row[name] for name in BatchLedgerEntry.__struct_fields__ if name != "quarantine_reasons"},
        quarantine_reasons=dict(Counter(refused.values())),
    )
    return StoredBatch(entry, row["format"], row["payload"], frozenset(refused), row["equipment_code"])
