"""Opens the API's database the way a service that must answer wants it. Statements do not belong here."""

from sqlalchemy.ext.asyncio import AsyncEngine

from ingestion_api.settings import IngestionApiSettings
from warehouse.engine import create_async_engine

# Whoever waits for a lock or a connection for five seconds is better told to come back.
_CONNECTION = {
    "options": "-c timezone=UTC -c lock_timeout=5s",
    "connect_timeout": 5,
    "application_name": "millrace_ingestion_api",
}


def open_store(settings: IngestionApiSettings) -> AsyncEngine:
    """Return the engine of the API's database; it connects when first used.

    Raises:
        warehouse.errors.NotStarted: The embedded database was never started, so it has no address yet.
    """
    # Parameters are payloads: they belong in no error message and no log (C40).
    return create_async_engine(settings.dsn(), connect_args=_CONNECTION, hide_parameters=True, pool_timeout=5)
