"""The SQL behind the spool: single statements that run inside a transaction of `spool.py`, which alone calls them."""

import sqlite3
import uuid
from typing import cast

from msgspec import Struct

from edge_client.collectors.collector import Chunk, Skip
from edge_client.errors import SpoolError
from ingestion_api.contract import MAX_BODY_BYTES, Kind

MAX_SKIPS = 1_000  # how many are kept by place and reason; all of them are counted
MAX_DEAD_BYTES = 16 * 1024 * 1024
MAX_DEAD_LETTERS = 10_000


class Batch(Struct, frozen=True, kw_only=True):
    """Items that are sent together, always as the same bytes under the same key.

    Attributes:
        idempotency_key: A UUID, written down before the batch is first sent.
        kind: What the items are.
        is_replay: The items are history.
        first_number: The batch holds every spooled item of its kind from this number …
        last_number: … to this one.
        item_count: How many they are.
        is_new: Formed just now, so never sent before.
        body: The JSON array.
    """

    idempotency_key: str
    kind: Kind
    is_replay: bool
    first_number: int
    last_number: int
    item_count: int
    is_new: bool
    body: bytes


class Counters(Struct, frozen=True, kw_only=True):
    """Items since the spool was made; `collected` equals sent + pending + rejected + lost.

    Attributes:
        collected: Items that entered the spool.
        accepted: Acknowledged as accepted.
        quarantined: Acknowledged as quarantined.
        repeated: Acknowledged in batches that the API had already received from somebody else.
        rejected: In batches that the API refused for good; kept as dead letters.
        lost: Dropped unsent, for the reasons in `losses`.
        skipped: Passed over in the source because they are no items.
        pending_bytes: What the items in the spool take, as JSON.
    """

    collected: int = 0
    accepted: int = 0
    quarantined: int = 0
    repeated: int = 0
    rejected: int = 0
    lost: int = 0
    skipped: int = 0
    pending_bytes: int = 0

    @property
    def sent(self) -> int:
        """Items that the API acknowledged."""
        return self.accepted + self.quarantined + self.repeated

    @property
    def pending(self) -> int:
        """Items in the spool."""
        return self.collected - self.sent - self.rejected - self.lost


def counters(sql: sqlite3.Connection) -> Counters:
    """Read the counters."""
    cursor = sql.execute("select * from counters")
    return Counters(**dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True)))


def note(sql: sqlite3.Connection, name: str, value: str) -> None:
    """Write a fact down."""
    sql.execute("insert or replace into facts (name, value) values (?, ?)", (name, value))


def insert_items(sql: sqlite3.Connection, chunk: Chunk, bodies: list[bytes], *, after: int, now: float) -> None:
    """Spool items of a chunk under the numbers that follow the last one given."""
    sql.executemany(
        "insert into items (number, kind, is_replay, collected_at, body) values (?, ?, ?, ?, ?)",
        ((after + i, chunk.kind, chunk.is_replay, now, body) for i, body in enumerate(bodies, start=1)),
    )


def note_skips(sql: sqlite3.Connection, skips: list[Skip]) -> None:
    """Write down what was passed over, up to a limit."""
    if skips and (room := MAX_SKIPS - sql.execute("select count(*) from skips").fetchone()[0]) > 0:
        sql.executemany("insert into skips (place, reason) values (?, ?)", skips[:room])


def assigned_until(sql: sqlite3.Connection, kind: Kind) -> int:
    """Return the last item of a kind that is in a batch; 0 where none is."""
    return cast(
        int, sql.execute("select coalesce(max(last_number), 0) from batches where kind = ?", (kind,)).fetchone()[0]
    )


def due_head(sql: sqlite3.Connection, kind: Kind, size: int, now: float, linger_s: float) -> tuple[int, Kind] | None:
    """Return the first unassigned item of a kind, if a batch should be made of it now."""
    after = assigned_until(sql, kind)
    unassigned = "select number, collected_at from items where kind = ? and number > ? order by number limit 1 offset ?"
    head = sql.execute(unassigned, (kind, after, 0)).fetchone()
    if head is None:
        return None
    has_waited = abs(now - head[1]) >= linger_s  # abs: a clock set back must not hold the items for hours
    if has_waited or sql.execute(unassigned, (kind, after, size - 1)).fetchone() is not None:
        return head[0], kind
    return None


