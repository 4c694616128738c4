"""Takes base backups of the embedded server, verified and whole or not at all. Archiving WAL is the server's own work.

Together they restore any moment since the oldest base backup (C29); `backup_restore.py` does.
"""

import shutil
import subprocess
from datetime import datetime

from sqlalchemy import NullPool, make_url, text

from warehouse.backup_place import BackupPlace, BaseBackup, remove_unfinished
from warehouse.embedded import USER, EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.errors import BackupFailed
from warehouse.file_lock import locked
from warehouse.postgres_cluster import server_environment
from warehouse.postgres_parameters import HOST
from warehouse.settings import WarehouseSettings

_PATIENCE_S = 1.0


def is_elsewhere(settings: WarehouseSettings) -> bool:
    """Whether the warehouse of these settings is on a server that is not the embedded one."""
    server = settings.embedded()
    url = make_url(settings.warehouse_url) if settings.warehouse_url else None
    return url is not None and (url.port != server.port or url.host != HOST or not server.is_running())


def why_not(settings: WarehouseSettings) -> str | None:
    """Why no base backup can be taken of these settings' database; None where one can."""
    if is_elsewhere(settings):
        return "the warehouse is on a server of its own: its administrator backs it up, see docs/backup.md"
    if settings.backup_dir is None:
        return "MILLRACE_BACKUP_DIR is not set: nothing is backed up"
    if not settings.embedded().is_running():
        return "the embedded database does not run"
    return None


def take(server: EmbeddedPostgres, kept: int) -> BaseBackup:
    """Take a base backup of a running server, verify it, and delete what is older than the newest `kept`.

    Raises:
        BackupFailed: Another backup is under way, WAL is not archived, or a program failed; nothing was deleted.
    """
    if server.backup_dir is None:
        raise BackupFailed("There is nowhere to put a backup: set MILLRACE_BACKUP_DIR.")
    place = BackupPlace.of_cluster(server.backup_dir, server.cluster)
    refuse_unarchived(server)
    try:
        (place.root / "backup.lock").touch(0o600)
        with locked(place.root / "backup.lock", _PATIENCE_S):
            remove_unfinished(place)
            backup = _take(server, place)
            _prune(server, place, kept)
    except TimeoutError as error:
        raise BackupFailed(f"Another backup into {place.root} is under way.") from error
    except OSError as error:
        raise BackupFailed(f"{place.root} cannot be written: {error.strerror}") from error
    return backup


def _take(server: EmbeddedPostgres, place: BackupPlace) -> BaseBackup:
    unfinished = place.root / "base.new"
    unfinished.mkdir(mode=0o700)
    copy = unfinished / "cluster"
    # With the WAL written meanwhile, so that it can be restored even where the archive is lost.
    where = ["-h", HOST, "-p", str(server.port), "-U", USER]
    try:
        _run(server, "pg_basebackup", *where, "-D", str(copy), "-X", "stream", "-c", "fast", "--no-password")
        _run(server, "pg_verifybackup", "--quiet", str(copy))
        shutil.copy2(server.password_file, unfinished / "postgres.password")
        taken_at = _server_time(server)
        backup = BaseBackup(taken_at, place.directory_of(taken_at))
        unfinished.rename(backup.directory)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return backup


def _prune(server: EmbeddedPostgres, place: BackupPlace, kept: int) -> None:
    backups = place.backups()
    for backup in backups[:-kept]:
        shutil.rmtree(backup.directory)
    first_wal = backups[-kept:][0].first_wal()
    _run(server, "pg_archivecleanup", "-x", ".gz", str(place.wal), first_wal)
    # It leaves the labels of old backups; names compare without their timeline.
    for label in place.wal.glob("*.backup.gz"):
        if label.name[8:24] < first_wal[8:]:
            label.unlink()


def _run(server: EmbeddedPostgres, program: str, *arguments: str) -> None:
    command = [str(server.programs() / program), *arguments]
    environment = {**server_environment(), "PGPASSWORD": server.password_file.read_text()}
    done = subprocess.run(command, env=environment, cwd="/", check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise BackupFailed(f"{program} failed: {' '.join(done.stderr.split())[-500:]}")


def refuse_unarchived(server: EmbeddedPostgres) -> None:
    """Check that WAL is archived: a base backup without the WAL after it restores one moment alone.

    Raises:
        BackupFailed: It is not; since when and why, where the server knows.
    """
    query = """
        select current_setting('archive_mode') as mode, last_failed_wal, last_failed_time,
            coalesce(last_failed_time > last_archived_time, last_failed_time is not null) as is_failing
        from pg_stat_archiver
    """
    engine = create_engine(server.url("postgres"), poolclass=NullPool)
    with engine.connect() as connection:
        state = connection.execute(text(query)).one()
    if state.mode != "on":
        raise BackupFailed("The server runs without archiving WAL: restart it with MILLRACE_BACKUP_DIR set.")
    if state.is_failing:
        raise BackupFailed(
            f"Archiving WAL fails since {state.last_failed_time:%F %H:%M} at {state.last_failed_wal}; "
            f"{server.log_file} says why."
        )


def _server_time(server: EmbeddedPostgres) -> datetime:
    engine = create_engine(server.url("postgres"), poolclass=NullPool)
    with engine.connect() as connection:
        now: datetime = connection.scalar(text("select clock_timestamp()"))
    return now
