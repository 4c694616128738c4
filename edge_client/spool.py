"""SQLite outbox: what was collected and is not acknowledged yet. Sending it is `forwarder.py`'s work.

Every method is one transaction, so a process killed at any moment leaves a spool from which the next one goes on: items
enter together with the progress of their collector, a batch is written down before it is first sent, and it leaves
together with the counts of its answer.
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from edge_client import spool_rows as rows
from edge_client.collectors.collector import Chunk, Skip
from edge_client.errors import SpoolError
from edge_client.spool_rows import Batch, Counters
from edge_client.spool_schema import connect
from ingestion_api.contract import Kind

KINDS: tuple[Kind, ...] = ("readings", "events")
EXHAUSTED = "is_exhausted"
LAST_ANSWER = "last_answer"


class Spool:
    """The outbox in one file. Threads may share it; a second process may only look (`status`)."""

    def __init__(self, path: Path, *, is_new_allowed: bool = True) -> None:
        self._path = path
        self._connection = connect(path, is_new_allowed=is_new_allowed)
        self._lock = threading.Lock()

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
                raise SpoolError(f"cannot use the spool {self._path}: {error}") from error

    def _reading(self) -> AbstractContextManager[sqlite3.Connection]:
        return self._transaction("begin")

    # --- the collector's side ---

    def append(self, collector: str, chunk: Chunk, *, now: float, keep: int | None = None) -> int:
        """Spool a chunk's items and its collector's progress.

        Args:
            collector: The collector's name.
            chunk: What it handed over.
            now: Seconds since 1970.
            keep: Most items to hold; the oldest unsent ones beyond it are dropped and counted as lost.

        Returns:
            How many items were dropped.

        Raises:
            SpoolError: The file cannot be written; nothing of the chunk is in it.
        """
        with self._transaction() as sql:
            number = sql.execute("select collected from counters").fetchone()[0]
            sql.executemany(
                "insert into items (number, kind, is_replay, collected_at, body) values (?, ?, ?, ?, ?)",
                ((number + i, chunk.kind, chunk.is_replay, now, body) for i, body in enumerate(chunk.items, start=1)),
            )
            rows.note_skips(sql, chunk.skips)
            sql.execute(
                "update counters set collected = collected + ?, skipped = skipped + ?",
                (len(chunk.items), len(chunk.skips)),
            )
            sql.execute(
                "insert or replace into progress (collector, part, position) values (?, ?, ?)",
                (collector, chunk.part, chunk.position),
            )
            return 0 if keep is None else rows.discard_oldest(sql, rows.counters(sql).pending - keep)

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
                return rows.filled(sql, row, is_new=False)
            heads = [head for kind in KINDS if (head := rows.due_head(sql, kind, size, now, linger_s)) is not None]
            return rows.assign(sql, min(heads)[1], size) if heads else None

    def release(self, batch: Batch) -> None:
        """Take back a new batch that never left this machine, so that its items may be grouped anew (S1-055).

        Raises:
            SpoolError: The file cannot be written, or the batch is not the only one on its way.
        """
        with self._transaction() as sql:
            rows.remove_batch(sql, batch)
            if sql.execute("select count(*) from batches").fetchone()[0]:
                raise SpoolError(f"batch {batch.idempotency_key} was formed before others: it must be sent")

    def split(self, batch: Batch) -> None:
        """Replace a batch that the API found too large, and so did not store, by its two halves.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            rows.remove_batch(sql, batch)
            numbers = [n for n, _ in rows.items(sql, batch.kind, batch.first_number, batch.last_number)]
            middle = len(numbers) // 2
            for part in (numbers[:middle], numbers[middle:]):
                rows.insert_batch(sql, batch.kind, batch.is_replay, part[0], part[-1], len(part))

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
            rows.remove_batch(sql, batch)
            rows.remove_items(sql, batch)
            sql.execute(
                "update counters set accepted = accepted + ?, quarantined = quarantined + ?, repeated = repeated + ?",
                (accepted, quarantined, repeated),
            )
            rows.note(sql, LAST_ANSWER, answer)

    def reject(self, batch: Batch, answer: str) -> None:
        """Put a batch that the API refuses for good aside, with its answer.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            rows.remove_batch(sql, batch)
            rows.remove_items(sql, batch)
            sql.execute(
                "insert into dead_letters values (?, ?, ?, ?, ?, ?, ?)",
                (
                    batch.idempotency_key,
                    batch.kind,
                    batch.is_replay,
                    batch.item_count,
                    batch.body,
                    answer,
                    datetime.now(UTC).isoformat(timespec="seconds"),
                ),
            )
            sql.execute("update counters set rejected = rejected + ?", (batch.item_count,))
            rows.note(sql, LAST_ANSWER, answer)

    # --- for both, and for people ---

    def note(self, name: str, value: str) -> None:
        """Write a fact down, such as the last answer.

        Raises:
            SpoolError: The file cannot be written.
        """
        with self._transaction() as sql:
            rows.note(sql, name, value)

    def fact(self, name: str) -> str | None:
        """Return a fact, None where it was never noted."""
        with self._reading() as sql:
            row = sql.execute("select value from facts where name = ?", (name,)).fetchone()
            return None if row is None else str(row[0])

    def counters(self) -> Counters:
        """Return the counts since the spool was made."""
        with self._reading() as sql:
            return rows.counters(sql)

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
