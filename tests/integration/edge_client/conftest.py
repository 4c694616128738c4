"""A real API and the edge client as processes of their own, so that they can be killed.

`api` is an API that is not running yet (`start`, `kill`), with the key `api.key`; `edge` runs the edge client's
command line against it (`start`, `run`, `status`), all on one spool.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import Engine, func, select

from ingestion_api.auth import create_key
from warehouse.tables import inbox_batches

# So short that a test spends its time sending, not waiting.
PATIENCE = {"BACKOFF_MIN_S": "0.05", "BACKOFF_MAX_S": "0.2", "PROBE_INTERVAL_S": "0.1", "LINGER_S": "0.02"}


def environment(**variables: str) -> dict[str, str]:
    """The shell's, without anything that would configure Millrace."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_")} | variables


class ApiProcess:
    """`python -m ingestion_api serve` over a fresh database."""

    def __init__(self, database_url: str, engine: Engine, port: int, folder: Path) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._engine = engine
        self.folder = folder
        self.environment = environment(
            MILLRACE_API_DATABASE_URL=database_url, MILLRACE_API_PORT=str(port), MILLRACE_API_LOG_LEVEL="warning"
        )
        self._process: subprocess.Popen[bytes] | None = None
        with engine.begin() as connection:
            self.key = create_key(connection, "edge", "demo", ["push", "registry"])

    def start(self) -> None:
        """Start, and wait until it takes batches."""
        self.spawn()
        while httpx.get(f"{self.url}/health/live", trust_env=False).status_code != 200:
            time.sleep(0.05)

    def spawn(self) -> None:
        """Start without waiting for more than the socket."""
        with (self.folder / "api.log").open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "ingestion_api", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )
        while True:
            assert self._process.poll() is None, (self.folder / "api.log").read_text()
            try:
                httpx.get(f"{self.url}/health/live", trust_env=False)
                return
            except httpx.TransportError:
                time.sleep(0.05)

    def freeze(self) -> None:
        """Let it hang: it takes connections, and answers nothing any more."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def sums(self) -> tuple[int, int]:
        """Accepted and quarantined items in the inbox."""
        columns = inbox_batches.c
        with self._engine.connect() as connection:
            query = select(
                func.coalesce(func.sum(columns.accepted_count), 0),
                func.coalesce(func.sum(columns.quarantined_count), 0),
            ).where(columns.origin == "push")
            accepted, quarantined = connection.execute(query).one()
        return int(accepted), int(quarantined)


class EdgeClient:
    """The edge client's command line, on one spool."""

    def __init__(self, api: ApiProcess, folder: Path) -> None:
        self.folder = folder
        self.environment = environment(
            MILLRACE_EDGE_API_URL=api.url,
            MILLRACE_EDGE_API_KEY=api.key,
            **{f"MILLRACE_EDGE_{name}": value for name, value in PATIENCE.items()},
        )
        self._processes: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **variables: str) -> subprocess.Popen[str]:
        """Start a command and return its process."""
        with (self.folder / "edge.log").open("a") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "edge_client", *arguments],
                cwd=self.folder,
                env=self.environment | variables,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self._processes.append(process)
        return process

    def run(self, *arguments: str, **variables: str) -> str:
        """Run a command to its end, and return what it prints."""
        process = self.start(*arguments, **variables)
        printed, _ = process.communicate(timeout=300)
        assert process.returncode == 0, (self.folder / "edge.log").read_text()
        return printed

    def status(self) -> dict[str, object]:
        """What `status --json` says."""
        status: dict[str, object] = json.loads(self.run("status", "--json"))
        return status

    def log(self) -> str:
        """What the client said on stderr so far."""
        return (self.folder / "edge.log").read_text()

    def kill_all(self) -> None:
        """End whatever still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


@pytest.fixture
def api(api_url: str, api_engine: Engine, free_port: int, tmp_path: Path) -> Iterator[ApiProcess]:
    """An API, not started."""
    process = ApiProcess(api_url, api_engine, free_port, tmp_path)
    yield process
    process.kill()


@pytest.fixture
def edge(api: ApiProcess, tmp_path: Path) -> Iterator[EdgeClient]:
    """The edge client of `api`."""
    client = EdgeClient(api, tmp_path)
    yield client
    client.kill_all()
