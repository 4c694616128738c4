"""Tells whose key a request carries. What keys allow, and how they are made, is in `auth.py`.

A key that was good five seconds ago is believed where the caller looks again anyway: a push stores its batch by a
statement that finds nothing to do once the key is revoked, expired or replaced (`STANDS`). All else asks the store each
time. So a revoked key's next request is refused by every instance, and a push still costs one round trip.
"""

import hmac
import time
from collections.abc import Callable

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.auth import Credential, hash_of
from ingestion_api.errors import Unauthenticated
from ingestion_api.store import Store

CACHED_S = 5.0
_HINT = "send the API key as 'Authorization: Bearer <key>' or as 'X-API-Key: <key>'"

# The condition under which a key works, for statements that have a `:key_hash`.
STANDS = """
    (key_hash = :key_hash or (old_key_hash = :key_hash and old_key_expires_at > now()))
    and revoked_at is null and (expires_at is null or expires_at > now())
"""
_LOOK_UP = text(
    f"""
    select
        name, site_code, scopes, equipment_code, requests_per_min, items_per_min,
        coalesce(case when key_hash = :key_hash then key_hash else old_key_hash end, '') as found_hash,
        coalesce(last_used_at < now() - interval '1 minute', true) as is_use_stale
    from inbox.api_keys
    where {STANDS}
    """
)
_NOTE_USE = text("update inbox.api_keys set last_used_at = now() where name = :name")


class KeyRing:
    """Looks keys up, and remembers the good ones for five seconds."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[bytes, tuple[float, Credential]] = {}

    async def authenticate(self, key: str | None, *, is_checked_later: bool = False) -> Credential:
        """Find out whose key this is.

        Args:
            key: As sent.
            is_checked_later: Whether the caller stores what was sent by a statement that looks again.

        Raises:
            Unauthenticated: There is no key, or it is unknown, expired or revoked.
        """
        if not key:
            raise Unauthenticated(_HINT)
        key_hash = hash_of(key)
        remembered = self._known.get(key_hash)
        if is_checked_later and remembered and self._clock() - remembered[0] < CACHED_S:
            return remembered[1]
        asked_at = self._clock()
        async with self._store.statements() as connection:
            credential = await _look_up(connection, key_hash)
        if credential is None:
            self._known.pop(key_hash, None)
            raise Unauthenticated("the API key is unknown, expired or revoked")
        self._known[key_hash] = asked_at, credential
        return credential

    def has_met(self, key: str | None) -> bool:
        """Tell whether this instance knew the key as a good one when it last looked."""
        return bool(key) and hash_of(key or "") in self._known


async def require_standing(connection: AsyncConnection, key_hash: bytes | None) -> None:
    """Let pass whose key still works.

    Raises:
        Unauthenticated: It was revoked or replaced, or it expired, after the request was let in.
    """
    if key_hash is not None and await _look_up(connection, key_hash) is None:
        raise Unauthenticated("the API key is unknown, expired or revoked")


async def _look_up(connection: AsyncConnection, key_hash: bytes) -> Credential | None:
    row = (await connection.execute(_LOOK_UP, {"key_hash": key_hash})).one_or_none()
    if row is None or not hmac.compare_digest(row.found_hash, key_hash):
        return None
    if row.is_use_stale:
        await connection.execute(_NOTE_USE, {"name": row.name})
    return Credential(
        row.name,
        row.site_code,
        frozenset(row.scopes),
        row.equipment_code,
        row.requests_per_min,
        row.items_per_min,
        key_hash,
        f"key:{row.name}",
    )
