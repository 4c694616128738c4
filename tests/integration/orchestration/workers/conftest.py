"""Two sites and two Celery workers: real Redis, workers, code server and API; the queue is worked off by hand.

Workers, launcher and queue are set up by deploy/celery/dagster.yaml alone, as docs/scaling.md tells.
"""

import json
import logging
import os
import shutil
import signal
import subprocess
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster import DagsterInstance
from dagster._cli.job import _create_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from sqlalchemy import Engine, make_url, text

from ingestion_api.auth import create_key
from ingestion_api.client import IngestionClient
from orchestration import celery_launcher
from orchestration.manifest import prepare_manifest
from tests.integration.orchestration.real_dagster import until
from warehouse.engine import create_engine

ROOT = Path(__file__).resolve().parents[4]
REDIS = shutil.which("redis-server", path="/usr/bin:/usr/local/bin:/opt/homebrew/bin")
SITES = ("north", "south")
TASK = "dagster-celery/task_id"


class Worker:
    """A worker process with one place for a run; its runs die with it, as in a container."""

    def __init__(self, name: str, log: Path) -> None:
        self.name = name
        self.log = log
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "celery", "-A", "orchestration.celery_worker", "worker", "--concurrency", "1"]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, "-n", self.name], cwd=ROOT, stdout=log, stderr=log, start_new_session=True
            )

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """The platform of this module; `workers` by name."""

    instance: DagsterInstance
    workspace: WorkspaceProcessContext
    workers: dict[str, Worker]
    engine: Engine
    clients: dict[str, IngestionClient]

    @property
    def launcher(self) -> celery_launcher.WatchedCeleryRunLauncher:
        launcher = self.instance.run_launcher
        assert isinstance(launcher, celery_launcher.WatchedCeleryRunLauncher)
        return launcher

    def push(self, site: str, first_minute: int, count: int) -> None:
        """A batch of readings, one a second."""
        first = datetime(2026, 3, 2, tzinfo=UTC) + timedelta(minutes=first_minute)
        readings = [
            {"equipment_code": "P1", "metric": "flow", "value": float(number),
             "event_time": (first + timedelta(seconds=number)).isoformat()}
            for number in range(count)
        ]  # fmt: skip
        self.clients[site].push("readings", json.dumps(readings).encode(), is_replay=True)

    def submit(self, job_name: str, **tags: str) -> str:
        """Queue a run as the daemon queues it for a sensor; returns its id."""
        request = self.workspace.create_request_context()
        location = request.get_code_location("millrace")
        (repository,) = location.get_repositories().values()
        job = repository.get_full_job(job_name)
        run = _create_run(self.instance, location, repository, job, {}, tags, None, None)
        self.instance.submit_run(run.run_id, request)
        return run.run_id

    def load(self, site: str) -> str:
        return self.submit("load", **{"dagster/partition": site, "millrace/site": site})

    def dequeue(self) -> None:
        """What the daemon does each second with the queue."""
        with QueuedRunCoordinatorDaemon(interval_seconds=1) as daemon:
            assert not any(daemon.run_iteration(self.workspace))

    def monitor(self) -> None:
        """What the daemon does every 15 s with the runs."""
        assert not any(execute_run_monitoring_iteration(self.workspace, logging.getLogger("monitoring")))

    def monitor_until_seen(self, run_id: str) -> None:
        """Let run monitoring look until a worker has told that it is at the run."""
        until(lambda: self.launcher.check_run_worker_health(self.run(run_id)).msg is None, "an answer of its worker")

    def monitor_until_failed(self, run_id: str) -> list[str]:
        """Let run monitoring look until it has failed a run; returns what it said of it."""

        def is_failed() -> bool:
            self.monitor()
            return self.status(run_id) == "FAILURE"

        until(is_failed, "noticing the death")
        return self.messages(run_id, dg.DagsterEventType.RUN_FAILURE)

    def run(self, run_id: str) -> dg.DagsterRun:
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def status(self, run_id: str) -> str:
        return self.run(run_id).status.value

    def wait(self, run_id: str, status: str) -> None:
        """Wait until a run has come so far."""

        def is_reached() -> bool:
            run = self.run(run_id)
            assert run.status.value == status or not run.is_finished, self.messages(run_id)
            return bool(run.status.value == status)

        until(is_reached, f"{status} of a run")

    def messages(self, run_id: str, of_type: dg.DagsterEventType | None = None) -> list[str]:
        """What a run's log says."""
        return [entry.user_message or entry.message for entry in self.instance.all_logs(run_id, of_type=of_type)]

    def worker_of(self, run_id: str) -> str:
        """Which worker is at a run, by what the workers say."""
        task_id = self.run(run_id).tags[TASK]

        def at_it() -> list[str]:
            answers = self.launcher.celery.control.inspect(timeout=2).query_task(task_id) or {}
            return [name for name, known in answers.items() if task_id in known]

        (worker,) = until(at_it, "an answer of its worker")
        return str(worker)

    def await_workers(self, count: int) -> None:
        """Wait until so many answer."""
        until(lambda: len(self.launcher.celery.control.ping(timeout=1)) == count, "the workers' start")

    def counts(self) -> dict[str, int]:
        """Readings in the warehouse by site."""
        query = "select site_code, count(*) from raw.readings join raw.signals using (signal_id) group by site_code"
        with self.engine.connect() as connection:
            return {row.site_code: row.count for row in connection.execute(text(query))}

    @contextmanager
    def stuck_loads(self) -> Iterator[None]:
        """Nobody may write readings meanwhile."""
        with self.engine.begin() as connection:
            connection.execute(text("lock table raw.readings in exclusive mode"))
            yield


