"""Lets one archiving, restoring, dropping or erasing be under way. What these do is told where they are.

Two locks: one in the database, one in the archive. A server that failed over forgets who writes files, and a database
that was restored beside the old one knows nothing of it.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sqlalchemy import Engine, NullPool, text

from warehouse.engine import create_engine
from warehouse.errors import StorageBusy
from warehouse.file_lock import locked
from warehouse.ownership import require_owner
from warehouse.repeated_erasures import Repeated, repeat_erasures

_LOCK = text("select pg_try_advisory_lock(hashtextextended('millrace/storage', 0))")
_BUSY = "another archiving, restoring, dropping or erasing is under way; try again when it has ended"


@contextmanager
def exclusively(engine: Engine, directory: Path, *, are_all_repeated: bool = False) -> Iterator[list[Repeated]]:
    """Hold both locks. Erasures that the tables forgot, having been brought back to a moment before, are done first.

    Args:
        engine: Of the warehouse.
        directory: Of the archive.
        are_all_repeated: Do those again too that the tables know of: a load may have brought the code back.

    Yields:
        The erasures that were done again.

    Raises:
        NotOwner: The login does not own the raw tables.
        StorageBusy: Somebody else holds one.
    """
    # A connection of its own: the lock ends with it, and a process that is killed holds nothing.
    alone = create_engine(engine.url, poolclass=NullPool)
    with alone.connect() as connection, ExitStack() as held:
        require_owner(connection)
        if not connection.scalar(_LOCK):
            raise StorageBusy(_BUSY)
        connection.commit()
        directory.mkdir(parents=True, exist_ok=True)
        try:
            held.enter_context(locked(directory / ".lock", timeout_s=0))
        except TimeoutError as error:
            raise StorageBusy(_BUSY) from error
        yield repeat_erasures(engine, directory, are_all=are_all_repeated)
