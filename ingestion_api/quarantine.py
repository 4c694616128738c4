"""The quarantine: what was refused and why, and its release once the reason is gone. The rules do not belong here.

A released item becomes part of a new batch in the transaction that marks it released, so it flows on exactly once. The
batch that first brought it stays as it was.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct
from sqlalchemy import ColumnElement, RowMapping, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.batch import Batch
from ingestion_api.contract import MAX_BODY_BYTES, Kind, ReasonCode
from ingestion_api.errors import SignalsMoved, Unavailable
from ingestion_api.formats import json
from ingestion_api.formats.catalog import read_alone
from ingestion_api.formats.context import Context
from ingestion_api.formats.items import assemble
from ingestion_api.formats.parsed import ParsedBody
from ingestion_api.inbox import add
from ingestion_api.judge import Judgement, judge
from ingestion_api.registry_cache import RegistryCache
from ingestion_api.rules import Circumstances
from ingestion_api.store import Store
from warehouse.tables import inbox_batches, quarantine

MAX_RELEASED = 1_000
_SHOWN_BYTES = 2_000
_ATTEMPTS = 3
_Number = Annotated[int, Meta(ge=0, le=2**63 - 1)]


class QuarantinedItem(Struct, frozen=True, kw_only=True):
    """One refused item. `item` shows the first 2,000 of its original bytes, as far as they are UTF-8."""

    quarantine_id: int
    batch_id: UUID
    item_index: int
    kind: Kind
    reason_code: ReasonCode
    detail: str
    status: str
    item: str
    quarantined_at: datetime
    resolved_at: datetime | None


class StillRefused(Struct, frozen=True, kw_only=True):
    """An item that a release left where it was, and what stands against it now."""

    quarantine_id: int
    reason_code: ReasonCode
    detail: str


class ReleaseRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which open items to judge again: `ids`, or all of a `reason_code`, 1,000 at a time, from `after` on."""

    ids: Annotated[list[_Number], Meta(max_length=MAX_RELEASED)] = []
    reason_code: ReasonCode | None = None
    after: _Number = 0


class Released(Struct, frozen=True, kw_only=True):
    """What a release did. Where `next_after` is not null, more items wait behind it."""

    released: int
    batch_ids: list[UUID]
    refused: list[StillRefused]
    next_after: int | None


class Quarantine:
    """The refused items of every site."""

    def __init__(self, store: Store, registry_cache: RegistryCache) -> None:
        self._store = store
        self._registry_cache = registry_cache

    async def page(
        self, site_code: str, status: str, reason_code: str | None, after: int, limit: int
    ) -> Sequence[QuarantinedItem]:
        """Return the items of a status that follow a cursor, oldest first."""
        columns = quarantine.c
        own = {*QuarantinedItem.__struct_fields__} - {"batch_id", "item"}
        shown = func.substring(columns.item, 1, _SHOWN_BYTES).label("item")
        wanted = (
            select(*(columns[name] for name in sorted(own)), inbox_batches.c.batch_id, shown)
            .join(inbox_batches, inbox_batches.c.batch_seq == columns.batch_seq)
            .where(columns.site_code == site_code, columns.status == status, columns.quarantine_id > after)
            .order_by(columns.quarantine_id)
            .limit(limit)
        )
        if reason_code is not None:
            wanted = wanted.where(columns.reason_code == reason_code)
        async with self._store.statements() as connection:
            return [_shown_item(row) for row in (await connection.execute(wanted)).mappings()]

    async def release(self, site_code: str, credential: str, wanted: ReleaseRequest, received_at: datetime) -> Released:
        """Judge open items again, by the registry as it is now; what passes becomes a batch of its kind.

        Raises:
            Unavailable: Other batches kept registering the same signals.
        """
        for _ in range(_ATTEMPTS):
            known = await self._registry_cache.fresh_codes(site_code)
            try:
                async with self._store.transaction() as connection:
                    rows, next_after = await _lock_open(connection, site_code, wanted)
                    releases = [
                        _judge_again(site_code, credential, kind, rows, Circumstances(received_at, known))
                        for kind in sorted({row["kind"] for row in rows})
                    ]
                    for release in releases:
                        await release.store(connection)
            except SignalsMoved:
                continue
            self._registry_cache.invalidate(site_code)
            return Released(
                released=sum(len(release.released_ids) for release in releases),
                batch_ids=[release.batch.batch_id for release in releases if release.released_ids],
                refused=[refusal for release in releases for refusal in release.refused],
                next_after=next_after,
            )
        raise Unavailable("other batches keep registering the same signals; try again")


