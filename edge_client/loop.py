"""Ties collector, spool and forwarder together and lets them run until there is nothing more to do, or a signal comes.

One thread collects into the spool, one forwards from it; the caller's thread shows progress. They may be killed at any
moment: what they agree on is in the spool.
"""

import threading
import time
from collections.abc import Callable
from contextlib import closing
from random import SystemRandom
from typing import TextIO

from edge_client.collectors.collector import Chunk, Collector
from edge_client.errors import EdgeError, SpoolFull
from edge_client.forwarder import Api, Forwarder
from edge_client.progress import ProgressPrinter
from edge_client.settings import EdgeSettings
from edge_client.spool import EXHAUSTED, Spool
from edge_client.spool_losses import Room
from edge_client.status import Status, read_status

SHOW_EVERY_S = 2.0
STOP_WITHIN_S = 1.5
FULL_POLL_S = 0.02
DISK_POLL_S = 1.0


class Loop:
    """One run of the edge client.

    Args:
        collector: The source.
        spool: The outbox.
        api: Where the items go.
        settings: Everything else.
        is_registering: Register what the collector describes before sending.
        out: Where progress is shown.
    """

    def __init__(
        self,
        collector: Collector,
        spool: Spool,
        api: Api,
        settings: EdgeSettings,
        *,
        is_registering: bool = True,
        out: TextIO,
    ) -> None:
        self._collector = collector
        self._spool = spool
        self._room = Room(items=settings.max_items, max_bytes=settings.max_bytes, policy=settings.discard_policy)
        self._printer = ProgressPrinter(out, time.monotonic(), spool.counters())
        self._forwarder = Forwarder(
            spool,
            api,
            settings,
            registrations=collector.describe() if is_registering else (),
            clock=time,
            jitter=SystemRandom(),
            notice=self._printer.say,
        )
        if hasattr(collector, "has_room"):  # a source that answers its devices tells them when the spool is full
            collector.has_room = self.has_room
        self._stop = threading.Event()
        self._is_collected = threading.Event()
        self._fraction = 0.0
        self._shown_at = time.monotonic()
        self._failure: BaseException | None = None

    def stop(self) -> None:
        """Ask the run to end; may be called from a signal handler."""
        self._stop.set()

    def run(self, *, is_once: bool) -> Status:
        """Collect and forward.

        Args:
            is_once: End when the source is read and everything is sent; otherwise only when asked to stop.

        Returns:
            The state of the spool at the end.

        Raises:
            EdgeError: Something that waiting does not mend.
        """
        self._spool.note(EXHAUSTED, "false")
        threads = [
            threading.Thread(target=self._guarded, args=(work,), name=work.__name__, daemon=True)
            for work in (self._collect, self._forward)
        ]
        for thread in threads:
            thread.start()
        try:
            while not self._stop.wait(0.05):
                self._show()
                if is_once and self._is_done():
                    break
        finally:
            self._stop.set()
            deadline = time.monotonic() + STOP_WITHIN_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            self._printer.end()
        if isinstance(self._failure, EdgeError):
            raise self._failure
        if self._failure is not None:
            raise RuntimeError("the edge client failed") from self._failure
        return read_status(self._spool)

    def _guarded(self, work: Callable[[], None]) -> None:
        """Run a thread's work; what it dies of is raised by `run`."""
        try:
            work()
        except BaseException as error:
            self._failure = self._failure or error
            self._stop.set()

    def _collect(self) -> None:
        name = self._collector.name
        with closing(self._collector.collect(self._spool.progress(name))) as chunks:
            for chunk in chunks:
                if chunk.is_idle:
                    if self._stop.is_set():
                        return
                    continue
                self._wait_for_room(chunk)
                if self._stop.is_set() or not self._append(name, chunk):
                    return
                self._fraction = chunk.fraction
        self._fraction = 1.0
        self._spool.note(EXHAUSTED, "true")
        self._is_collected.set()

    def _append(self, name: str, chunk: Chunk) -> bool:
        """Spool a chunk, on a full disk once there is room again; return False where the run ends before."""
        is_told = False
        while True:
            try:
                lost = self._spool.append(name, chunk, now=time.time(), keep=self._room)
            except SpoolFull as error:
                if not is_told:
                    self._printer.say(f"{error}; the collector waits, what is spooled is sent on: make room")
                is_told = True
                if self._stop.wait(DISK_POLL_S):
                    return False
                continue
            if lost:
                self._printer.say(f"{lost:,} items are lost ({self._room.policy}): the spool is full")
            if is_told:
                self._printer.say("the disk has room again")
            return True

    def has_room(self, items: int, byte_count: int) -> bool:
        """Tell whether the spool takes items now, by its policy; an empty spool takes a chunk of any size."""
        if self._room.policy != "wait":
            return True
        count = self._spool.counters()
        return not count.pending or (
            count.pending + items <= self._room.items and count.pending_bytes + byte_count <= self._room.max_bytes
        )

    def _wait_for_room(self, chunk: Chunk) -> None:
        """Hold the collector back while the spool is full."""
        byte_count = sum(map(len, chunk.items))
        while chunk.items and not self.has_room(len(chunk.items), byte_count):
            if self._stop.wait(FULL_POLL_S):
                return

    def _forward(self) -> None:
        while not self._stop.is_set():
            try:
                wait_s = self._forwarder.step()
            except SpoolFull:  # the spool has given its reserve up, so the next step finds room
                wait_s = DISK_POLL_S
            if wait_s > 0:
                self._stop.wait(wait_s)

    def _is_done(self) -> bool:
        return self._is_collected.is_set() and not self._spool.counters().pending and self._forwarder.is_settled()

    def _show(self) -> None:
        now = time.monotonic()
        if now - self._shown_at >= SHOW_EVERY_S:
            self._shown_at = now
            self._printer.show(self._spool.counters(), self._fraction, now)
