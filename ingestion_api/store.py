"""The API's database, the way a service that must answer uses it. Statements do not belong here."""

import math
from contextlib import AbstractAsyncContextManager
from typing import cast

from sqlalchemy import QueuePool
from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.direct import Direct
from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_async_engine

_POOL_SIZE = 20
_MAX_OVERFLOW = 10
# Whoever waits for a lock or a connection for five seconds is better told to come back.
_CONNECTION = {
    "options": "-c timezone=UTC -c lock_timeout=5s",
    "connect_timeout": 5,
    "application_name": "millrace_ingestion_api",
}


class Store:
    """A pool of connections on which a statement commits by itself, unless a transaction is asked for.

    That way a statement is one round trip: begin, commit and a ping before each would double the work of a push.
    Without the ping, the first request after the database restarted fails (503) and empties the pool; the next is
    served.

    Args:
        url: Of the API's database.
        workers: Processes of this instance. They share its 20 + 10 connections (S3-050), so that more of them do not
            take more from the server, whose `max_connections` they would exceed one day.

    Attributes:
        direct: Runs the one statement of a plain push without SQLAlchemy.
    """

    def __init__(self, url: str, workers: int = 1) -> None:
        self._engine = create_async_engine(
            url,
            connect_args=_CONNECTION,
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=False,
            pool_size=math.ceil(_POOL_SIZE / workers),
            max_overflow=math.ceil(_MAX_OVERFLOW / workers),
            pool_timeout=5,
            hide_parameters=True,  # parameters are payloads: they belong in no message and no log (C40)
        )
        # The other half is left to what takes longer.
        self.direct = Direct(self._engine, math.ceil(_POOL_SIZE / workers / 2))
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")

    def statements(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection on which every statement commits by itself."""
        return self._engine.connect()

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection in a transaction that commits at the end, or rolls back on an error."""
        return self._transactional.begin()

    def pool_use(self) -> dict[str, int]:
        """Return how many connections are kept, lent, and beyond those kept."""
        pool = cast(QueuePool, self._engine.pool)
        lent = pool.checkedout() - self.direct.idle
        return {"size": pool.size(), "checked_out": lent, "overflow": max(0, pool.overflow())}

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        await self.direct.close()
        await self._engine.dispose()

    def __str__(self) -> str:
        """Name the database, without its password."""
        return self._engine.url.render_as_string()


def open_store(settings: IngestionApiSettings) -> Store:
    """Return the API's database; it connects when first used.

    Raises:
        warehouse.errors.NotStarted: The embedded database was never started, so it has no address yet.
    """
    return Store(settings.dsn(), settings.workers)