@dataclass(frozen=True)
class _Release:
    """The items of one kind, judged again."""

    batch: Batch
    released_ids: list[int]
    refused: list[StillRefused]

    async def store(self, connection: AsyncConnection) -> None:
        """Store what passed as a batch, and mark where it came from."""
        if not self.released_ids:
            return
        batch_seq = await add(connection, self.batch)
        marked = update(quarantine).where(quarantine.c.quarantine_id.in_(self.released_ids))
        await connection.execute(
            marked.values(status="released", released_batch_seq=batch_seq, resolved_at=self.batch.received_at)
        )


async def _lock_open(
    connection: AsyncConnection, site_code: str, wanted: ReleaseRequest
) -> tuple[Sequence[RowMapping], int | None]:
    """Fetch open items that nobody else is releasing, one batch's worth; and the cursor behind which more wait."""
    columns = quarantine.c
    chosen: ColumnElement[bool] = columns.quarantine_id > wanted.after
    if wanted.reason_code is None:
        chosen = columns.quarantine_id.in_(wanted.ids)
    else:
        chosen &= columns.reason_code == wanted.reason_code
    heads = (
        select(columns.quarantine_id, func.octet_length(columns.item).label("size"))
        .where(columns.site_code == site_code, columns.status == "open", chosen)
        .order_by(columns.quarantine_id)
        .limit(MAX_RELEASED + 1)
        .with_for_update(skip_locked=True)
    )
    ids: list[int] = []
    size = 0
    next_after: int | None = None
    for head in (await connection.execute(heads)).mappings():
        size += head["size"]
        if ids and (len(ids) == MAX_RELEASED or size > MAX_BODY_BYTES):
            next_after = ids[-1]
            break
        ids.append(head["quarantine_id"])
    came_in = inbox_batches.c
    items = select(
        columns.quarantine_id,
        columns.kind,
        columns.item,
        columns.quarantined_at,
        came_in.format,
        came_in.equipment_code,
        came_in.credential,
    ).join(inbox_batches, came_in.batch_seq == columns.batch_seq)
    rows = await connection.execute(items.where(columns.quarantine_id.in_(ids)).order_by(columns.quarantine_id))
    return rows.mappings().all(), next_after


def _judge_again(
    site_code: str, credential: str, kind: Kind, all_rows: Sequence[RowMapping], circumstances: Circumstances
) -> _Release:
    rows = [row for row in all_rows if row["kind"] == kind]
    body = _parse_again(kind, rows)
    judgement = judge(body, circumstances)
    refused = {refusal.index: refusal for refusal in judgement.refused}
    accepted = [index for index in range(len(rows)) if index not in refused]
    batch = Batch(
        site_code=site_code,
        kind=kind,
        credential=credential,
        body=json.write(
            body.columns, [row for row, index in enumerate(body.columns.item_index) if index not in refused]
        ),
        received_at=circumstances.received_at,
        judgement=Judgement([], len(accepted), judgement.new_signals),
        originals=lambda: (),
        origin="release",
        is_known_by_content=False,
    )
    return _Release(
        batch=batch,
        released_ids=[rows[index]["quarantine_id"] for index in accepted],
        refused=[
            StillRefused(
                quarantine_id=rows[index]["quarantine_id"], reason_code=refusal.reason_code, detail=refusal.detail
            )
            for index, refusal in refused.items()
        ],
    )


def _parse_again(kind: Kind, rows: Sequence[RowMapping]) -> ParsedBody:
    """Read each item alone, by the format and in the circumstances that it came in."""
    items: list[Any] = []
    for row in rows:
        context = Context(
            equipment_code=row["equipment_code"] or "", source_code=row["credential"], received_at=row["quarantined_at"]
        )
        # An item without a time of its own was observed when it first came, not when it is released.
        items.append(read_alone(row["format"], kind, row["item"], context, row["quarantined_at"]))
    return assemble(kind, items, lambda: [row["item"] for row in rows])


def _shown_item(row: RowMapping) -> QuarantinedItem:
    fields: dict[str, Any] = dict(row)
    return QuarantinedItem(**{**fields, "item": row["item"].decode("utf-8", "replace")})
