"""API keys: made, revoked, and told apart. What a key's holder then does is not looked at here.

A key is 256 random bits; the database holds only its SHA-256, which needs no salt or stretching at that length.
"""

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, get_args

from sqlalchemy import Connection, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError

from ingestion_api.errors import KeyNameTaken, NoSuchKey, NotAllowed, Unauthenticated
from ingestion_api.store import Store
from warehouse.tables import api_keys

Scope = Literal["push", "registry", "read", "pull", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PREFIX = "mr_"
CACHED_S = 5.0

_LOOK_UP = text(
    """
    select name, site_code, scopes, key_hash, last_used_at < now() - interval '1 minute' as is_use_stale
    from inbox.api_keys
    where key_hash = :key_hash and revoked_at is null
    """
)


@dataclass(frozen=True)
class Credential:
    """Who sent a request: a key's name, its site and what it may do. Never the key."""

    name: str
    site_code: str
    scopes: frozenset[str]

    def require(self, *scopes: Scope) -> None:
        """Let pass who holds one of the scopes; `admin` holds all.

        Raises:
            NotAllowed: None of them is held.
        """
        if self.scopes.isdisjoint(scopes) and "admin" not in self.scopes:
            raise NotAllowed(f"key {self.name!r} needs the scope {' or '.join(scopes)}")

    def require_site(self, site_code: str) -> None:
        """Let pass who belongs to the site.

        Raises:
            NotAllowed: The key is another site's.
        """
        if self.site_code != site_code:
            raise NotAllowed(f"key {self.name!r} belongs to site {self.site_code!r}, not to {site_code!r}")


@dataclass(frozen=True)
class KeyRow:
    """What the command line shows of a key."""

    name: str
    site_code: str
    scopes: Sequence[str]
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


class KeyRing:
    """Looks keys up, and remembers the good ones for five seconds: so long may a revoked key still work."""

    def __init__(self, store: Store, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[bytes, tuple[float, Credential]] = {}

    async def authenticate(self, key: str | None) -> Credential:
        """Find out whose key this is.

        Raises:
            Unauthenticated: There is no key, or it is unknown or revoked.
        """
        if not key:
            raise Unauthenticated("send the API key as 'Authorization: Bearer <key>' or as 'X-API-Key: <key>'")
        key_hash = _hash(key)
        remembered = self._known.get(key_hash)
        if remembered and self._clock() - remembered[0] < CACHED_S:
            return remembered[1]
        asked_at = self._clock()
        credential = await self._look_up(key_hash)
        if credential is None:
            self._known.pop(key_hash, None)
            raise Unauthenticated("the API key is unknown or revoked")
        self._known[key_hash] = asked_at, credential
        return credential

    async def _look_up(self, key_hash: bytes) -> Credential | None:
        async with self._store.statements() as connection:
            row = (await connection.execute(_LOOK_UP, {"key_hash": key_hash})).one_or_none()
            if row is None or not hmac.compare_digest(row.key_hash, key_hash):
                return None
            if row.is_use_stale is not False:
                used = update(api_keys).where(api_keys.c.key_hash == key_hash).values(last_used_at=func.now())
                await connection.execute(used)
            return Credential(row.name, row.site_code, frozenset(row.scopes))


def create_key(connection: Connection, name: str, site_code: str, scopes: Sequence[Scope]) -> str:
    """Make a key.

    Returns:
        The key, which nobody can show again.

    Raises:
        KeyNameTaken: A key of that name exists, perhaps revoked.
    """
    key = PREFIX + secrets.token_urlsafe(32)
    row = {"name": name, "site_code": site_code, "scopes": list(scopes), "key_hash": _hash(key)}
    try:
        connection.execute(insert(api_keys), row)
    except IntegrityError as error:
        raise KeyNameTaken(f"a key named {name!r} exists or existed; choose another name") from error
    return key


def list_keys(connection: Connection) -> Sequence[KeyRow]:
    """Return every key, revoked ones included, by name."""
    columns = api_keys.c
    shown = (columns.name, columns.site_code, columns.scopes)
    times = (columns.created_at, columns.last_used_at, columns.revoked_at)
    rows = connection.execute(select(*shown, *times).order_by(columns.name)).mappings()
    return [KeyRow(**row) for row in rows]


def revoke_key(connection: Connection, name: str) -> None:
    """Revoke a key; running instances refuse it within five seconds.

    Raises:
        NoSuchKey: No key in use bears the name.
    """
    in_use = (api_keys.c.name == name) & api_keys.c.revoked_at.is_(None)
    if connection.execute(update(api_keys).where(in_use).values(revoked_at=func.now())).rowcount == 0:
        raise NoSuchKey(f"no key in use is named {name!r}")


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
