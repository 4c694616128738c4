"""Erases a worker from tables and archive, while nobody archives, restores or drops (C39). Each half has a module."""

from pathlib import Path

from sqlalchemy import Engine

from warehouse import erasure_journal
from warehouse.archive_erasure import erase_from_archive
from warehouse.erasure import erase_worker, require_pseudonym
from warehouse.storage_lock import exclusively


def erase_everywhere(
    engine: Engine, directory: Path, site_code: str, worker_code: str, pseudonym: str
) -> tuple[dict[str, int], int]:
    """Put a pseudonym in the place of a worker's code in every table and in every file of the archive.

    The archive's journal knows of it first: interrupted, or taken back by a restore of the database, it is done again
    by whatever next works on the archive.

    Args:
        engine: Of the warehouse, as the owner of its tables.
        directory: Of the archive.
        site_code: Whose worker.
        worker_code: The code to forget.
        pseudonym: What the API's database has now in its place.

    Returns:
        Rows changed by table, those without any left out, and files written anew.

    Raises:
        ArchiveDamaged: A file is missing, or not what was written; the tables are done.
        NotErased: The pseudonym is empty, or the code itself.
        StorageBusy: Archiving, restoring or dropping is under way; nothing was erased.
    """
    require_pseudonym(worker_code, pseudonym)
    with exclusively(engine, directory):
        erasure_journal.note_worker(directory, site_code, worker_code, pseudonym)
        rows = erase_worker(engine, site_code, worker_code, pseudonym)
        return rows, erase_from_archive(engine, directory, site_code, worker_code, pseudonym)
