"""Erases a worker from the archive's files (C39). What the database's tables hold is `erasure`'s."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text, update

from warehouse import archive_files
from warehouse.archive import content_of, exclusively
from warehouse.archived_tables import TABLES, ArchivedTable
from warehouse.tables import archived_days

_WITH_WORKERS = {table.name: table for table in TABLES if "worker_code" in table.columns}
_RENEWED = re.compile(r"(.*?)(?:~(\d+))?\.parquet")


def erase_from_archive(engine: Engine, directory: Path, site_code: str, worker_code: str, pseudonym: str) -> int:
    """Write the files anew that name a worker, with the pseudonym in the place of the code.

    A file is replaced by one of another name, which the ledger names in the same transaction: whenever this is
    interrupted, the ledger names a file that is whole, and the next call goes on.

    Args:
        engine: Of the warehouse, as the owner of its tables.
        directory: Of the archive.
        site_code: Whose worker.
        worker_code: The code to forget.
        pseudonym: What stands in its place.

    Returns:
        How many files were written anew.

    Raises:
        ArchiveDamaged: A file is missing, or not what was written.
        StorageBusy: Archiving, restoring or dropping is under way.
    """
    with exclusively(engine):
        entries = select(archived_days).where(
            archived_days.c.site_code == site_code,
            archived_days.c.table_name.in_(_WITH_WORKERS),
            archived_days.c.path.is_not(None),
        )
        with engine.connect() as connection:
            found = connection.execute(entries.order_by(archived_days.c.day)).all()
        return sum(_renew(engine, directory, entry, worker_code, pseudonym) for entry in found)


def _renew(engine: Engine, directory: Path, entry: Row[Any], worker_code: str, pseudonym: str) -> bool:
    old = directory / entry.path
    # Where a former call was interrupted after the ledger had named the new file.
    _former(old).unlink(missing_ok=True)
    table = _WITH_WORKERS[entry.table_name]
    with engine.begin() as connection:
        stage = archive_files.stage(connection, table, old, entry.sha256)
        named = text(f"update {stage} set worker_code = :pseudonym where worker_code = :worker_code")
        if not connection.execute(named, {"pseudonym": pseudonym, "worker_code": worker_code}).rowcount:
            return False
        _record(connection, directory, table, stage, entry)
    old.unlink()
    return True


def _record(connection: Connection, directory: Path, table: ArchivedTable, stage: str, entry: Row[Any]) -> None:
    path = _next(directory / entry.path)
    file = archive_files.write(connection, table, f"select * from {stage} {table.order}", {}, path)
    content = content_of(connection, table, f"select * from {stage}", {})
    is_entry = [column == getattr(entry, column.name) for column in archived_days.primary_key]
    connection.execute(
        update(archived_days)
        .where(*is_entry)
        .values(
            path=path.relative_to(directory).as_posix(),
            checksum=content.checksum,
            sha256=file.sha256,
            byte_count=file.byte_count,
        )
    )


def _next(path: Path) -> Path:
    """The name of the file that follows: 2026-01-31.parquet, 2026-01-31~1.parquet, 2026-01-31~2.parquet."""
    stem, number = _parts(path)
    return path.with_name(f"{stem}~{number + 1}.parquet")


def _former(path: Path) -> Path:
    """The name of the file before it; of the first one a name that no file has."""
    stem, number = _parts(path)
    return path.with_name(f"{stem}~{number - 1}.parquet" if number != 1 else f"{stem}.parquet")


def _parts(path: Path) -> tuple[str, int]:
    match = _RENEWED.fullmatch(path.name)
    if match is None:
        raise ValueError(f"{path} is no file of the archive")
    return match[1], int(match[2] or 0)
