"""The SQL of what the spool discards: every item is counted by kind and reason in the transaction that drops it.

Single statements that run inside a transaction of `spool.py`, which alone calls them.
"""

import sqlite3
from collections import Counter
from heapq import merge
from itertools import accumulate
from typing import Literal, cast

from msgspec import Struct

from edge_client.spool_rows import assigned_until
from ingestion_api.contract import Kind, LossKind

KINDS: tuple[Kind, ...] = ("readings", "events")
Policy = Literal["wait", "discard_oldest", "discard_newest"]

OLDEST = "spool_full_oldest"
NEWEST = "spool_full_newest"
OVERFLOW = "collector_overflow"  # the source went on while the spool could take nothing, and cannot be read again
REJECTED = "rejected_by_api"


class Room(Struct, frozen=True, kw_only=True):
    """How much the spool may hold, and what is dropped to keep it so."""

    items: int
    max_bytes: int
    policy: Policy = "discard_oldest"


class LossCount(Struct, frozen=True, kw_only=True):
    """Items of one kind that were dropped for one reason since the spool was made.

    Attributes:
        kind: What they were.
        reason: Why they were dropped.
        total: How many.
        first_at: When the first was dropped, seconds since 1970.
        last_at: When the last was.
        reported: How many of them the API knows of.
    """

    kind: LossKind
    reason: str
    total: int
    first_at: float
    last_at: float
    reported: int


def count_loss(sql: sqlite3.Connection, kind: LossKind, reason: str, count: int, now: float) -> None:
    """Count items that are dropped in this transaction."""
    if count:
        sql.execute(
            "insert into losses (kind, reason, total, first_at, last_at) values (?, ?, ?, ?, ?)"
            " on conflict (kind, reason) do update set total = total + excluded.total,"
            " first_at = min(first_at, excluded.first_at), last_at = max(last_at, excluded.last_at)",
            (kind, reason, count, now, now),
        )


def losses(sql: sqlite3.Connection) -> list[LossCount]:
    """Read every loss."""
    names = LossCount.__struct_fields__
    rows = sql.execute(f"select {', '.join(names)} from losses order by kind, reason")
    return [LossCount(**dict(zip(names, row, strict=True))) for row in rows]


def discard_oldest(sql: sqlite3.Connection, excess_items: int, excess_bytes: int, now: float) -> int:
    """Drop unsent items; those of a batch that may be on its way stay, or their answer would count them twice."""
    if excess_items <= 0 and excess_bytes <= 0:
        return 0
    unsent = "select number, kind, length(body) from items where kind = ? and number > ? order by number"
    cursors = [sql.execute(unsent, (kind, assigned_until(sql, kind))) for kind in KINDS]
    dropped: Counter[Kind] = Counter()
    until: dict[Kind, int] = {}
    byte_count = 0
    for number, kind, size in merge(*cursors):
        if dropped.total() >= excess_items and byte_count >= excess_bytes:
            break
        dropped[kind] += 1
        until[kind] = number
        byte_count += size
    for cursor in cursors:
        cursor.close()
    for kind, last in until.items():
        first = assigned_until(sql, kind) + 1
        sql.execute("delete from items where kind = ? and number between ? and ?", (kind, first, last))
        count_loss(sql, kind, OLDEST, dropped[kind], now)
    sql.execute("update counters set lost = lost + ?, pending_bytes = pending_bytes - ?", (dropped.total(), byte_count))
    return dropped.total()


def fitting(items: list[bytes], room_items: int, room_bytes: int) -> int:
    """Return how many items from the first on have room."""
    within = [size <= room_bytes for size in accumulate(map(len, items))]
    return max(0, min(room_items, sum(within)))


def loss_reported(sql: sqlite3.Connection, kind: str, reason: str, total: int) -> None:
    """Write down how many the API knows of."""
    sql.execute("update losses set reported = max(reported, ?) where kind = ? and reason = ?", (total, kind, reason))


def pending_bytes(sql: sqlite3.Connection) -> int:
    """Return how many bytes the unsent items hold."""
    return cast(int, sql.execute("select pending_bytes from counters").fetchone()[0])
