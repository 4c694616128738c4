"""Starts what is measured, each server on loopback with its data in a fresh directory. Load does not belong here."""

import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from sqlalchemy import NullPool, text

from bench.readings import LIMITS, MACHINES, SIGNALS, SITE
from ingestion_api.auth import create_key
from ingestion_api.client import IngestionClient
from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.migrate import migrate

ROOT = Path(__file__).parents[1]
_TEMPLATE = "bench_template"
_PATIENCE_S = 60.0


def free_port() -> int:
    """Return a port that nobody used a moment ago."""
    while True:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


@dataclass
class Served:
    """A server that answers."""

    port: int
    process: psutil.Process

    def resident_mib(self) -> float:
        """Memory of the process and its children."""
        processes = [self.process, *self.process.children(recursive=True)]
        return sum(float(process.memory_info().rss) for process in processes) / 2**20

    def cpu_s(self) -> float:
        """Processor time of the process and its children so far."""
        return cpu_s(self.process)


def cpu_s(process: psutil.Process) -> float:
    """Processor time of a process and its children so far."""
    times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    return sum(float(one.user + one.system) for one in times)


class Databases:
    """A PostgreSQL that may lose nothing, and fresh databases on it."""

    def __init__(self, directory: Path) -> None:
        self.server = EmbeddedPostgres(directory, free_port())
        self.server.start()
        self._admin = create_engine(self.server.url("postgres"), poolclass=NullPool, isolation_level="AUTOCOMMIT")
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            if self.ask(f"show {name}") != "on":
                raise RuntimeError(f"{name} is off: such figures are worth nothing")

    def ask(self, statement: str) -> str:
        """Run a statement and return the first value."""
        with self._admin.connect() as connection:
            result = connection.execute(text(statement))
            return str(result.scalar()) if result.returns_rows else ""

    def cpu_s(self) -> float:
        """Processor time of the server's processes so far."""
        return cpu_s(psutil.Process(self.server.postmaster_pid()))

    def prepare(self) -> str:
        """Make the database that every round copies: registered machines and signals.

        Returns:
            The API key of all rounds.
        """
        self.ask(f"create database {_TEMPLATE}")
        url = self.server.url(_TEMPLATE)
        migrate(url, "api")
        engine = create_engine(url, poolclass=NullPool)
        with engine.begin() as connection:
            scopes = ("push_readings", "push_events", "registry", "read", "admin")
            key = create_key(connection, "bench", SITE, scopes, requests_per_min=0, items_per_min=0)
        with millrace(url, workers=1) as served, IngestionClient(f"http://127.0.0.1:{served.port}", key) as client:
            register(client)
        return key

    @contextmanager
    def fresh(self, template: str | None = _TEMPLATE) -> Iterator[str]:
        """Lend a database for one round."""
        name = f"bench_{time.time_ns()}"
        self.ask(f"create database {name}" + (f" template {template} strategy wal_log" if template else ""))
        self.ask("checkpoint")
        try:
            yield self.server.url(name)
        finally:
            self.ask(f"drop database {name} with (force)")


def register(client: IngestionClient) -> None:
    """Register what the readings are of."""
    client.put("sites", SITE, {"name": "Bench", "time_zone": "UTC"})
    for machine in MACHINES:
        client.put("equipment", machine, {"name": machine, "equipment_class": "pump"})
        for metric, (unit, *_) in SIGNALS.items():
            client.put("signals", f"{machine}/{metric}", {"unit_code": unit})
    # On signals of every machine, with limits that these readings come near. No rule of kind flat_line: for those each
    # reading changes a state, so that each batch is stored in a transaction of several statements.
    about = {"equipment_class": "pump", "severity": "high"}
    for metric, limit in LIMITS.items():
        client.put(
            "alarm_rules",
            f"{metric}-high",
            {**about, "name": metric, "metric": metric, "kind": "limit", "limit": limit},
        )
    missing = {**about, "name": "No flow reading", "metric": "flow", "kind": "missing_data", "duration_s": 300.0}
    client.put("alarm_rules", "flow-missing", missing)


@contextmanager
def millrace(url: str, workers: int) -> Iterator[Served]:
    """Serve the ingestion API as an operator would."""
    port = free_port()
    environment = {
        "MILLRACE_API_DATABASE_URL": url,
        "MILLRACE_API_PORT": str(port),
        "MILLRACE_API_MANAGEMENT_PORT": "0",
    }
    command = [sys.executable, "-m", "ingestion_api", "serve", "--workers", str(workers)]
    with _running(command, port, "/health/ready", environment) as served:
        yield served


@contextmanager
def plain_endpoint(url: str, key: str, workers: int) -> Iterator[Served]:
    """Serve the yardstick."""
    port = free_port()
    environment = {
        "BENCH_DATABASE_URL": url,
        "BENCH_KEY": key,
        "BENCH_PORT": str(port),
        "BENCH_WORKERS": str(workers),
    }
    with _running([sys.executable, "-m", "bench.plain_endpoint"], port, "/health", environment) as served:
        yield served


@contextmanager
def influxdb(directory: Path) -> Iterator[Served]:
    """Serve InfluxDB 1.x with its defaults: it syncs its log before it answers (`wal-fsync-delay` is 0 s)."""
    port, other = free_port(), free_port()
    config = directory / "influxdb.conf"
    directory.mkdir(parents=True)
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{other}"\n'
        f'[meta]\n dir = "{directory}/meta"\n'
        f'[data]\n dir = "{directory}/data"\n wal-dir = "{directory}/wal"\n wal-fsync-delay = "0s"\n'
        f" query-log-enabled = false\n"
        f'[http]\n bind-address = "127.0.0.1:{port}"\n log-enabled = false\n'
        '[logging]\n level = "error"\n suppress-logo = true\n[monitor]\n store-enabled = false\n'
    )
    with _running(["influxd", "run", "-config", str(config)], port, "/ping", {}) as served:
        httpx.post(f"http://127.0.0.1:{port}/query", params={"q": "create database bench"}).raise_for_status()
        yield served


@contextmanager
def _running(command: list[str], port: int, path: str, environment: dict[str, str]) -> Iterator[Served]:
    with (ROOT / ".millrace" / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment}, stdout=log, stderr=log)
    try:
        _await(f"http://127.0.0.1:{port}{path}", process)
        yield Served(port, psutil.Process(process.pid))
    finally:
        process.terminate()
        process.wait(_PATIENCE_S)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended at once: see .millrace/bench.log")
        try:
            if httpx.get(url).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} does not answer: see .millrace/bench.log")
