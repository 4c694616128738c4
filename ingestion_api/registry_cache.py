"""Keeps each site's registered codes in memory, fresh to a second. Judging by them does not belong here."""

import asyncio
import time
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row, text

from ingestion_api.known_codes import ERASED, KnownCodes
from ingestion_api.store import Store
from ingestion_api.watch import Watch

MAX_AGE_S = 1.0

# The log is the registry's truth: replayed from 0 it fills the cache, from the last change seen it refreshes it.
# Changes of a site commit in the order of their numbers (see `registry.py`), so nothing slips in behind the cursor.
_NEWEST = text(
    """
    select distinct on (entity, code)
        entity, code, payload ->> 'unit_code' as unit_code, change_seq,
        case when entity in ('equipment', 'alarm_rules') then payload end as payload
    from registry.changes
    where site_code = :site_code and change_seq > :change_seq
    order by entity, code, change_seq desc
    """
)


@dataclass
class _Entry:
    codes: KnownCodes = field(default_factory=KnownCodes)
    asked_at: float = -MAX_AGE_S
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class RegistryCache:
    """The registered codes of every site this instance has met."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._entries: dict[str, _Entry] = {}

    async def codes(self, site_code: str) -> KnownCodes:
        """Return a site's codes, at most a second old."""
        entry = self._entries.setdefault(site_code, _Entry())
        if time.monotonic() - entry.asked_at >= MAX_AGE_S:
            await self._refresh(site_code, entry, time.monotonic() - MAX_AGE_S)
        return entry.codes

    async def fresh_codes(self, site_code: str) -> KnownCodes:
        """Return a site's codes as of now or later."""
        entry = self._entries.setdefault(site_code, _Entry())
        await self._refresh(site_code, entry, time.monotonic())
        return entry.codes

    def watch(self, site_code: str) -> Watch:
        """Return which signals are watched, as last seen."""
        entry = self._entries.get(site_code)
        return entry.codes.watch if entry else Watch()

    def invalidate(self, site_code: str) -> None:
        """Let the next look at a site's codes go to the database."""
        if entry := self._entries.get(site_code):
            entry.asked_at = -MAX_AGE_S

    async def _refresh(self, site_code: str, entry: _Entry, since: float) -> None:
        """Read what changed, unless somebody else did after `since` while this call waited."""
        async with entry.lock:
            if entry.asked_at > since:
                return
            asked_at = time.monotonic()
            known = entry.codes
            changes = await self._changes(site_code, known.change_seq)
            if known.change_seq and any(row.entity == "workers" and row.code.startswith(ERASED) for row in changes):
                # The log holds nothing of an erased worker any more: what is known is learned anew.
                known = KnownCodes()
                changes = await self._changes(site_code, 0)
            for row in changes:
                known.learn(row.entity, row.code, row.unit_code, row.change_seq, row.payload)
            entry.codes = known
            entry.asked_at = asked_at

    async def _changes(self, site_code: str, change_seq: int) -> list[Row[Any]]:
        async with self._store.statements() as connection:
            result = await connection.execute(_NEWEST, {"site_code": site_code, "change_seq": change_seq})
            return list(result.all())
