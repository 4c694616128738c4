"""Brings a database to the current revision. What the revisions do is in `migrations/versions`."""

from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import NullPool, text
from sqlalchemy.exc import SQLAlchemyError

from warehouse.engine import create_engine
from warehouse.errors import MigrationError
from warehouse.tables import api_metadata, warehouse_metadata

Branch = Literal["api", "warehouse"]

METADATA = {"api": api_metadata, "warehouse": warehouse_metadata}
_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that nobody else locks; the same in each process that migrates.
_LOCK_KEY = 0x6D696C6C72616365


def migrate(url: str, branch: Branch) -> None:
    """Bring one database to the current revision, in one transaction. Nothing to do is nothing done.

    Any number of processes may call this at once: one migrates, the others wait for it.

    Raises:
        MigrationError: The server refuses, or a later version of Millrace made the database.
    """
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            connection.execute(text("select pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
            config = alembic_config(branch)
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
    except CommandError as error:
        raise MigrationError(
            f"{engine.url!r}: {error}. Is the database newer than this version of Millrace?"
        ) from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationError(f"{engine.url!r} cannot be migrated: {' '.join(str(cause).split())}") from error


def alembic_config(branch: Branch) -> Config:
    """Alembic's configuration of a branch, also for its own commands; it needs `attributes["connection"]`."""
    config = Config(attributes={"branch": branch, "metadata": METADATA[branch]})
    # A percent sign in a path would be read as an interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("version_locations", str(_MIGRATIONS / "versions" / branch).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config
