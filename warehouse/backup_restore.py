"""Brings the embedded server back to a moment: base backup, then archived WAL. Taking backups is `backup.py`'s."""

import os
import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError

from warehouse.backup_place import BackupPlace, BaseBackup, places
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.errors import BackupFailed, RestoreRefused, StartFailed
from warehouse.postgres_binaries import Account, reachable_home, unprivileged_account
from warehouse.postgres_process import orphans


@dataclass(frozen=True)
class Restored:
    """What a restore came to.

    Attributes:
        backup: The base backup it began with.
        last_commit_at: Newest transaction that was restored, UTC; None where nothing was committed after the backup.
        aside: Where the cluster that was there before is now; None where there was none.
    """

    backup: BaseBackup
    last_commit_at: datetime | None
    aside: Path | None


def restore(server: EmbeddedPostgres, to: datetime | None = None, *, timeout_s: float = 3600) -> Restored:
    """Restore a server that does not run, to a moment or as far as the archive goes; it does not run afterwards.

    Nothing is overwritten: a cluster that is there is set aside, and put back where the restore fails.

    Args:
        server: Its data directory may be empty or gone.
        to: The first transaction committed after this moment, and all after it, are left out.
        timeout_s: How long replaying WAL may take.

    Raises:
        RestoreRefused: The server runs, or there is no backup of that time.
        BackupFailed: The archive does not reach that far, or the restored server does not start.
    """
    _refuse_running(server)
    place, backup = _choose(server, to)
    account = unprivileged_account(server.cluster)
    server.data_dir.mkdir(parents=True, exist_ok=True)
    reachable_home(server.data_dir, account)
    aside = _lay_out(server, backup, account)
    try:
        last_commit_at = _replay(server, place, to, timeout_s)
    except BaseException:
        server.stop()
        shutil.rmtree(server.cluster)
        if aside is not None:
            aside.rename(server.cluster)
        raise
    if to is not None:
        _abandon(place, to)
    return Restored(backup, last_commit_at, aside)


def _refuse_running(server: EmbeddedPostgres) -> None:
    if server.postmaster_pid() is not None or (server.cluster.exists() and orphans(server.cluster)):
        raise RestoreRefused(f"The server of {server.data_dir} runs: stop it first (python -m warehouse stop).")


def _choose(server: EmbeddedPostgres, to: datetime | None) -> tuple[BackupPlace, BaseBackup]:
    if server.backup_dir is None:
        raise RestoreRefused("There is nothing to restore from: set MILLRACE_BACKUP_DIR.")
    if server.cluster.exists():
        candidates = [BackupPlace.of_cluster(server.backup_dir, server.cluster)]
    else:
        candidates = places(server.backup_dir)
    found = [
        (backup, place) for place in candidates for backup in place.backups() if to is None or backup.taken_at <= to
    ]
    if not found:
        raise RestoreRefused(f"{server.backup_dir} holds no base backup" + (f" from before {to}." if to else "."))
    backup, place = max(found, key=lambda pair: pair[0])
    return place, backup


def _lay_out(server: EmbeddedPostgres, backup: BaseBackup, account: Account | None) -> Path | None:
    """Copy the base backup to the server's place; returns where the old cluster went."""
    cluster, now = server.cluster, datetime.now(UTC)
    unfinished = cluster.with_name("postgres.restoring")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(backup.cluster, unfinished, symlinks=True)
    (unfinished / "recovery.signal").touch()
    unfinished.chmod(0o700)
    if account is not None:
        for path in (unfinished, *unfinished.rglob("*")):
            os.chown(path, account.uid, account.gid, follow_symlinks=False)
    aside = None
    if cluster.exists():
        aside = cluster.with_name(f"postgres.before-{now:%Y%m%dT%H%M%SZ}")
        cluster.rename(aside)
    unfinished.rename(cluster)
    password = server.password_file.with_suffix(".new")
    shutil.copy2(backup.password_file, password)
    password.replace(server.password_file)
    return aside


def _replay(server: EmbeddedPostgres, place: BackupPlace, to: datetime | None, timeout_s: float) -> datetime | None:
    parameters = {
        "restore_command": place.restore_command(),
        "recovery_target_timeline": "latest",
        "recovery_target_action": "promote",
    }
    if to is not None:
        parameters["recovery_target_time"] = to.astimezone(UTC).isoformat()
    recovering = server.with_parameters(parameters, start_timeout_s=timeout_s)
    try:
        recovering.start()
        _await_promotion(recovering, timeout_s)
        last_commit_at = _last_commit(recovering)
    except (StartFailed, OperationalError) as error:
        said = recovering.log_file.read_text(errors="replace")
        if "recovery ended before configured recovery target was reached" in said.rpartition("starting PostgreSQL")[2]:
            raise BackupFailed(
                f"The archive in {place.wal} ends before {to}: restore without a time to get all that there is."
            ) from error
        raise BackupFailed(f"The restored server does not start; {recovering.log_file} says why.") from error
    recovering.stop()
    return last_commit_at


def _abandon(place: BackupPlace, to: datetime) -> None:
    """Take the base backups from after `to` out of those that are restored: the history they belong to was left."""
    for backup in place.backups():
        if backup.taken_at > to:
            backup.directory.rename(backup.directory.with_name(f"{backup.directory.name}.abandoned"))


def _await_promotion(server: EmbeddedPostgres, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    engine = create_engine(server.url("postgres"), poolclass=NullPool)
    while True:
        with engine.connect() as connection:
            if not connection.scalar(text("select pg_is_in_recovery()")):
                return
        if time.monotonic() > deadline:
            raise BackupFailed(f"Replaying WAL takes more than {timeout_s:g} s; {server.log_file} says how far it is.")
        time.sleep(0.2)


def _last_commit(server: EmbeddedPostgres) -> datetime | None:
    engine = create_engine(server.url("postgres"), poolclass=NullPool)
    with engine.connect() as connection:
        at: datetime | None = connection.scalar(text("select pg_last_xact_replay_timestamp()"))
    return at
