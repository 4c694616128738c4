"""Brings a database to the current revision. What the revisions do is in `migrations/versions`."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util import CommandError
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from warehouse.engine import create_engine
from warehouse.errors import MigrationError
from warehouse.tables import api_metadata, warehouse_metadata

Branch = Literal["api", "warehouse"]

METADATA = {"api": api_metadata, "warehouse": warehouse_metadata}
_MIGRATIONS = Path(__file__).parent / "migrations"
# Any number that nobody else locks; the same in each process that migrates.
_LOCK_KEY = 0x6D696C6C72616365
# Whoever asks for a table behind a migration waits as long as the migration does: no writer may wait for two seconds.
_LOCK_TIMEOUT_S = 1
_LONGEST_PAUSE_S = 10
_TURN_PAUSE_S = 0.2
_ATTEMPTS = 40
_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class Standing:
    """How far a database is migrated.

    Attributes:
        current: Its revision; None where it was never migrated.
        head: The newest revision of this version of Millrace.
        steps_behind: Revisions that are still to come; None where a later version of Millrace made the database.
    """

    current: str | None
    head: str
    steps_behind: int | None


def migrate(url: str, branch: Branch) -> None:
    """Bring one database to the current revision, a transaction for each. Nothing to do is nothing done.

    Any number of processes may call this at once: one migrates, the others wait for it. Others may read and write
    meanwhile: a step that does not get its locks within a second gives up, lets those pass that wait behind it, and
    tries again.

    Raises:
        MigrationError: The server refuses, sessions hold locks for minutes, or a later version of Millrace made the
            database.
    """
    engine = create_engine(url, poolclass=NullPool)
    try:
        with engine.connect() as connection:
            _take_turn(connection)
            # Kept by the session, also in steps that run outside of a transaction.
            connection.execute(text(f"set lock_timeout = '{_LOCK_TIMEOUT_S}s'"))
            connection.commit()
            _upgrade(connection, branch)
    except CommandError as error:
        raise MigrationError(
            f"{engine.url!r}: {error}. Is the database newer than this version of Millrace?"
        ) from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        raise MigrationError(f"{engine.url!r} cannot be migrated: {' '.join(str(cause).split())}") from error


def _take_turn(connection: Connection) -> None:
    """Wait for the others. Asked again and again: a statement that waits would itself hold up concurrent indexes."""
    while not connection.scalar(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY}):
        connection.rollback()
        time.sleep(_TURN_PAUSE_S)
    connection.commit()


def _upgrade(connection: Connection, branch: Branch) -> None:
    config = alembic_config(branch)
    config.attributes["connection"] = connection
    for attempt in range(_ATTEMPTS):
        try:
            command.upgrade(config, "heads")
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) != _LOCK_NOT_AVAILABLE or attempt == _ATTEMPTS - 1:
                raise
            connection.rollback()
            # As long as it was in the way, and longer each time: those it held up go first.
            time.sleep(min(_LOCK_TIMEOUT_S * (attempt + 1), _LONGEST_PAUSE_S))
        else:
            return


def standing(connection: Connection, branch: Branch) -> Standing:
    """Say how far a database is migrated; nothing is changed."""
    script = ScriptDirectory.from_config(alembic_config(branch))
    options = {"version_table": f"alembic_version_{branch}", "version_table_schema": "public"}
    current = MigrationContext.configure(connection, opts=options).get_current_revision()
    head = str(script.get_current_head())
    try:
        steps = sum(1 for _ in script.iterate_revisions(head, current or "base"))
    except RevisionError:
        return Standing(current, head, None)
    return Standing(current, head, steps)


def alembic_config(branch: Branch) -> Config:
    """Alembic's configuration of a branch, also for its own commands; it needs `attributes["connection"]`."""
    config = Config(attributes={"branch": branch, "metadata": METADATA[branch]})
    # A percent sign in a path would be read as an interpolation.
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("version_locations", str(_MIGRATIONS / "versions" / branch).replace("%", "%%"))
    config.set_main_option("path_separator", "newline")
    return config
