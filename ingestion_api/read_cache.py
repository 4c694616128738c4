"""Keeps answers of the read API for a minute, or until a new load (S1-032, C6). Queries do not belong here.

Bounded by entries and by bytes; the answer used longest ago goes first. Whoever misses while the same answer is being
computed waits for that one.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass


@dataclass(frozen=True)
class Kept:
    """An answer, what it was computed from, and when."""

    body: bytes
    version: Hashable
    computed_at_s: float


class ReadCache:
    """Answers by key.

    Args:
        clock: Monotonic seconds.
        ttl_s: How long an answer is good.
        max_entries: Most answers kept.
        max_bytes: Most bytes of all answers kept.
    """

    def __init__(
        self, clock: Callable[[], float], *, ttl_s: float = 60, max_entries: int = 1_000, max_bytes: int = 16_000_000
    ) -> None:
        self._clock = clock
        self._ttl_s, self._max_entries, self._max_bytes = ttl_s, max_entries, max_bytes
        self._kept: OrderedDict[Hashable, Kept] = OrderedDict()
        self._bytes = 0
        self._under_way: dict[Hashable, asyncio.Lock] = {}

    async def get(self, key: Hashable, version: Hashable, compute: Callable[[], Awaitable[bytes]]) -> bytes:
        """Return the answer of a key, computed from this version of the data and less than a minute ago."""
        if (body := self._fresh(key, version)) is not None:
            return body
        lock = self._under_way.setdefault(key, asyncio.Lock())
        try:
            async with lock:
                if (body := self._fresh(key, version)) is not None:
                    return body
                started = self._clock()
                body = await compute()
                self._keep(key, Kept(body, version, started))
                return body
        finally:
            if not lock.locked():
                self._under_way.pop(key, None)

    def _fresh(self, key: Hashable, version: Hashable) -> bytes | None:
        kept = self._kept.get(key)
        if kept is None or kept.version != version or self._clock() - kept.computed_at_s >= self._ttl_s:
            return None
        self._kept.move_to_end(key)
        return kept.body

    def _keep(self, key: Hashable, kept: Kept) -> None:
        self._drop(key)
        if len(kept.body) > self._max_bytes:
            return
        self._kept[key] = kept
        self._bytes += len(kept.body)
        while len(self._kept) > self._max_entries or self._bytes > self._max_bytes:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: Hashable) -> None:
        if (old := self._kept.pop(key, None)) is not None:
            self._bytes -= len(old.body)
