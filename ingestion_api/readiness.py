"""Tells whether the database can be worked with, and if not, what to do. Mending it does not belong here."""

import asyncio

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from ingestion_api.errors import NotMigrated, Unavailable
from ingestion_api.store import Store

PATIENCE_S = 5.0

_HAS_INBOX = text("select to_regclass('inbox.batches') is not null")


async def check(store: Store) -> None:
    """Look whether the database answers and has been migrated.

    Raises:
        NotMigrated: The tables are missing.
        Unavailable: It does not answer within 5 seconds.
    """
    try:
        async with asyncio.timeout(PATIENCE_S), store.statements() as connection:
            is_migrated: bool = (await connection.execute(_HAS_INBOX)).scalar_one()
    except (DBAPIError, PoolTimeout, OSError) as error:
        cause = getattr(error, "orig", None) or error
        said = str(cause).strip().partition("\n")[0] or type(cause).__name__
        raise Unavailable(
            f"the database {store} does not answer ({said}):"
            " start it (`python -m warehouse start`), or set MILLRACE_API_DATABASE_URL to another one"
        ) from error
    if not is_migrated:
        raise NotMigrated(f"the database {store} has no tables: run `python -m warehouse migrate`")
