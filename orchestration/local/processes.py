"""Start, watch, restart and stop the processes of one machine. What they are is decided in `platform.py`.

Each child gets a session of its own, so that Ctrl-C reaches the supervisor alone and it can stop its children in
order. What runs is written down: a supervisor that was killed is cleaned up after by the next one.
"""

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil

from orchestration.local.errors import DataDirectoryUnusable, PortTaken, ProcessFailed

GRACE_S = 15.0
MAX_QUICK_DEATHS = 5
QUICK_DEATH_S = 20.0


@dataclass
class Process:
    """One child: how to start it, how to know that it is ready, and what became of it."""

    name: str
    command: Sequence[str]
    port: int | None = None
    port_setting: str = ""
    ready_url: str | None = None
    is_finite: bool = False
    handle: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restart_count: int = 0
    quick_deaths: int = 0

    @property
    def is_alive(self) -> bool:
        """Whether the child runs right now."""
        return self.handle is not None and self.handle.poll() is None

    @property
    def is_finished(self) -> bool:
        """Whether a finite child has ended well."""
        return self.is_finite and self.handle is not None and self.handle.poll() == 0


def port_is_free(host: str, port: int) -> bool:
    """Whether nothing listens on the port. A socket in TIME_WAIT does not count as taken."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


@dataclass
class Supervisor:
    """Keeps a set of processes running until told to stop.

    Args:
        run_dir: Where process records and logs are kept.
        environment: The environment of every child.
        say: Prints one line to the person at the terminal.
    """

    run_dir: Path
    environment: dict[str, str]
    say: Callable[[str], None]
    processes: dict[str, Process] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.run_dir / "logs").mkdir(parents=True, exist_ok=True)
        self._own = self.run_dir / "supervisor.json"

    def claim(self) -> None:
        """Take the data directory, stopping what a killed supervisor left behind.

        Raises:
            DataDirectoryUnusable: Another supervisor is at work on the same directory.
        """
        if is_supervised(self.run_dir):
            raise DataDirectoryUnusable(
                f"Millrace already runs on {self.run_dir.parent}; stop it with Ctrl-C there, "
                "or set MILLRACE_DATA_DIR to another folder"
            )
        for record in self.run_dir.glob("*.json"):
            orphan = _recorded(record)
            if orphan is not None:
                self.say(f"stopping {record.stem}, left over from a run that was killed")
                _stop_group(orphan.pid)
            record.unlink()
        _record(self._own, os.getpid())

    def start(self, process: Process) -> None:
        """Start one child.

        Raises:
            PortTaken: Its port is not free.
        """
        if process.port and not port_is_free("127.0.0.1", process.port):
            raise PortTaken(
                f"port {process.port} for {process.name} is taken; stop what uses it or set {process.port_setting}"
            )
        self.processes[process.name] = process
        with self.log(process.name).open("ab") as log:
            process.handle = subprocess.Popen(
                process.command,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        process.started_at = time.monotonic()
        _record(self.run_dir / f"{process.name}.json", process.handle.pid)

    def log(self, name: str) -> Path:
        """The log file of a child."""
        return self.run_dir / "logs" / f"{name}.log"

    def revive(self) -> None:
        """Start again each child that has died.

        Raises:
            ProcessFailed: It died several times right after its start.
        """
        for process in self.processes.values():
            if process.is_alive or process.is_finished or process.handle is None:
                continue
            lived = time.monotonic() - process.started_at
            process.quick_deaths = process.quick_deaths + 1 if lived < QUICK_DEATH_S else 0
            if process.quick_deaths >= MAX_QUICK_DEATHS:
                raise ProcessFailed(f"{process.name} does not stay up: {self.last_line(process.name)}")
            self.say(f"{process.name} died (exit {process.handle.returncode}); starting it again")
            process.restart_count += 1
            _stop_group(process.handle.pid)
            time.sleep(process.quick_deaths)
            self.start(process)

    def last_line(self, name: str) -> str:
        """The last thing a child said, and where the rest is."""
        lines = self.log(name).read_text(errors="replace").strip().splitlines()
        return f"{lines[-1] if lines else 'it said nothing'} (log: {self.log(name)})"

    def wait_ready(self, name: str, timeout_s: float) -> None:
        """Wait until a child answers.

        Raises:
            ProcessFailed: It does not answer in time.
        """
        url = self.processes[name].ready_url
        deadline = time.monotonic() + timeout_s
        while url is not None and not answers(url):
            self.revive()
            if time.monotonic() > deadline:
                raise ProcessFailed(f"{name} does not answer at {url} after {timeout_s:.0f} s: {self.last_line(name)}")
            time.sleep(0.5)

    def stop(self) -> None:
        """Stop every child, the youngest first, and give the data directory back."""
        for process in reversed(self.processes.values()):
            if process.handle is not None:
                _stop_group(process.handle.pid)
                process.handle.wait()
            (self.run_dir / f"{process.name}.json").unlink(missing_ok=True)
        self._own.unlink(missing_ok=True)


def resident_bytes(roots: Iterable[psutil.Process]) -> int:
    """Memory of some processes and all they started, in bytes; shared pages count once where the system can tell."""
    return sum(_memory(member) for member in {member for root in roots for member in _family(root)})


def is_supervised(run_dir: Path) -> bool:
    """Whether a supervisor is at work, `make up` or `make demo`."""
    return _recorded(run_dir / "supervisor.json") is not None


def answers(url: str) -> bool:
    """Whether who listens there answers: an HTTP request without an error, or a TCP connection."""
    address = httpx.URL(url)
    try:
        if address.scheme == "tcp":
            socket.create_connection((address.host, address.port or 0), timeout=5).close()
            return True
        return httpx.get(url, timeout=5, trust_env=False).status_code < 400
    except (httpx.TransportError, OSError):
        return False


def _record(path: Path, pid: int) -> None:
    path.write_text(json.dumps({"pid": pid, "created": psutil.Process(pid).create_time()}))


def _recorded(path: Path) -> psutil.Process | None:
    """The process a record names, if it still is that process and not another with its number."""
    try:
        record = json.loads(path.read_text())
        process = psutil.Process(record["pid"])
        return process if abs(process.create_time() - record["created"]) < 1 else None
    except (FileNotFoundError, ValueError, KeyError, psutil.NoSuchProcess):
        return None


def _family(root: psutil.Process) -> list[psutil.Process]:
    try:
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _memory(process: psutil.Process) -> int:
    try:
        full = process.memory_full_info()
        return int(getattr(full, "pss", full.rss))
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return 0


def _stop_group(pid: int) -> None:
    """Stop a child and everything it started: asked first, killed when it does not listen.

    The child itself may be gone already and have left its own children behind.
    """
    members = _members(pid)
    _signal_group(pid, signal.SIGTERM)
    _, alive = psutil.wait_procs(members, timeout=GRACE_S)
    _signal_group(pid, signal.SIGKILL)
    for process in alive:
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(alive, timeout=GRACE_S)


def _members(pid: int) -> list[psutil.Process]:
    """A process group and the descendants that left it."""
    found = set()
    for process in psutil.process_iter():
        try:
            if os.getpgid(process.pid) == pid:
                found.update(_family(process))
        except (ProcessLookupError, PermissionError):
            continue
    return list(found)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
    except PermissionError:
        # macOS answers so for a group that holds nothing but zombies.
        return
