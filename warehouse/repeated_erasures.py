"""Does erasures again that tables have forgotten, having been brought back to a moment before them (C39).

The archive's journal outlives the database. Erasing itself is `erasure`'s and `archive_erasure`'s.
"""

from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import Engine, select

from warehouse import erasure_journal
from warehouse.archive_erasure import entries_with_workers, erase_from_archive, relink
from warehouse.erasure import erase_worker, record_erasure, worker_codes
from warehouse.tables import erasures


@dataclass(frozen=True)
class Repeated:
    """An erasure that was done again, and in how many rows and files the code stood."""

    site_code: str
    worker_code: str
    pseudonym: str
    count: int


def repeat_erasures(engine: Engine, directory: Path, *, are_all: bool = False) -> list[Repeated]:
    """Bring ledger and tables in line with the journal. Call it with the locks of `storage_lock` held.

    Args:
        engine: Of the warehouse, as the owner of its tables.
        directory: Of the archive.
        are_all: Not only the erasures that the tables do not know of.

    Returns:
        The erasures whose code was found again.
    """
    relink(engine, directory)
    with engine.connect() as connection:
        known = {(row.site_code, row.pseudonym) for row in connection.execute(select(erasures))}
    due = [
        noted
        for noted in erasure_journal.workers(directory)
        if are_all or (noted.site_code, noted.pseudonym) not in known
    ]
    done: list[Repeated] = []
    for site_code in sorted({noted.site_code for noted in due}):
        codes = worker_codes(engine, site_code) | _archived_codes(engine, directory, site_code)
        for noted in (noted for noted in due if noted.site_code == site_code):
            done += _repeat(engine, directory, noted, codes - {noted.pseudonym})
    return done


def _repeat(engine: Engine, directory: Path, noted: erasure_journal.ErasedWorker, codes: set[str]) -> list[Repeated]:
    found = sorted(code for code in codes if noted.is_of(code))
    if not found:
        with engine.begin() as connection:
            record_erasure(connection, noted.site_code, noted.pseudonym)
    done = []
    for code in found:
        rows = erase_worker(engine, noted.site_code, code, noted.pseudonym)
        files = erase_from_archive(engine, directory, noted.site_code, code, noted.pseudonym, is_repeated=True)
        done.append(Repeated(noted.site_code, code, noted.pseudonym, sum(rows.values()) + files))
    return done


def _archived_codes(engine: Engine, directory: Path, site_code: str) -> set[str]:
    """The workers' codes in a site's files; dropped days are nowhere else."""
    codes: set[str] = set()
    for entry in entries_with_workers(engine, site_code):
        if (directory / entry.path).exists():
            column = pq.read_table(directory / entry.path, columns=["worker_code"])["worker_code"]
            codes |= set(column.unique().to_pylist())
    return codes - {None}
