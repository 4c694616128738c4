"""SQLite outbox: what was collected and is not acknowledged yet. Sending it is `forwarder.py`'s work.

Every method is one transaction, so a process killed at any moment leaves a spool from which the next one goes on: items
enter together with the progress of their collector, a batch is written down before it is first sent, and it leaves
together with the counts of its answer.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from edge_client import spool_losses, spool_rows
from edge_client.collectors.collector import Chunk, Skip
from edge_client.errors import SpoolError, SpoolFull
from edge_client.reserve import Reserve
from edge_client.spool_losses import KINDS, NEWEST, OVERFLOW, REJECTED, LossCount, Room
from edge_client.spool_rows import Batch, Counters
from edge_client.spool_schema import connect

SPOOL_ID = "spool_id"
SHRINK_PAGES = 1_024  # free pages beyond this many are given back; giving back all would wear the disk out
EXHAUSTED = "is_exhausted"
LAST_ANSWER = "last_answer"


class Spool:
    """The outbox in one file. Threads may share it; a second process may only look (`status`).

    Args:
        path: The file.
        is_new_allowed: Whether it may be created.
        max_bytes: What its items may take, which bounds the file; None for no bound, and no reserve on a full disk.
    """

    def __init__(self, path: Path, *, is_new_allowed: bool = True, max_bytes: int | None = None) -> None:
        self._path = path
        self._connection = connect(path, is_new_allowed=is_new_allowed, max_bytes=max_bytes)
        self._lock = threading.Lock()
        self._reserve = None if max_bytes is None else Reserve(path)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self, begin: str = "begin immediate") -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                self._connection.execute(begin)
                try:
                    yield self._connection
                    self._connection.execute("commit")
                except BaseException:
                    if self._connection.in_transaction:
                        self._connection.execute("rollback")
                    raise
            except sqlite3.Error as error:
                if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL:
                    if self._reserve is not None:
                        self._reserve.give_up()
                    raise SpoolFull(f"no room for the spool {self._path}: {error}") from error
                raise SpoolError(f"cannot use the spool {self._path}: {error}") from error

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._transaction("begin")

    # --- the collector's side ---

    def append(self, collector: str, chunk: Chunk, *, now: float, keep: Room | None = None) -> int:
        """Spool a chunk's items and its collector's progress.

        Args:
            collector: The collector's name.
            chunk: What it handed over.
            now: Seconds since 1970.
            keep: How much to hold; by its policy the oldest unsent items beyond it, or the newest, are dropped and
                counted as lost. None, and `wait`, drop nothing: then it is for the caller to wait.

        Returns:
            How many items were dropped.

        Raises:
            SpoolFull: The disk has no room; nothing of the chunk is in the spool.
            SpoolError: The file cannot be written; nothing of the chunk is in it.
        """
        if self._reserve is not None and not self._reserve.restore():
            raise SpoolFull(f"no room for the spool {self._path}: the disk is full")
        with self._transaction() as sql:
            count = spool_rows.counters(sql)
            items = chunk.items
            if keep is not None and keep.policy == "discard_newest":
                room = keep.items - count.pending, keep.max_bytes - count.pending_bytes
                items = items[: spool_losses.fitting(items, *room)]
            dropped = len(chunk.items) - len(items)
            spool_losses.count_loss(sql, chunk.kind, NEWEST, dropped, now)
            spool_losses.count_loss(sql, chunk.kind, OVERFLOW, chunk.lost, now)
            spool_rows.insert_items(sql, chunk, items, after=count.collected, now=now)
            spool_rows.note_skips(sql, chunk.skips)
            sql.execute(
                "update counters set collected = collected + ?, skipped = skipped + ?, lost = lost + ?,"
                " pending_bytes = pending_bytes + ?",
                (len(chunk.items) + chunk.lost, len(chunk.skips), dropped + chunk.lost, sum(map(len, items))),
            )
            sql.execute(
                "insert or replace into progress (collector, part, position) values (?, ?, ?)",
                (collector, chunk.part, chunk.position),
            )
            if keep is not None and keep.policy == "discard_oldest":
                count = spool_rows.counters(sql)
                excess = count.pending - keep.items, count.pending_bytes - keep.max_bytes
                dropped += spool_losses.discard_oldest(sql, *excess, now)
            return dropped + chunk.lost

    def progress(self, collector: str) -> dict[str, str]:
        """Return how far each part of a collector's source is spooled."""
        with self._reading() as sql:
            return dict(sql.execute("select part, position from progress where collector = ?", (collector,)))

    # --- the forwarder's side ---

    def next_batch(self, size: int, *, now: float, linger_s: float = 0) -> Batch | None:
        """Return the batch to send: one that is not answered yet, or else a new one of the oldest items.

        A new batch takes items of one kind and one `is_replay` in the order they were collected. It is formed once it
        is full or its first item has waited for `linger_s`.

        Args:
            size: Most items in a new batch.
            now: Seconds since 1970.
            linger_s: Seconds that an incomplete batch waits for more items.

        Raises:
            SpoolError: The file cannot be used.
        """
        with self._transaction() as sql:
            row = sql.execute("select * from batches order by first_number limit 1").fetchone()
            if row is not None:
                return spool_rows.filled(sql, row, is_new=False)
            heads = [
                head for kind in KINDS if (head := spool_rows.due_head(sql, kind, size, now, linger_s)) is not None
            ]
            return spool_rows.assign(sql, min(heads)[1], size) if heads else None

    def release(self, batch: Batch) -> None:
        """Take back a new batch that never left this machine, so that its items may be grouped anew (S1-055).

        Raises:
            SpoolError: The file cannot be written, or the batch is not the only one on its way.
        """
        with self._transaction() as sql:
            spool_rows.remove_batch(sql, batch)
            if sql.execute("select count(*) from batches").fetchone()[0]:
                raise SpoolError(f"batch {batch.idempotency_key} was formed before others: it must be sent")

    def split(self, batch: Batch) -> None:
        """Replace a batch that the API found too large, and so did not store, by its two halves.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            spool_rows.remove_batch(sql, batch)
            numbers = [n for n, _ in spool_rows.items(sql, batch.kind, batch.first_number, batch.last_number)]
            middle = len(numbers) // 2
            for part in (numbers[:middle], numbers[middle:]):
                spool_rows.insert_batch(sql, batch.kind, batch.is_replay, part[0], part[-1], len(part))

    def acknowledge(
        self, batch: Batch, answer: str, *, accepted: int = 0, quarantined: int = 0, repeated: int = 0
    ) -> None:
        """Drop a batch that the API has stored, and count what became of its items.

        Raises:
            SpoolError: The file cannot be written, or the counts do not add up to the batch.
        """
        if accepted + quarantined + repeated != batch.item_count:
            raise SpoolError(
                f"the API answered for {accepted + quarantined + repeated} items where the batch "
                f"{batch.idempotency_key} holds {batch.item_count}: {answer}"
            )
        with self._transaction() as sql:
            spool_rows.remove_batch(sql, batch)
            spool_rows.remove_items(sql, batch)
            sql.execute(
                "update counters set accepted = accepted + ?, quarantined = quarantined + ?, repeated = repeated + ?",
                (accepted, quarantined, repeated),
            )
            spool_rows.note(sql, LAST_ANSWER, answer)
            spare = sql.execute("pragma freelist_count").fetchone()[0] - SHRINK_PAGES
            for _ in range(min(spare, SHRINK_PAGES)):  # one at a time: `execute` takes a single step of a pragma
                sql.execute("pragma incremental_vacuum(1)")

    def reject(self, batch: Batch, answer: str) -> None:
        """Put a batch that the API refuses for good aside, with its answer.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            spool_rows.remove_batch(sql, batch)
            spool_rows.remove_items(sql, batch)
            spool_rows.keep_aside(sql, batch, answer, datetime.now(UTC).isoformat(timespec="microseconds"))
            spool_losses.count_loss(sql, batch.kind, REJECTED, batch.item_count, time.time())
            sql.execute("update counters set rejected = rejected + ?", (batch.item_count,))
            spool_rows.note(sql, LAST_ANSWER, answer)

    def loss_reported(self, loss: LossCount) -> None:
        """Write down that the API knows of a loss, as far as it was counted then.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            spool_losses.loss_reported(sql, loss.kind, loss.reason, loss.total)

    # --- for both, and for people ---

    def losses(self) -> list[LossCount]:
        """Return everything that was dropped, by kind and reason."""
        with self._reading() as sql:
            return spool_losses.losses(sql)

    def oldest_at(self) -> float | None:
        """Return when the oldest unsent item was collected, seconds since 1970; None where nothing is unsent."""
        with self._reading() as sql:
            heads = "select collected_at from items where kind = ? order by number limit 1"
            return min((row[0] for kind in KINDS for row in sql.execute(heads, (kind,))), default=None)

    def note(self, name: str, value: str) -> None:
        """Write a fact down, such as the last answer.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            spool_rows.note(sql, name, value)

    def fact(self, name: str) -> str | None:
        """Return a fact, None where it was never noted."""
        with self._reading() as sql:
            row = sql.execute("select value from facts where name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def counters(self) -> Counters:
        """Return the counts since the spool was made."""
        with self._reading() as sql:
            return spool_rows.counters(sql)

    def file_bytes(self) -> int:
        """Return what the file and its log take on the disk."""
        files = (self._path, self._path.with_name(self._path.name + "-wal"))
        return sum(file.stat().st_size for file in files if file.exists())

    def skips(self, limit: int) -> list[Skip]:
        """Return the first things that were passed over in the sources."""
        with self._reading() as sql:
            return [
                Skip(*row) for row in sql.execute("select place, reason from skips order by skip_id limit ?", (limit,))
            ]

    def dead_letters(self, limit: int) -> list[str]:
        """Return the answers to the batches refused last."""
        with self._reading() as sql:
            rows = sql.execute("select answer from dead_letters order by refused_at desc limit ?", (limit,))
            return [str(row[0]) for row in rows]
