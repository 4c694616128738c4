"""How ingestion is doing at one site, for somebody who looks (S2-032). For machines there is `management.py`."""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import text

from ingestion_api.contract import Kind
from ingestion_api.store import Store

# Of a minute in which more batches came, only these are counted.
_MOST_BATCHES = 20_000
_STREAMS = text(
    """
    select k.kind, newest.batch_seq as newest_batch_seq, newest.received_at as newest_received_at,
        recent.batches_last_minute, recent.items_last_minute
    from (values ('readings'), ('events')) as k (kind)
    left join lateral (
        select batch_seq, received_at from inbox.batches as b
        where b.site_code = :site_code and b.kind = k.kind order by batch_seq desc limit 1
    ) as newest on true
    cross join lateral (
        select count(*) as batches_last_minute, coalesce(sum(item_count), 0)::bigint as items_last_minute from (
            select item_count, received_at from inbox.batches as b
            where b.site_code = :site_code and b.kind = k.kind order by batch_seq desc limit :most
        ) as latest where received_at > cast(:now as timestamptz) - interval '1 minute'
    ) as recent
    """
)
_QUARANTINED = text("select count(*) from inbox.quarantine where site_code = :site_code and status = 'open'")


class StreamHealth(Struct, frozen=True, kw_only=True):
    """What came of one kind. `newest_batch_seq` and `newest_received_at` are null where nothing ever did."""

    kind: Kind
    newest_batch_seq: int | None
    newest_received_at: datetime | None
    batches_last_minute: int
    items_last_minute: int


class SystemHealth(Struct, frozen=True, kw_only=True):
    """What came, what waits in quarantine, and the database connections of the process that answers."""

    streams: list[StreamHealth]
    quarantined_open: int
    pool_connections: dict[str, int]
    computed_at: datetime


async def look(store: Store, site_code: str, now: datetime) -> SystemHealth:
    """Ask the inbox of a site."""
    about = {"site_code": site_code}
    async with store.statements() as connection:
        streams = await connection.execute(_STREAMS, {**about, "most": _MOST_BATCHES, "now": now})
        quarantined = await connection.execute(_QUARANTINED, about)
    return SystemHealth(
        streams=[StreamHealth(**row) for row in streams.mappings()],
        quarantined_open=quarantined.scalar_one(),
        pool_connections=store.pool_use(),
        computed_at=now,
    )
