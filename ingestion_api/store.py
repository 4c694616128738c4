"""The API's database, the way a service that must answer uses it. Statements do not belong here."""

from contextlib import AbstractAsyncContextManager

from sqlalchemy.ext.asyncio import AsyncConnection

from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_async_engine

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
    """

    def __init__(self, url: str) -> None:
        self._engine = create_async_engine(
            url,
            connect_args=_CONNECTION,
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=False,
            pool_timeout=5,
            hide_parameters=True,  # parameters are payloads: they belong in no message and no log (C40)
        )
        self._transactional = self._engine.execution_options(isolation_level="READ COMMITTED")

    def statements(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection on which every statement commits by itself."""
        return self._engine.connect()

    def transaction(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """Lend a connection in a transaction that commits at the end, or rolls back on an error."""
        return self._transactional.begin()

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        await self._engine.dispose()

    def __str__(self) -> str:
        """Name the database, without its password."""
        return self._engine.url.render_as_string()


def open_store(settings: IngestionApiSettings) -> Store:
    """Return the API's database; it connects when first used.

    Raises:
        warehouse.errors.NotStarted: The embedded database was never started, so it has no address yet.
    """
    return Store(settings.dsn())
