"""Where base backups and archived WAL of the embedded server lie, and the commands by which it writes and reads WAL.

    <backup directory>/<system identifier>/wal/000000010000000000000003.gz
                                          /20261125T020003.141592Z/cluster/…, postgres.password

A cluster has a directory of its own, as the WAL of two clusters bears the same names. Taking and restoring backups are
`backup.py` and `backup_restore.py`.
"""

import os
import re
import shlex
import shutil
import struct
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from warehouse.errors import BackupFailed
from warehouse.postgres_binaries import Account

# C29 asks for five minutes at most. A segment that was switched early is nearly empty and compresses to some kilobytes.
ARCHIVE_TIMEOUT_S: Final = 60
_NAME: Final = "%Y%m%dT%H%M%S.%fZ"


@dataclass(frozen=True, order=True)
class BaseBackup:
    """A finished base backup. It restores any moment from `taken_at` on.

    Attributes:
        taken_at: When it ended, by the server's clock, UTC.
        directory: Holds `cluster`, and the password by which the owner logs in to it.
    """

    taken_at: datetime
    directory: Path

    @property
    def cluster(self) -> Path:
        """The copy of PostgreSQL's own directory."""
        return self.directory / "cluster"

    @property
    def password_file(self) -> Path:
        """The owner's password."""
        return self.directory / "postgres.password"

    def first_wal(self) -> str:
        """Name of the earliest WAL segment that it needs."""
        found = re.search(r"^START WAL LOCATION: .* \(file (\w+)\)", (self.cluster / "backup_label").read_text(), re.M)
        if found is None:
            raise BackupFailed(f"{self.directory} is no base backup: its backup_label names no WAL")
        return found[1]


@dataclass(frozen=True)
class BackupPlace:
    """The backups of one cluster."""

    root: Path

    @classmethod
    def of_cluster(cls, backup_dir: Path, cluster: Path) -> "BackupPlace":
        """The place of a cluster that exists."""
        control = (cluster / "global" / "pg_control").read_bytes()
        (identifier,) = struct.unpack_from("=Q", control)
        return cls(backup_dir.expanduser().resolve() / str(identifier))

    @property
    def wal(self) -> Path:
        """Archived WAL segments, compressed, and timeline histories."""
        return self.root / "wal"

    def backups(self) -> list[BaseBackup]:
        """The finished base backups, oldest first."""
        found = []
        for directory in self.root.glob("*Z"):
            taken_at = datetime.strptime(directory.name, _NAME).replace(tzinfo=UTC)
            found.append(BaseBackup(taken_at, directory))
        return sorted(found)

    def directory_of(self, taken_at: datetime) -> Path:
        """The directory of a base backup."""
        return self.root / taken_at.astimezone(UTC).strftime(_NAME)

    def prepare(self, account: Account | None) -> None:
        """Make the directories; the server's account must be able to write WAL.

        Raises:
            BackupFailed: It cannot.
        """
        try:
            self.wal.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BackupFailed(f"{self.wal} cannot be made ({error.strerror}): set MILLRACE_BACKUP_DIR") from error
        if account is not None:
            self.root.chmod(0o755)  # the server's account passes through; the backups inside are closed to it
            os.chown(self.wal, account.uid, account.gid)
            if not account.can("x", self.wal):
                raise BackupFailed(
                    f"PostgreSQL does not run as root, and its account cannot enter {self.root}: "
                    "set MILLRACE_BACKUP_DIR to a directory outside root's home."
                )
        self.wal.chmod(0o700)

    def archive_parameters(self) -> dict[str, str]:
        """Server parameters that archive every WAL segment, at the latest a minute after something was written to it.

        A segment is compressed, made durable and only then given its name. One that is there already is compared: a
        server that crashed right after archiving it asks again, and nobody else's may be overwritten.
        """
        wal = shlex.quote(str(self.wal)).replace("%", "%%")
        return {
            "archive_mode": "on",
            "archive_timeout": f"{ARCHIVE_TIMEOUT_S}s",
            "archive_command": f'd={wal}; if test -e "$d/%f.gz"; then gzip -dc "$d/%f.gz" | cmp -s - "%p"; '
            'else gzip -1c "%p" > "$d/%f.part" && sync "$d/%f.part" && mv "$d/%f.part" "$d/%f.gz" && sync "$d"; fi',
        }

    def restore_command(self) -> str:
        """The command that fetches a segment. One that cannot be read ends the recovery instead of cutting it short."""
        wal = shlex.quote(str(self.wal)).replace("%", "%%")
        return f'd={wal}; test -e "$d/%f.gz" || exit 1; gzip -dc "$d/%f.gz" > "%p" || exit 255'


def places(backup_dir: Path) -> list[BackupPlace]:
    """The places of all clusters that were ever backed up here."""
    root = backup_dir.expanduser().resolve()
    return [BackupPlace(path) for path in root.glob("*") if path.name.isdigit()] if root.exists() else []


def remove_unfinished(place: BackupPlace) -> None:
    """Delete what backups that were killed left behind."""
    for leftover in place.root.glob("*.new"):
        shutil.rmtree(leftover)
