"""Limits requests and items per minute, for all instances together. Who asks is found out in `key_ring.py`.

A quota is used up in windows of a minute, which begin with the first request. Instances lease shares of a window from
the store and spend them in memory, so that a request seldom costs a round trip and no window gives out more than its
limit. Shares begin small, double while they are used up, and shrink with what is left: little is stranded where a
sender moves to another instance. A crash of the database server forgets the current windows, no more.
"""

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.auth import Credential
from ingestion_api.errors import RateLimited
from ingestion_api.store import Store

Unit = Literal["requests", "items"]
WINDOW_S = 60
_PRUNE_EVERY_S = 600.0
_SMALLEST_SHARE = 100  # of a window: 1 %
_LARGEST_SHARE = 8


@dataclass(frozen=True)
class Quota:
    """How much one credential may send in a minute; 0 is no limit."""

    requests_per_min: int
    items_per_min: int


# C3 keeps both documents' numbers. Standard lets S0-047's 10,000 readings a second pass in batches of 1,000: 600
# requests and 600,000 items a minute.
PRESETS = {
    "small": Quota(100, 100_000),  # S1-009
    "standard": Quota(1_000, 1_000_000),  # S3-021
    "bulk": Quota(60_000, 60_000_000),
    "unlimited": Quota(0, 0),
}

_LEASE = text(
    """
    insert into inbox.quota_windows as w (subject, unit, ends_at, used, granted)
    values (
        :subject, :unit, now() + :window_s * interval '1 second',
        least(cast(:wanted as bigint), :limit), least(cast(:wanted as bigint), :limit)
    )
    on conflict (subject, unit) do update set
        ends_at = case when w.ends_at > now() then w.ends_at else excluded.ends_at end,
        used = case
            when w.ends_at > now() then greatest(w.used, least(w.used + :wanted, :limit)) else excluded.used
        end,
        granted = case
            when w.ends_at > now() then greatest(0, least(cast(:wanted as bigint), :limit - w.used))
            else excluded.granted
        end
    returning used, granted, extract(epoch from ends_at - now())::float8 as left_s
    """
)
_PRUNE = text("delete from inbox.quota_windows where ends_at < now() - interval '1 hour'")


@dataclass
class _Lease:
    """An instance's share of a window."""

    left: int = 0
    used: int = 0
    ends_at: float = -math.inf
    share: int = 0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Quotas:
    """The quotas of every credential this instance has met."""

    def __init__(self, store: Store, default: Quota, clock: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._default = default
        self._clock = clock
        self._leases: dict[tuple[str, Unit], _Lease] = {}
        self._pruned_at = clock()

    def limit(self, credential: Credential, unit: Unit) -> int:
        """Return what a credential may send in a minute; 0 is no limit."""
        if unit == "requests":
            own, default = credential.requests_per_min, self._default.requests_per_min
        else:
            own, default = credential.items_per_min, self._default.items_per_min
        return default if own is None else own

    async def charge(self, credential: Credential, unit: Unit, count: int = 1) -> None:
        """Take from a credential's quota.

        Raises:
            RateLimited: Too little is left of this window.
            sqlalchemy.exc.OperationalError: The store does not answer.
        """
        limit = self.limit(credential, unit)
        if limit:
            await self.spend(credential.quota_subject, unit, limit, count)

    async def spend(self, subject: str, unit: Unit, limit: int, count: int = 1) -> None:
        """Take from a subject's quota, as `charge` does."""
        lease = self._leases.get((subject, unit))
        if lease and lease.left >= count and self._clock() < lease.ends_at:
            lease.left -= count
            return
        lease = self._leases.setdefault((subject, unit), _Lease())
        async with lease.lock:
            await self._refill(lease, subject, unit, limit, count)
            if lease.left < count:
                raise _refused(unit, limit, count, self._reset_s(lease))
            lease.left -= count

    def require_left(self, subject: str, unit: Unit, limit: int) -> None:
        """Let pass who has something left, as far as this instance knows: the store is not asked.

        Raises:
            RateLimited: Nothing is left of this window.
        """
        lease = self._leases.get((subject, unit))
        if lease and not lease.left and lease.used >= limit and self._clock() < lease.ends_at:
            raise _refused(unit, limit, 1, self._reset_s(lease))

    def fields(self, credential: Credential) -> list[tuple[bytes, bytes]]:
        """Write what is left as header fields: draft-ietf-httpapi-ratelimit-headers-10, and S3-021's older ones."""
        policies, states, older = [], [], []
        units: tuple[Unit, ...] = ("requests", "items")
        for unit in units:
            lease, limit = self._leases.get((credential.quota_subject, unit)), self.limit(credential, unit)
            if not lease or not limit or lease.ends_at == -math.inf:  # never got an answer from the store
                continue
            remaining, reset_s = max(0, limit - lease.used) + lease.left, self._reset_s(lease)
            policies.append(f'"{unit}";q={limit};w={WINDOW_S}' + (';qu="items"' if unit == "items" else ""))
            states.append(f'"{unit}";r={remaining};t={reset_s}')
            if unit == "requests":
                older = [(b"limit", limit), (b"remaining", remaining), (b"reset", reset_s)]
        if not policies:
            return []
        return [
            (b"ratelimit-policy", ", ".join(policies).encode()),
            (b"ratelimit", ", ".join(states).encode()),
            *((b"x-ratelimit-" + name, b"%d" % value) for name, value in older),
        ]

    async def _refill(self, lease: _Lease, subject: str, unit: Unit, limit: int, count: int) -> None:
        """Lease more, unless there is enough by now or no more to be had."""
        now = self._clock()
        if now >= lease.ends_at:
            lease.left = lease.used = 0
            lease.share = max(1, limit // _SMALLEST_SHARE)
        elif lease.left >= count or lease.used >= limit:
            return
        wanted = max(count - lease.left, min(lease.share, (limit - lease.used) // _LARGEST_SHARE))
        lease.share = min(2 * lease.share, max(1, limit // _LARGEST_SHARE))
        values = {"subject": subject, "unit": unit, "window_s": WINDOW_S, "wanted": wanted, "limit": limit}
        async with self._store.statements() as connection:
            row = (await connection.execute(_LEASE, values)).one()
            await self._prune(now, connection)
        # Counted from before the statement was sent: never later than the store's own end of the window.
        ends_at = now + row.left_s
        if ends_at > lease.ends_at + 1:
            lease.left = 0
        lease.left, lease.used, lease.ends_at = lease.left + row.granted, row.used, ends_at

    async def _prune(self, now: float, connection: AsyncConnection) -> None:
        """Forget windows long past, here and in the store, every ten minutes."""
        if now - self._pruned_at < _PRUNE_EVERY_S:
            return
        self._pruned_at = now
        live = {key: lease for key, lease in self._leases.items() if lease.ends_at > now or lease.lock.locked()}
        self._leases = live
        await connection.execute(_PRUNE)

    def _reset_s(self, lease: _Lease) -> int:
        return max(1, math.ceil(lease.ends_at - self._clock()))


def _refused(unit: Unit, limit: int, count: int, reset_s: int) -> RateLimited:
    if count > limit:
        return RateLimited(f"the key may push {limit} items a minute, and the batch holds {count}: split it", reset_s)
    return RateLimited(f"the limit of {limit} {unit} a minute is reached; go on in {reset_s} s", reset_s)
