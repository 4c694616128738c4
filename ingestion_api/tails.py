"""Follows the inbox and the log of alarms while somebody listens. How events are written to listeners is `stream.py`'s.

One tail a site and process looks five times a second and hands what is new to all listeners. Positions are pairs of
numbers below which nothing can appear any more (`export.py`), so a listener that says how far it came misses nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy.exc import SQLAlchemyError

from ingestion_api.alarm_desk import AlarmDesk
from ingestion_api.arrow_page import StoredBatch
from ingestion_api.columns import ReadingColumns
from ingestion_api.errors import Unavailable
from ingestion_api.export import Export, Marks
from ingestion_api.last_values import newest
from ingestion_api.logs import log

POLL_S = 0.2
MAX_WAITING = 1_000
MAX_LISTENERS = 200
_MAX_CHANGES = 1_000


@dataclass(frozen=True)
class Event:
    """One event, and the position of whoever has seen it."""

    position: Marks
    name: str
    data: bytes


@dataclass(eq=False)
class _Listener:
    queue: asyncio.Queue[Event] = field(default_factory=lambda: asyncio.Queue(MAX_WAITING))
    is_over: bool = False


class Tail:
    """What happens at one site.

    Attributes:
        task: Looks for what is new while somebody listens.
    """

    def __init__(self, site_code: str, export: Export, desk: AlarmDesk, is_stopping: Callable[[], bool]) -> None:
        self._site_code = site_code
        self._export = export
        self._desk = desk
        self._is_stopping = is_stopping
        self._position: Marks | None = None
        self._listeners: set[_Listener] = set()
        self.task: asyncio.Task[None] | None = None

    async def events(self, after: Marks | None, wait_s: float) -> AsyncIterator[Event | None]:
        """Yield what follows a position, or what happens from now on; None at once, and where nothing did for a while.

        Whatever is stored after the first None is told.
        It ends when the server stops, or when the listener is too slow: it may come again with its last position.

        Raises:
            Unavailable: Too many listen.
        """
        if len(self._listeners) >= MAX_LISTENERS:
            raise Unavailable("too many listen to this site's stream; try again later")
        # From here on a tail that already runs does not end, and one that does not is placed at what is stored now.
        listener = _Listener()
        self._listeners.add(listener)
        try:
            reached = await self._start()
            yield None
            # What the tail finds meanwhile waits in the queue, and is left out below as far as it was caught up with.
            at = after or reached
            while at.readings < reached.readings or at.changes < reached.changes:
                events, at = await self._between(at, reached)
                for event in events:
                    yield event
            while True:
                try:
                    event = await asyncio.wait_for(listener.queue.get(), wait_s)
                except TimeoutError:
                    yield None
                    continue
                if event.name == _OVER:
                    return
                if event.position.readings > reached.readings or event.position.changes > reached.changes:
                    yield event
        finally:
            self._listeners.discard(listener)

    async def _start(self) -> Marks:
        """Let the tail run; return where it stands. What it hands out from now on follows that."""
        if self.task is None or self.task.done() or self._position is None:
            marks = await self._export.marks(self._site_code)
            if self.task is None or self.task.done():
                self._position = marks
                self.task = asyncio.create_task(self._run())
        position = self._position
        assert position is not None  # noqa: S101
        return position

    async def _run(self) -> None:
        try:
            while True:
                await asyncio.sleep(POLL_S)
                if not self._listeners or self._is_stopping():
                    return
                try:
                    await self._look()
                except SQLAlchemyError as error:
                    log.warning("tail_failed", error=type(error).__name__)
        finally:  # whatever went wrong, nobody shall listen to nothing
            for listener in self._listeners:
                self._end(listener)

    async def _look(self) -> None:
        position = self._position
        if position is None:
            return
        marks = await self._export.marks(self._site_code)
        while position.readings < marks.readings or position.changes < marks.changes:
            events, position = await self._between(position, marks)
            self._position = position
            for event in events:
                self._hand_out(event)

    def _hand_out(self, event: Event) -> None:
        for listener in list(self._listeners):
            if listener.is_over:
                continue
            if listener.queue.qsize() >= MAX_WAITING - 1:
                self._end(listener)
            else:
                listener.queue.put_nowait(event)

    def _end(self, listener: _Listener) -> None:
        if listener.is_over:
            return
        listener.is_over = True
        listener.queue.put_nowait(Event(Marks(0, 0), _OVER, b""))

    async def _between(self, after: Marks, up_to: Marks) -> tuple[list[Event], Marks]:
        """Return a page of what lies between two positions, batches first, and how far it goes."""
        events: list[Event] = []
        if after.readings < up_to.readings:
            batches, reached = await self._export.stored(self._site_code, "readings", after.readings, up_to.readings)
            for batch in batches:
                if data := await asyncio.to_thread(_readings, batch):
                    events.append(Event(Marks(batch.entry.batch_seq, after.changes), "readings", data))
            return events, Marks(reached, after.changes)
        changes = await self._desk.changes(self._site_code, after.changes, _MAX_CHANGES, up_to.changes)
        for change in changes:
            position = Marks(after.readings, change.change_seq)
            events.append(Event(position, "alarm", msgspec.json.encode(change)))
        is_all = len(changes) < _MAX_CHANGES
        return events, Marks(after.readings, up_to.changes if is_all else changes[-1].change_seq)


class Tails:
    """The tails of all sites that somebody listens to."""

    def __init__(self, export: Export, desk: AlarmDesk) -> None:
        self._export = export
        self._desk = desk
        self._tails: dict[str, Tail] = {}
        self.is_stopping: Callable[[], bool] = lambda: False

    def of(self, site_code: str) -> Tail:
        """Return a site's tail."""
        if site_code not in self._tails:
            self._tails[site_code] = Tail(site_code, self._export, self._desk, lambda: self.is_stopping())
        return self._tails[site_code]

    def tasks(self) -> list[asyncio.Task[None]]:
        """Return what still looks; each ends by itself soon after the server stops."""
        return [tail.task for tail in self._tails.values() if tail.task is not None and not tail.task.done()]


_OVER = "over"


def _readings(batch: StoredBatch) -> bytes | None:
    """Write the last values of a batch; a backlog tells of the past, and is no event."""
    entry = batch.entry
    if entry.is_replay or entry.accepted_count == 0 or entry.origin == "release":
        return None
    columns = batch.columns()
    assert isinstance(columns, ReadingColumns)  # noqa: S101
    told: dict[str, datetime | int | list[Any]] = {"batch_seq": entry.batch_seq, "received_at": entry.received_at}
    return msgspec.json.encode({**told, "readings": newest(columns, entry.received_at, batch.refused)})
