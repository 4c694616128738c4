"""Finds the server processes of a data directory, also after somebody was killed. Starting them is `embedded.py`'s."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Postmaster:
    """The main process of a server, as its own pid file describes it."""

    pid: int
    port: int
    is_ready: bool


def find_postmaster(cluster: Path) -> Postmaster | None:
    """The server that lives on this cluster, or None: a stale pid file and a recycled pid do not count."""
    try:
        lines = (cluster / "postmaster.pid").read_text().splitlines()
        pid = int(lines[0])
    except (FileNotFoundError, PermissionError, ValueError, IndexError):
        return None
    if not _is_postmaster(pid, cluster):
        return None
    port = int(lines[3]) if len(lines) > 3 and lines[3].strip().isdigit() else 0
    return Postmaster(pid, port, is_ready=len(lines) > 7 and lines[7].strip() == "ready")


def is_alive(pid: int) -> bool:
    """Whether a process runs. A server we started and that has ended is buried on the way."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE:
            return True
        if process.name().startswith("postgres"):
            with suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)
    except psutil.NoSuchProcess:
        pass
    return False


def end(postmaster: Postmaster, how: signal.Signals, timeout_s: float) -> bool:
    """Send a postmaster one of its shutdown signals; whether it was gone in time."""
    with suppress(ProcessLookupError):
        os.kill(postmaster.pid, how)
    deadline = time.monotonic() + timeout_s
    while is_alive(postmaster.pid):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def orphans(cluster: Path) -> list[psutil.Process]:
    """Server processes that outlived their postmaster. Ask only when `find_postmaster` finds none."""
    found = []
    for process in psutil.process_iter(["name", "cwd", "status"]):
        is_server = (process.info["name"] or "").startswith("postgres")
        if is_server and process.info["cwd"] == str(cluster) and process.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(process)
    return found


def kill_orphans(cluster: Path) -> None:
    """End what keeps the dead server's shared memory. To the data it is the same crash as the postmaster's end."""
    for process in orphans(cluster):
        with suppress(psutil.NoSuchProcess):
            process.kill()


def forget_stale_postmaster(cluster: Path) -> None:
    """Remove the pid file of a server that is gone altogether.

    PostgreSQL does so itself unless the pid meanwhile belongs to another process, or to a zombie nobody buries.
    """
    if find_postmaster(cluster) is None and not orphans(cluster):
        (cluster / "postmaster.pid").unlink(missing_ok=True)


def _is_postmaster(pid: int, cluster: Path) -> bool:
    if not is_alive(pid):
        return False
    try:
        # Children overwrite their command line; the postmaster keeps the one it was started with.
        return str(cluster) in psutil.Process(pid).cmdline()
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
