"""Runs the statement that every push ends in, on the driver itself. All other statements go through SQLAlchemy.

SQLAlchemy's asynchronous half takes the processor for longer than the rest of a single reading's way: it compiles,
wraps and switches greenlets several times a statement. Here the driver is given one prepared statement, on connections
of SQLAlchemy's pool that are kept as long as they work.
"""

import asyncio
import re
from collections.abc import Sequence
from typing import Any, cast

import psycopg
from psycopg.pq import TransactionStatus
from sqlalchemy import PoolProxiedConnection
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.util import greenlet_spawn

PATIENCE_S = 5
_PARAMETER = re.compile(r"(?<!:):([a-z_]+)")


def for_driver(statement: str) -> tuple[str, list[str]]:
    """Write parameters the server's way, `$1`, where SQLAlchemy's is `:name`.

    Returns:
        The statement, and the names of its parameters in their order.
    """
    names = list(dict.fromkeys(_PARAMETER.findall(statement)))
    return _PARAMETER.sub(lambda found: f"${names.index(found[1]) + 1}", statement), names


class Direct:
    """Connections on which a statement commits by itself.

    A turn is waited for here and not in the pool: a connection kept here would not wake who waits there.

    Args:
        engine: Lends the connections; they must commit by themselves.
        connections: Most that are borrowed at once; kept until they break.
    """

    def __init__(self, engine: AsyncEngine, connections: int) -> None:
        self._engine = engine
        self._turns = asyncio.Semaphore(connections)
        self._idle: list[PoolProxiedConnection] = []

    @property
    def idle(self) -> int:
        """Connections that are borrowed and not used at the moment."""
        return len(self._idle)

    async def rows(self, statement: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Run a statement whose parameters are `$1` and so on, commit it, and return its rows.

        Raises:
            psycopg.Error: As the driver says; an OperationalError where the store is away.
            sqlalchemy.exc.TimeoutError: No connection was free for five seconds.
        """
        await self._take_turn()
        try:
            lent = self._idle.pop() if self._idle else await self._engine.raw_connection()
            connection = cast("psycopg.AsyncConnection[tuple[Any, ...]]", lent.driver_connection)
            try:
                # Raw: the driver would else take long statements apart each time.
                cursor = psycopg.AsyncRawCursor(connection)
                await cursor.execute(statement, values, prepare=True, binary=True)
                return await cursor.fetchall()
            finally:
                if connection.pgconn.transaction_status != TransactionStatus.IDLE:
                    # What broke one has broken the others: the next request shall not find out again.
                    await self._give_up([lent, *self._idle])
                else:
                    self._idle.append(lent)
        finally:
            self._turns.release()

    async def close(self) -> None:
        """Give the connections back that nobody uses."""
        idle, self._idle = self._idle, []
        for lent in idle:
            await greenlet_spawn(lent.close)

    async def _take_turn(self) -> None:
        if not self._turns.locked():
            await self._turns.acquire()
            return
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._turns.acquire()
        except TimeoutError as error:
            raise PoolTimeout("no connection was free in time") from error

    async def _give_up(self, broken: list[PoolProxiedConnection]) -> None:
        self._idle = []
        for lent in broken:
            await greenlet_spawn(lent.invalidate)
