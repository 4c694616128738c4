"""The warehouse's marts, the way the API reads them. Which endpoint asks for what does not belong here.

Every transaction is read-only, short, and of the role bi_reader, which may read `marts` and nothing else. Pushing never
comes here: the warehouse may be away for as long as it likes.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine

from ingestion_api.errors import MartsUnavailable
from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_async_engine
from warehouse.errors import NotStarted
from warehouse.settings import warehouse_dsn

_CONNECTION = {
    "options": "-c timezone=UTC -c role=bi_reader -c default_transaction_read_only=on -c statement_timeout=5s",
    "connect_timeout": 3,
    "application_name": "millrace_ingestion_api_reads",
}
_NOT_BUILT = {"42P01", "3F000", "42703"}  # no such table, schema or column

Row = dict[str, Any]


class ReadStore:
    """The marts. Connects when first asked.

    Args:
        settings: Name the warehouse, or leave it to the platform's own.
    """

    def __init__(self, settings: IngestionApiSettings) -> None:
        self._settings = settings
        self._engine: AsyncEngine | None = None

    async def rows(self, query: str, parameters: Mapping[str, Any]) -> list[Row]:
        """Return what a query finds.

        Raises:
            MartsUnavailable: The warehouse is away or too slow, or its marts are not built yet.
        """
        try:
            async with self._connected().connect() as connection:
                found = await connection.execute(text(query), dict(parameters))
                return [dict(row) for row in found.mappings()]
        except NotStarted as error:
            raise MartsUnavailable("the warehouse was never started") from error
        except ProgrammingError as error:
            if getattr(error.orig, "sqlstate", None) not in _NOT_BUILT:
                raise
            raise MartsUnavailable("the marts are not built yet: the first dbt run makes them") from error
        except (OperationalError, InterfaceError, PoolTimeout) as error:
            raise MartsUnavailable("the warehouse does not answer, or not in time") from error
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            raise MartsUnavailable("the warehouse closed the connection") from error

    async def close(self) -> None:
        """Close the connections that nobody uses."""
        if self._engine is not None:
            await self._engine.dispose()

    def _connected(self) -> AsyncEngine:
        if self._engine is None:
            url = warehouse_dsn(self._settings.warehouse_url)
            pool = {"pool_size": 4, "max_overflow": 4, "pool_timeout": 3}
            self._engine = create_async_engine(url, connect_args=_CONNECTION, hide_parameters=True, **pool)
        return self._engine