class Broker:
    """A Redis server that keeps nothing."""

    def __init__(self, home: Path, program: str) -> None:
        self._socket = home / "redis.sock"
        self._command = [program, "--port", "0", "--unixsocket", str(self._socket), "--save", "", "--dir", str(home)]
        self.url = f"redis+socket://{self._socket}"
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL)
        until(self._socket.exists, "Redis's start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._socket.unlink()


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The Redis server of this module."""
    if REDIS is None:
        pytest.skip("redis-server is not installed (Debian: apt install redis-server)")
    broker = Broker(tmp_path_factory.mktemp("redis"), REDIS)
    yield broker
    broker.kill()


@pytest.fixture(scope="module")
def cluster(
    broker: Broker, postgres: Any, databases: dict[str, str], api_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    """Two sites, two workers, and everything between them."""
    prepare_manifest()
    scratch = tmp_path_factory.mktemp("celery")
    home = scratch / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "celery" / "dagster.yaml", home)
    storage = f"dagster_{uuid.uuid4().hex[:8]}"
    storage_url = make_url(postgres.create(storage)).set(drivername="postgresql+psycopg2")
    api_engine, engine = create_engine(databases["api"]), create_engine(databases["warehouse"])
    with api_engine.begin() as connection:
        edge = {site: create_key(connection, f"edge-{site}", site, ["push", "registry"]) for site in SITES}
        pull = {site: create_key(connection, f"pull-{site}", site, ["pull"]) for site in SITES}
    api_engine.dispose()
    clients = {site: IngestionClient(api_address, key) for site, key in edge.items()}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {
            "DAGSTER_HOME": str(home),
            "MILLRACE_CELERY_URL": broker.url,
            "MILLRACE_DAGSTER_STORAGE_URL": storage_url.render_as_string(hide_password=False),
            "MILLRACE_SITES": json.dumps(dict.fromkeys(SITES, api_address)),
            "MILLRACE_PULL_KEYS": json.dumps(pull),
            "MILLRACE_WAREHOUSE_URL": databases["warehouse"],
            "PYTHONPATH": str(ROOT),
        }.items():
            environment.setenv(name, value)
        workers: dict[str, Worker] = {}
        with DagsterInstance.from_config(str(home)) as instance:
            try:
                workers |= {name: Worker(name, scratch / f"{name}.log") for name in ("first@test", "second@test")}
                target = ModuleTarget("orchestration.definitions", None, str(ROOT), "millrace")
                with WorkspaceProcessContext(instance, target) as workspace:
                    cluster = Cluster(instance, workspace, workers, engine, clients)
                    cluster.await_workers(2)
                    for site, client in clients.items():
                        client.put("sites", site, {"name": site, "time_zone": "UTC"})
                        client.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump"})
                    yield cluster
            finally:
                for worker in workers.values():
                    if worker.process.returncode is None:
                        worker.kill()
                for client in clients.values():
                    client.close()
    engine.dispose()
    postgres.drop(storage)
