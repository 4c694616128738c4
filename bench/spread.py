"""Loads of several sites on one Celery worker and on two, in turn. How runs spread is not decided here.

Real ingestion API, Redis, workers and code server; runs are sent at once, and the clock stops when the last has ended.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any
from unittest import mock

from dagster import DagsterInstance, DagsterRunStatus, RunsFilter
from dagster._cli.job import _create_run
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from sqlalchemy import Engine, NullPool, make_url, text

from bench.readings import BATCH, JSON, MACHINES, bodies
from bench.report import Report, Row
from bench.servers import ROOT, Databases, millrace
from ingestion_api.auth import create_key
from ingestion_api.client import IngestionClient
from orchestration.manifest import prepare_manifest
from warehouse.engine import create_engine
from warehouse.migrate import migrate

SITES = tuple(f"site-{number}" for number in range(1, 9))
BATCHES = 50
_QUEUE = "dagster"
_PATIENCE_S = 600.0


@dataclass
class Cluster:
    """Two workers that runs can be sent to, and sites whose batches wait."""

    instance: DagsterInstance
    workspace: WorkspaceProcessContext
    celery: Any
    clients: dict[str, IngestionClient]
    engine: Engine
    pushed: int = 0

    def push(self) -> None:
        """New batches for every site."""
        first = datetime.now(UTC) - timedelta(days=30) + timedelta(hours=self.pushed)
        for client in self.clients.values():
            for body in islice(bodies(JSON, first), BATCHES):
                client.push("readings", body, is_replay=True)
        self.pushed += 1

    def consume(self, workers: int) -> None:
        """Let one worker take runs, or both."""
        self.celery.control.cancel_consumer(_QUEUE, destination=["second@bench"], reply=True)
        if workers == 2:
            self.celery.control.add_consumer(_QUEUE, destination=["second@bench"], reply=True)

    def load(self) -> float:
        """Load every site; returns seconds."""
        request = self.workspace.create_request_context()
        location = request.get_code_location("millrace")
        (repository,) = location.get_repositories().values()
        job = repository.get_full_job("load")
        tags = [{"dagster/partition": site, "millrace/site": site} for site in self.clients]
        runs = [_create_run(self.instance, location, repository, job, {}, of_site, None, None) for of_site in tags]
        started = time.perf_counter()
        for run in runs:
            self.instance.launch_run(run.run_id, request)
        mine = RunsFilter(run_ids=[run.run_id for run in runs])
        while not all(run.is_finished for run in self.instance.get_runs(mine)):
            if time.perf_counter() - started > _PATIENCE_S:
                raise RuntimeError("the loads do not end: see .millrace/bench.log")
            time.sleep(0.05)
        seconds = time.perf_counter() - started
        if any(run.status != DagsterRunStatus.SUCCESS for run in self.instance.get_runs(mine)):
            raise RuntimeError("a load failed: such figures are worth nothing")
        return seconds

    def check(self) -> None:
        """Everything that was pushed is loaded, once."""
        with self.engine.connect() as connection:
            count = connection.scalar(text("select count(*) from raw.readings"))
        if count != self.pushed * len(self.clients) * BATCHES * BATCH:
            raise RuntimeError(f"{count} readings were loaded: such figures are worth nothing")


def measure_spread(report: Report, directory: Path, rounds: int) -> None:
    """Seconds for loads of all sites on one worker and on two, round after round."""
    seconds: dict[int, list[float]] = {1: [], 2: []}
    with _cluster(directory) as cluster:
        for warm_up in (1, 2, 2):
            cluster.push()
            cluster.consume(warm_up)
            cluster.load()
        for number in range(rounds):
            # Who goes first changes: the machine is not the same at the beginning of a round and at its end.
            for workers in (1, 2) if number % 2 == 0 else (2, 1):
                cluster.push()
                cluster.consume(workers)
                seconds[workers].append(cluster.load())
            print(
                f"round {number + 1} " + ", ".join(f"{n}: {took[-1]:.2f} s" for n, took in seconds.items()), flush=True
            )
        cluster.check()
    ratio = statistics.median(one / two for one, two in zip(seconds[1], seconds[2], strict=True))
    figures = " : ".join(f"{statistics.median(seconds[workers]):.2f}" for workers in (1, 2))
    report.add(Row(f"loads of {len(SITES)} sites : two Celery workers for one", f"{figures} s", f"{ratio:.2f} x"))


@contextmanager
def _cluster(directory: Path) -> Iterator[Cluster]:
    prepare_manifest()
    home = directory / "dagster"
    home.mkdir()
    shutil.copy(ROOT / "deploy" / "celery" / "dagster.yaml", home)
    databases = Databases(directory / "postgres")
    with ExitStack() as stack:
        stack.callback(databases.server.remove)
        for name in ("api", "warehouse", "dagster"):
            databases.ask(f"create database spread_{name}")
        urls = {name: databases.server.url(f"spread_{name}") for name in ("api", "warehouse", "dagster")}
        migrate(urls["api"], "api")
        migrate(urls["warehouse"], "warehouse")
        engine = create_engine(urls["api"], poolclass=NullPool)
        with engine.begin() as connection:
            key = partial(create_key, connection, requests_per_min=0, items_per_min=0)
            edge = {site: key(site, site, ["push", "registry"]) for site in SITES}
            pull = {site: key(f"{site}-pull", site, ["pull"]) for site in SITES}
        address = f"http://127.0.0.1:{stack.enter_context(millrace(urls['api'], 1)).port}"
        storage = make_url(urls["dagster"]).set(drivername="postgresql+psycopg2")
        environment = {
            "DAGSTER_HOME": str(home),
            "DAGSTER_EVENT_BATCH_SIZE": "1000",
            "MILLRACE_CELERY_URL": f"redis+socket://{directory / 'redis.sock'}",
            "MILLRACE_DAGSTER_STORAGE_URL": storage.render_as_string(hide_password=False),
            "MILLRACE_SITES": json.dumps(dict.fromkeys(SITES, address)),
            "MILLRACE_PULL_KEYS": json.dumps(pull),
            "MILLRACE_WAREHOUSE_URL": urls["warehouse"],
            "PYTHONPATH": str(ROOT),
        }
        stack.enter_context(mock.patch.dict(os.environ, environment))
        unix = ["--port", "0", "--unixsocket", str(directory / "redis.sock"), "--save", "", "--dir", str(directory)]
        stack.enter_context(_running(["redis-server", *unix]))
        instance = stack.enter_context(DagsterInstance.from_config(str(home)))
        worker = [sys.executable, "-m", "celery", "-A", "orchestration.celery_worker", "worker", "--concurrency", "1"]
        for name in ("first@bench", "second@bench"):
            stack.enter_context(_running([*worker, "-n", name]))
        target = ModuleTarget("orchestration.definitions", None, str(ROOT), "millrace")
        workspace = stack.enter_context(WorkspaceProcessContext(instance, target))
        celery: Any = getattr(instance.run_launcher, "celery")  # noqa: B009 known to the launcher that dagster.yaml names
        deadline = time.monotonic() + 120
        while len(celery.control.ping(timeout=0.5)) < 2:
            if time.monotonic() > deadline:
                raise RuntimeError("the workers do not answer: see .millrace/bench.log")
        clients = {site: stack.enter_context(IngestionClient(address, key)) for site, key in edge.items()}
        for site, client in clients.items():
            client.put("sites", site, {"name": site, "time_zone": "UTC"})
            for machine in MACHINES:
                client.put("equipment", machine, {"name": machine, "equipment_class": "pump"})
        yield Cluster(instance, workspace, celery, clients, create_engine(urls["warehouse"], poolclass=NullPool))


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    with (ROOT / ".millrace" / "bench.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        process.wait(60)
