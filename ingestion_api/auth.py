"""API keys: what they allow, and how they are made, rotated and revoked. Finding out who asks is `key_ring.py`'s.

A key is 256 random bits; the database holds only its SHA-256, which needs no salt or stretching at that length.
"""

import hashlib
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args

from sqlalchemy import ColumnElement, Connection, Row, and_, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from ingestion_api.errors import KeyNameTaken, NoSuchKey, NotAllowed
from warehouse.tables import api_keys

Scope = Literal["push_readings", "push_events", "registry", "read", "pull", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
# What a person may write for several scopes at once.
SHORTHANDS: dict[str, tuple[Scope, ...]] = {"push": ("push_readings", "push_events")}
PREFIX = "mr_"
# Who needs no key in demo mode: no key may bear this name, since batches are known by it.
ANONYMOUS = "anonymous"


@dataclass(frozen=True)
class Credential:
    """Who sent a request: a key's name, its site and what it may do. Never the key.

    Attributes:
        equipment_code: What items are of that name no equipment.
        requests_per_min: Its quota; None is the default, 0 none at all. So is `items_per_min`.
        key_hash: What the store knows the key by; None where no key was needed.
        quota_subject: Whose quota a request is taken from.
    """

    name: str
    site_code: str
    scopes: frozenset[str]
    equipment_code: str | None = None
    requests_per_min: int | None = None
    items_per_min: int | None = None
    key_hash: bytes | None = field(default=None, repr=False, compare=False)
    quota_subject: str = field(default="", compare=False)

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
    equipment_code: str | None
    requests_per_min: int | None
    items_per_min: int | None
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    rotated_at: datetime | None
    old_key_expires_at: datetime | None
    revoked_at: datetime | None


_SHOWN = [api_keys.c[name] for name in KeyRow.__dataclass_fields__]


def create_key(
    connection: Connection,
    name: str,
    site_code: str,
    scopes: Iterable[str],
    *,
    equipment_code: str | None = None,
    requests_per_min: int | None = None,
    items_per_min: int | None = None,
    expires_at: datetime | None = None,
) -> str:
    """Make a key.

    Args:
        connection: To the API's database, in a transaction.
        name: What batches will be known by.
        site_code: The site the key belongs to.
        scopes: What it may do; `push` stands for both kinds.
        equipment_code: What items are of that name no equipment.
        requests_per_min: Its quota; None for the default, 0 for none at all.
        items_per_min: The same, of items pushed.
        expires_at: When it stops working; UTC.

    Returns:
        The key, which nobody can show again.

    Raises:
        KeyNameTaken: A key of that name exists, perhaps revoked.
    """
    if name == ANONYMOUS:
        raise KeyNameTaken(f"{ANONYMOUS!r} is who needs no key in demo mode; choose another name")
    key, row = _new_key(), {"name": name, "site_code": site_code, "scopes": expand(scopes)}
    limits = {"requests_per_min": requests_per_min, "items_per_min": items_per_min, "expires_at": expires_at}
    try:
        connection.execute(
            insert(api_keys), {**row, **limits, "equipment_code": equipment_code, "key_hash": hash_of(key)}
        )
    except IntegrityError as error:
        raise KeyNameTaken(f"a key named {name!r} exists or existed; choose another name") from error
    return key


def rotate_key(connection: Connection, name: str, grace: timedelta) -> str:
    """Give a key in use a new secret; the old one works until the grace ends, one that was older still stops at once.

    Returns:
        The new secret.

    Raises:
        NoSuchKey: No key in use bears the name.
    """
    key = _new_key()
    now = datetime.now(UTC)
    rotated = update(api_keys).where(api_keys.c.name == name, _is_in_use())
    values = {"key_hash": hash_of(key), "rotated_at": now}
    old = {"old_key_hash": api_keys.c.key_hash, "old_key_expires_at": now + grace} if grace else dict.fromkeys(_OLD)
    if connection.execute(rotated.values(**values, **old)).rowcount == 0:
        raise _no_such_key(name)
    return key


def list_keys(connection: Connection) -> Sequence[KeyRow]:
    """Return every key, revoked ones included, by name."""
    return [_shown(row) for row in connection.execute(select(*_SHOWN).order_by(api_keys.c.name))]


def find_key(connection: Connection, name: str) -> KeyRow:
    """Return one key, in use or not.

    Raises:
        NoSuchKey: No key ever bore the name.
    """
    row = connection.execute(select(*_SHOWN).where(api_keys.c.name == name)).one_or_none()
    if row is None:
        raise NoSuchKey(f"no key is or was named {name!r}")
    return _shown(row)


def revoke_key(connection: Connection, name: str) -> None:
    """Revoke a key, with the secret it had before a rotation: the next request of either is refused.

    Raises:
        NoSuchKey: No key in use bears the name.
    """
    revoked = update(api_keys).where(api_keys.c.name == name, api_keys.c.revoked_at.is_(None))
    if connection.execute(revoked.values(revoked_at=func.now())).rowcount == 0:
        raise _no_such_key(name)


def expand(scopes: Iterable[str]) -> list[str]:
    """Write shorthands out, each scope once."""
    return list(dict.fromkeys(one for scope in scopes for one in SHORTHANDS.get(scope, (scope,))))


def hash_of(key: str) -> bytes:
    """Return what the store knows a key by."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


_OLD = ("old_key_hash", "old_key_expires_at")


def _new_key() -> str:
    return PREFIX + secrets.token_urlsafe(32)


def _is_in_use() -> ColumnElement[bool]:
    columns = api_keys.c
    return and_(columns.revoked_at.is_(None), or_(columns.expires_at.is_(None), columns.expires_at > func.now()))


def _no_such_key(name: str) -> NoSuchKey:
    return NoSuchKey(f"no key in use is named {name!r}")


def _shown(row: Row[tuple[object, ...]]) -> KeyRow:
    return KeyRow(**row._mapping)
