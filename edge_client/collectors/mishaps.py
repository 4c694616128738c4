"""What goes wrong between a simulated sensor and the API: wrong items, and windows in which a link is down.

When it happens is decided in `history.py`.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import cycle
from typing import NamedTuple

import msgspec

from ingestion_api.contract import Event


class Window(NamedTuple):
    """A stretch of time, half open."""

    start: datetime
    end: datetime

    def __contains__(self, at: object) -> bool:
        return isinstance(at, datetime) and self.start <= at < self.end

    @classmethod
    def at(cls, begin: datetime, span: timedelta, share: float, longest: timedelta) -> "Window":
        """Return the window that begins after a share of the span, and lasts at most a sixth of it."""
        start = begin + span * share
        return cls(start, start + min(longest, span / 6))


class BadItems:
    """Items that the API must quarantine, in a fixed rotation of reasons.

    Args:
        unknown_pump: A pump that nobody registered.
        wrong_clock: What a clock shows that is ahead of time.
    """

    def __init__(self, *, unknown_pump: str, wrong_clock: datetime) -> None:
        self._unknown_pump = unknown_pump
        self._wrong_clock = wrong_clock
        self._readings = cycle(("unknown_equipment", "value", "quality", "clock"))
        self._events = cycle(("unknown_worker", "confidence"))
        self._count = 0

    def reading(self, at: datetime) -> bytes:
        """Return a wrong reading of about this time."""
        self._count += 1
        # Odd seconds: a wrong item that is mended and released later takes no good item's place.
        item = {"equipment_code": "P1", "metric": "motor_current", "value": 28.4, "unit_code": "A"}
        item["event_time"] = at + timedelta(seconds=1 + self._count % 59)
        match next(self._readings):
            case "unknown_equipment":
                item["equipment_code"] = self._unknown_pump
            case "value":
                item["value"] = "n/a"
            case "quality":
                item["quality"] = 1.7
            case _:
                item["event_time"] = self._wrong_clock + timedelta(seconds=self._count)
        return msgspec.json.encode(item)

    def event(self, at: datetime) -> bytes:
        """Return a wrong event of about this time."""
        event = Event(
            source_code="CAM1",
            event_type="working",
            event_time=at + timedelta(seconds=1),
            work_unit_code="WU1",
            worker_code="W101",
            confidence=0.9,
        )
        if next(self._events) == "unknown_worker":
            return msgspec.json.encode(msgspec.structs.replace(event, worker_code="W999"))
        return msgspec.json.encode(msgspec.structs.replace(event, confidence=1.2))


def spread(few: Sequence[bytes], many: list[bytes]) -> None:
    """Insert a few items into many, at even distances."""
    for number, item in enumerate(few):
        many.insert(min(50 + 100 * number, len(many)), item)
