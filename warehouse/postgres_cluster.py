"""Makes a cluster, and refuses to start where that cannot end well. Running it is `embedded.py`'s."""

import base64
import hashlib
import hmac
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from warehouse.errors import DataDirUnusable, PortTaken, StartFailed, TooLittleDisk
from warehouse.postgres_binaries import MAJOR_VERSION, Account

MIN_FREE_BYTES = 1024**3


def refuse_unusable(cluster: Path, password_file: Path) -> None:
    """Check that an existing cluster is ours, of this version, and can be logged in to.

    Raises:
        DataDirUnusable: It is not.
    """
    if not cluster.exists():
        return
    elsewhere = "set MILLRACE_DATA_DIR to another directory"
    if os.geteuid() not in (0, cluster.stat().st_uid):
        raise DataDirUnusable(
            f"{cluster} belongs to another account (was it started as root?): start as that account, or {elsewhere}."
        )
    version_file = cluster / "PG_VERSION"
    version = version_file.read_text().strip() if version_file.exists() else None
    if version is None:
        raise DataDirUnusable(f"{cluster} holds no PostgreSQL data: {elsewhere}.")
    if version != str(MAJOR_VERSION):
        raise DataDirUnusable(
            f"{cluster} was made by PostgreSQL {version}, this is {MAJOR_VERSION}: "
            f"move the data with pg_dump, or {elsewhere}."
        )
    if not password_file.exists():
        raise DataDirUnusable(
            f"{password_file} is missing, so nobody can log in to {cluster}: restore the file, or {elsewhere}."
        )


def refuse_full_disk(home: Path, min_free_bytes: int = MIN_FREE_BYTES) -> None:
    """Check that there is room for a database to work.

    Raises:
        TooLittleDisk: There is not.
    """
    free = shutil.disk_usage(home).free
    if free < min_free_bytes:
        raise TooLittleDisk(
            f"Only {free // 1024**2} MiB are free under {home}, PostgreSQL needs {min_free_bytes // 1024**2}: "
            "free some, or set MILLRACE_DATA_DIR to a directory on another disk."
        )


def refuse_taken_port(host: str, port: int) -> None:
    """Check that nobody listens on the port.

    Raises:
        PortTaken: Somebody does.
    """
    with socket.socket() as probe:
        # As PostgreSQL does: connections of a server just ended do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise port_taken(host, port) from error


def port_taken(host: str, port: int) -> PortTaken:
    """What to say of a port that another program holds."""
    return PortTaken(f"Port {port} on {host} is taken by another program: set MILLRACE_POSTGRES_PORT to a free port.")


def ensure_password(file: Path) -> str:
    """The password in a file that only its owner may read; made up where there is none."""
    if not file.exists():
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as password_file:
            password_file.write(secrets.token_urlsafe(24))
    return file.read_text()


def create_cluster(cluster: Path, user: str, password: str, programs: Path, account: Account | None) -> None:
    """Run initdb: UTF-8, C collation (the same order on every machine), password login only.

    Raises:
        StartFailed: initdb failed.
    """
    # Made under another name, so that an initdb that was killed leaves nothing that looks finished; a new name each
    # time, as an initdb whose starter was killed goes on and empties its directory when it fails.
    for leftover in cluster.parent.glob(f"{cluster.name}.new-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f"{cluster.name}.new-", dir=cluster.parent))
    with tempfile.NamedTemporaryFile("w", dir=cluster.parent) as password_file:
        password_file.write(_verifier(password))
        password_file.flush()
        if account is not None:
            os.chown(unfinished, account.uid, account.gid)
            os.chown(password_file.name, account.uid, account.gid)
        command = [str(programs / "initdb"), "--pgdata", str(unfinished), "--username", user, "--auth", "scram-sha-256"]
        command += ["--pwfile", password_file.name, "--encoding", "UTF8", "--locale", "C"]
        made = subprocess.run(
            command,
            env=server_environment(),
            cwd="/",
            check=False,
            capture_output=True,
            text=True,
            **(account.process_options() if account else {}),
        )
    if made.returncode != 0:
        raise StartFailed(f"PostgreSQL could not create {cluster}: {' '.join(made.stderr.split())[-500:]}")
    unfinished.rename(cluster)


def _verifier(password: str) -> str:
    """What the server keeps of the password: SCRAM-SHA-256 (RFC 5802) with a single round of its key derivation.

    PostgreSQL's 4,096 rounds make weak passwords costly to guess; 24 random bytes are out of reach anyway. Every login
    has to go through them, which is half of what it takes, and dbt and Dagster log in for each of their steps.
    """
    salt, rounds = os.urandom(16), 1
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    shown_salt, shown_stored, shown_server = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${rounds}:{shown_salt}${shown_stored}:{shown_server}"


def server_environment() -> dict[str, str]:
    """Our own environment without what would steer PostgreSQL: PGDATA and its kin mean other servers of this user."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PG", "LC_", "LANG"))}
    return {**inherited, "LC_ALL": "C", "TZ": "UTC"}
