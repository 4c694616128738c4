"""Stores batches that wait at the same moment by one statement, so that a busy inbox commits once for several.

Each is stored or found stored by itself, as if it were alone: a group has one site, whose gate it passes once, and what
the database refuses as a group is tried one by one. Which statement a batch needs is decided in `inbox.py`.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ingestion_api.direct import PATIENCE_S, Direct
from ingestion_api.key_ring import STANDS

# Of sixteen, each costs the database a quarter of what it costs alone; larger groups gain little and wait longer.
_MOST_BATCHES = 16
_MOST_BYTES = 256 * 1024
# A statement that waits for another transaction, such as one that holds the same batch, must not hold up a site.
SLOW_S = 0.2
# Two groups may wait for each other, and one batch of a group for a repeat of it; single ones hardly can.
_OF_ONE = (psycopg.errors.DeadlockDetected, psycopg.errors.LockNotAvailable)
COLUMNS: dict[str, str] = {
    "batch_id": "uuid",
    "site_code": "text",
    "kind": "text",
    "origin": "text",
    "credential": "text",
    "idempotency_key": "text",
    "content_hash": "bytea",
    "format": "text",
    "payload": "bytea",
    "equipment_code": "text",
    "item_count": "integer",
    "accepted_count": "integer",
    "quarantined_count": "integer",
    "is_replay": "boolean",
    "received_at": "timestamptz",
}
_Row = Mapping[str, Any]
_Waiting = tuple[_Row, "asyncio.Future[int | None]"]


@dataclass
class _Queue:
    """The batches of one site that wait for the statement under way.

    Attributes:
        statements: Under way.
        slow: Of these, those that have lasted so long that what waits is not to wait for them.
    """

    site_code: str
    waiting: list[_Waiting] = field(default_factory=list)
    statements: int = 0
    slow: int = 0

    def next_group(self) -> list[_Waiting]:
        """Take the batches of the next statement; at least one."""
        size, number = 0, 0
        for row, _ in self.waiting[:_MOST_BATCHES]:
            size += len(row["payload"])
            if number and size > _MOST_BYTES:
                break
            number += 1
        group, self.waiting = self.waiting[:number], self.waiting[number:]
        return group


class JointInsert:
    """Writes rows of `inbox.batches`, several at once where several wait.

    Args:
        direct: Runs the statements.
        patience_s: How long a batch waits for the statements before its own.
    """

    def __init__(self, direct: Direct, patience_s: float = PATIENCE_S) -> None:
        self._direct = direct
        self._patience_s = patience_s
        self._queues: dict[str, _Queue] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def add(self, row: _Row) -> int | None:
        """Store a batch durably.

        Returns:
            Its sequence number; None where it is stored already, or its key does not work any more.

        Raises:
            psycopg.Error: As `Direct.rows`.
            sqlalchemy.exc.TimeoutError: As `Direct.rows`; or the batch waited for five seconds and is not stored,
                or its statement did for ten more.
        """
        site_code = row["site_code"]
        queue = self._queues.setdefault(site_code, _Queue(site_code))
        stored: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        waiting = row, stored
        queue.waiting.append(waiting)
        self._start(queue)
        try:
            await asyncio.wait((stored,), timeout=self._patience_s)
            if not stored.done() and waiting in queue.waiting:
                queue.waiting.remove(waiting)
                raise PoolTimeout("the statements before this batch did not end in time")
            # What is on its way is waited for, but not for ever: a database may hang.
            await asyncio.wait((stored,), timeout=2 * self._patience_s)
            if not stored.done():
                raise PoolTimeout("the statement did not end in time: the batch may be stored or not")
            return await stored
        finally:
            stored.cancel()  # where nobody waits any more

    def _start(self, queue: _Queue) -> None:
        """Write what waits, unless a statement is under way: two at once have smaller groups, which costs a fifth."""
        if queue.waiting and queue.statements == queue.slow:
            queue.statements += 1
            task = asyncio.create_task(self._work(queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _work(self, queue: _Queue) -> None:
        """Write until nothing waits, or another statement has taken over from this one."""
        is_slow = False

        def hand_over() -> None:
            nonlocal is_slow
            is_slow = True
            queue.slow += 1
            self._start(queue)

        try:
            while queue.waiting and not is_slow:
                timer = asyncio.get_running_loop().call_later(SLOW_S, hand_over)
                try:
                    await self._write(queue.next_group())
                finally:
                    timer.cancel()
        finally:
            queue.statements -= 1
            queue.slow -= is_slow
            if queue.waiting:
                self._start(queue)
            elif not queue.statements:
                self._queues.pop(queue.site_code, None)

    async def _write(self, group: Sequence[_Waiting]) -> None:
        """Write a group, and tell each who waits what became of its batch."""
        try:
            numbers = await self._numbers([row for row, _ in group])
        except Exception as error:
            # The store is away, or a turn was not to be had: so it is for each. All else may be the fault of one.
            is_of_all = isinstance(error, (psycopg.OperationalError, PoolTimeout)) and not isinstance(error, _OF_ONE)
            if not is_of_all and len(group) > 1:
                await asyncio.gather(*(self._write([one]) for one in group))
                return
            for _, stored in group:
                if not stored.done():
                    stored.set_exception(error)
        else:
            for row, stored in group:
                if not stored.done():  # who waited may have gone
                    stored.set_result(numbers.get(row["batch_id"]))

    async def _numbers(self, rows: Sequence[_Row]) -> dict[UUID, int]:
        values = [value for row in rows for value in (row["key_hash"], *(row[name] for name in COLUMNS))]
        first = rows[0]
        return dict(await self._direct.rows(_statement(len(rows)), [first["space"], first["site_code"], *values]))


@cache
def _statement(number: int) -> str:
    """Write the statement for a number of batches. Its reasons are those of `inbox.py`'s, which stores one."""
    types = ["bytea", *COLUMNS.values()]
    names = ", ".join(COLUMNS)
    places = iter(f"${place}" for place in range(3, 3 + number * len(types)))
    came = ", ".join(f"({', '.join(f'{next(places)}::{type_name}' for type_name in types)})" for _ in range(number))
    return f"""
        with gate as materialized (select pg_advisory_xact_lock_shared($1, hashtext($2))),
        batch as (
            insert into inbox.batches ({names})
            select {names} from gate cross join (values {came}) as came (sender_hash, {names})
            where sender_hash is null
                or exists (select from inbox.api_keys where {STANDS.replace(":key_hash", "sender_hash")})
            on conflict do nothing
            returning batch_id, batch_seq
        )
        select batch_id, batch_seq from batch
    """
