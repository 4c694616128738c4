"""Erases a worker from the archive's files (C39). What the database's tables hold is `erasure`'s."""

import re
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Row, select, text, update

from warehouse import archive_files, erasure_journal
from warehouse.archive_content import content_of
from warehouse.archived_tables import TABLES, ArchivedTable, folder_of
from warehouse.erasure_journal import RenewedFile
from warehouse.tables import archived_days

_WITH_WORKERS = {table.name: table for table in TABLES if "worker_code" in table.columns}
_RENEWED = re.compile(r"(.*?)(?:~(\d+))?\.parquet")


def erase_from_archive(
    engine: Engine, directory: Path, site_code: str, worker_code: str, pseudonym: str, *, is_repeated: bool = False
) -> int:
    """Write the files anew that name a worker, with the pseudonym in the place of the code. Call it `exclusively`.

    A file is replaced by one of another name, which the ledger names in the same transaction: whenever this is
    interrupted, the ledger names a file that is whole, and the next call goes on. A file that no ledger names, as one
    of a day that was archived after the moment to which the database was brought back, keeps its name.

    Args:
        engine: Of the warehouse, as the owner of its tables.
        directory: Of the archive.
        site_code: Whose worker.
        worker_code: The code to forget.
        pseudonym: What stands in its place.
        is_repeated: The ledger was brought back to an earlier moment: a file that is not the one it means is treated
            as one that it does not name.

    Returns:
        How many files were written anew.

    Raises:
        ArchiveDamaged: A file is missing, or not what was written.
    """
    codes = {"pseudonym": pseudonym, "worker_code": worker_code}
    entries = entries_with_workers(engine, site_code)
    replaced = {entry.path for entry in entries if is_repeated and not _is(directory / entry.path, entry.sha256)}
    count = sum(_renew(engine, directory, entry, codes) for entry in entries if entry.path not in replaced)
    named = {entry.path for entry in entries_with_workers(engine, site_code)} - replaced
    for table in _WITH_WORKERS.values():
        for path in sorted((directory / folder_of(table, site_code)).glob("*.parquet")):
            if path.relative_to(directory).as_posix() not in named:
                count += _renew_unnamed(engine, directory, table, path, codes)
    return count


def entries_with_workers(engine: Engine, site_code: str) -> list[Row[Any]]:
    """The ledger's entries of a site's files that name workers."""
    entries = select(archived_days).where(
        archived_days.c.site_code == site_code,
        archived_days.c.table_name.in_(_WITH_WORKERS),
        archived_days.c.path.is_not(None),
    )
    with engine.connect() as connection:
        return list(connection.execute(entries.order_by(archived_days.c.day)).all())


def relink(engine: Engine, directory: Path) -> int:
    """Let the ledger name the files that erasures wrote, where it was brought back to a moment before them.

    Returns:
        How many entries were changed.
    """
    successors = {(file.former_path, file.former_sha256): file for file in erasure_journal.files(directory)}
    if not successors:
        return 0
    forgotten = select(archived_days).where(archived_days.c.path.in_({path for path, _ in successors}))
    count = 0
    with engine.begin() as connection:
        for entry in connection.execute(forgotten).all():
            found = _last(successors, entry)
            is_there = _is(directory / entry.path, entry.sha256)
            if found is not None and not is_there and _is(directory / found.path, found.sha256):
                _name(connection, entry, found)
                count += 1
    return count


def _last(successors: dict[tuple[str, str], RenewedFile], entry: Row[Any]) -> RenewedFile | None:
    """What an entry's file has become, by way of all erasures since."""
    found, key, seen = None, (entry.path, entry.sha256), set()
    while key in successors and key not in seen:
        seen.add(key)
        found = successors[key]
        key = (found.path, found.sha256)
    return found


def _is(path: Path, sha256: str) -> bool:
    return path.exists() and archive_files.sha256(path) == sha256


def _renew(engine: Engine, directory: Path, entry: Row[Any], codes: dict[str, str]) -> bool:
    old = directory / entry.path
    # Where a former call was interrupted after the ledger had named the new file.
    _former(old).unlink(missing_ok=True)
    table = _WITH_WORKERS[entry.table_name]
    with engine.begin() as connection:
        renewed = _write(connection, directory, table, old, entry.sha256, _next(old), codes)
        if renewed is None:
            return False
        _name(connection, entry, renewed)
    old.unlink()
    return True


def _renew_unnamed(engine: Engine, directory: Path, table: ArchivedTable, path: Path, codes: dict[str, str]) -> bool:
    with engine.begin() as connection:
        return _write(connection, directory, table, path, archive_files.sha256(path), path, codes) is not None


def _write(
    connection: Connection,
    directory: Path,
    table: ArchivedTable,
    old: Path,
    sha256: str,
    new: Path,
    codes: dict[str, str],
) -> RenewedFile | None:
    """Write a file anew and record it in the journal; None where the file does not name the worker."""
    stage = archive_files.stage(connection, table, old, sha256)
    rename = text(f"update {stage} set worker_code = :pseudonym where worker_code = :worker_code")
    if not connection.execute(rename, codes).rowcount:
        return None
    file = archive_files.write(connection, table, f"select * from {stage} {table.order}", {}, new)
    content = content_of(connection, table, f"select * from {stage}", {})
    former, path = (place.relative_to(directory).as_posix() for place in (old, new))
    renewed = RenewedFile(former, sha256, path, file.sha256, str(content.checksum), file.byte_count)
    erasure_journal.note_file(directory, renewed)
    return renewed


def _name(connection: Connection, entry: Row[Any], file: RenewedFile) -> None:
    is_entry = [column == getattr(entry, column.name) for column in archived_days.primary_key]
    values = {name: getattr(file, name) for name in ("path", "checksum", "sha256", "byte_count")}
    connection.execute(update(archived_days).where(*is_entry).values(values))


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
