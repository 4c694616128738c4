"""What live sources share: how items become dated, and how they are handed over. Protocols do not belong here.

An item that names no time gets the time at which it was received here: the API would date it when it arrives there,
which after an outage is hours later.
"""

import queue
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Generic, TypeVar

from msgspec import Struct

from edge_client.collectors.collector import Registration

TIME_NAMES = ("event_time", "timestamp", "time", "ts")
MILLISECONDS_FROM = 1e11  # as seconds this would be the year 5138
IDLE_AFTER_S = 0.5

T = TypeVar("T")


class Site(Struct, frozen=True, kw_only=True):
    """What a live collector registers.

    Attributes:
        code: The site.
        time_zone: Its IANA zone.
        equipment: Codes of the equipment whose items will come.
        equipment_class: What all of it is.
    """

    code: str = "demo"
    time_zone: str = "UTC"
    equipment: tuple[str, ...] = ()
    equipment_class: str = "equipment"

    def describe(self) -> Iterator[Registration]:
        """Yield the site, and its equipment."""
        yield Registration("sites", self.code, {"name": self.code, "time_zone": self.time_zone})
        for code in self.equipment:
            yield Registration("equipment", code, {"name": code, "equipment_class": self.equipment_class})


class Inbound(Generic[T]):
    """A bounded queue from a protocol's threads to the collector's.

    Args:
        size: Most entries in it.
    """

    def __init__(self, size: int) -> None:
        self._queue: queue.Queue[T] = queue.Queue(size)

    def put(self, entry: T) -> None:
        """Add an entry, and wait for room."""
        self._queue.put(entry)

    def offer(self, entry: T) -> bool:
        """Add an entry if there is room."""
        try:
            self._queue.put_nowait(entry)
        except queue.Full:
            return False
        return True

    def take(self, limit: int) -> list[T]:
        """Take what is there; wait a moment for the first."""
        try:
            entries = [self._queue.get(timeout=IDLE_AFTER_S)]
        except queue.Empty:
            return []
        while len(entries) < limit:
            try:
                entries.append(self._queue.get_nowait())
            except queue.Empty:
                break
        return entries


def rfc3339(seconds: float) -> str:
    """Write a time, seconds since 1970, as the API reads it."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def source_time(item: dict[str, object], now: float) -> object:
    """Return the time that an item names, or else now. Numbers are seconds or milliseconds since 1970."""
    for name in TIME_NAMES:
        said = item.get(name)
        if isinstance(said, int | float) and not isinstance(said, bool):
            try:
                return rfc3339(said / 1000 if abs(said) >= MILLISECONDS_FROM else said)
            except (OverflowError, ValueError, OSError):
                return said  # for the API to refuse
        if said is not None:
            return said
    return rfc3339(now)


def wall_clock() -> float:
    """Return seconds since 1970."""
    return time.time()