def assign(sql: sqlite3.Connection, kind: Kind, size: int) -> Batch:
    """Write a new batch down: the oldest items up to a change of `is_replay`, the size, or the API's limit in bytes."""
    rows = sql.execute(
        "select number, is_replay, length(body) from items where kind = ? and number > ? order by number limit ?",
        (kind, assigned_until(sql, kind), size),
    ).fetchall()
    numbers: list[int] = []
    is_replay, body_bytes = rows[0][1], 2
    for number, is_replay_too, item_bytes in rows:
        body_bytes += item_bytes + 1
        if is_replay_too != is_replay or (body_bytes > MAX_BODY_BYTES and numbers):
            break
        numbers.append(number)
    return filled(sql, insert_batch(sql, kind, is_replay, numbers[0], numbers[-1], len(numbers)), is_new=True)


def insert_batch(
    sql: sqlite3.Connection, kind: str, is_replay: bool, first: int, last: int, count: int
) -> tuple[object, ...]:
    """Write a batch down under a new key."""
    row = (str(uuid.uuid4()), kind, is_replay, first, last, count)
    sql.execute("insert into batches values (?, ?, ?, ?, ?, ?)", row)
    return row


def items(sql: sqlite3.Connection, kind: str, first: int, last: int) -> list[tuple[int, bytes]]:
    """Return number and body of the items of a kind between two numbers."""
    return sql.execute(
        "select number, body from items where kind = ? and number between ? and ? order by number", (kind, first, last)
    ).fetchall()


def filled(sql: sqlite3.Connection, row: tuple[object, ...], *, is_new: bool) -> Batch:
    """Return a row of `batches` with its items' bytes."""
    key, kind, is_replay, first, last, count = cast(tuple[str, Kind, int, int, int, int], row)
    bodies = [body for _, body in items(sql, kind, first, last)]
    if len(bodies) != count:
        raise SpoolError(f"the spool holds {len(bodies)} of the {count} items of batch {key}: the file was changed")
    return Batch(
        idempotency_key=key,
        kind=kind,
        is_replay=bool(is_replay),
        first_number=first,
        last_number=last,
        item_count=count,
        is_new=is_new,
        body=b"[" + b",".join(bodies) + b"]",
    )


def remove_batch(sql: sqlite3.Connection, batch: Batch) -> None:
    """Forget a batch; its items stay."""
    removed = sql.execute("delete from batches where idempotency_key = ?", (batch.idempotency_key,)).rowcount
    if removed != 1:
        raise SpoolError(f"batch {batch.idempotency_key} is not in the spool: was it answered twice?")


def remove_items(sql: sqlite3.Connection, batch: Batch) -> None:
    """Delete a batch's items."""
    sql.execute(
        "delete from items where kind = ? and number between ? and ?",
        (batch.kind, batch.first_number, batch.last_number),
    )
    frame = 2 + batch.item_count - 1  # brackets and commas
    sql.execute("update counters set pending_bytes = pending_bytes - ?", (len(batch.body) - frame,))


def keep_aside(sql: sqlite3.Connection, batch: Batch, answer: str, refused_at: str) -> None:
    """Keep a refused batch for people; of the oldest ones only what was answered, so that they fill no disk."""
    sql.execute(
        "insert into dead_letters values (?, ?, ?, ?, ?, ?, ?)",
        (batch.idempotency_key, batch.kind, batch.is_replay, batch.item_count, batch.body, answer, refused_at),
    )
    kept = 0
    newest_first = "select idempotency_key, length(body) from dead_letters where body != x'' order by refused_at desc"
    for key, size in sql.execute(newest_first).fetchall():
        kept += size
        if kept > MAX_DEAD_BYTES and key != batch.idempotency_key:
            sql.execute("update dead_letters set body = x'' where idempotency_key = ?", (key,))
    sql.execute(
        "delete from dead_letters where idempotency_key not in"
        " (select idempotency_key from dead_letters order by refused_at desc limit ?)",
        (MAX_DEAD_LETTERS,),
    )
