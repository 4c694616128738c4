"""What the drills share: a PostgreSQL, a code server and runs of a module's own, and how one of them is killed.

"In the middle" is a lock: the step has done a part of its work and waits before the next. What is killed is a run as
Dagster starts it. Then the sensor that asked for it asks again.
"""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from ingestion_api.client import ApiUnavailable
from tests.integration.orchestration.real_dagster import PARAMETERS, RealDagster, until
from warehouse.embedded import EmbeddedPostgres
from warehouse.migrate import Branch, migrate

WORKER, POSTGRES, CODE_SERVER = "run worker", "PostgreSQL", "code server"
TOLD = {
    WORKER: "terminated by signal 9",
    CODE_SERVER: "the run's process is gone",
    # "server closed the connection", "connection to server … failed", Dagster's "too many retries for DB connection":
    # who tells of it depends on how long PostgreSQL takes to return. Where nobody could, the run's process ended.
    POSTGRES: "connection|unexpectedly exited",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, module_ports: tuple[int, int]) -> Iterator[EmbeddedPostgres]:
    """A PostgreSQL that nobody else works on."""
    server = EmbeddedPostgres(tmp_path_factory.mktemp("killed"), module_ports[0], parameters=PARAMETERS)
    server.start()
    yield server
    server.remove()


@pytest.fixture(scope="module")
def databases(server: EmbeddedPostgres) -> dict[str, str]:
    """URLs of its warehouse and its API database, by branch."""
    branches: tuple[Branch, ...] = ("api", "warehouse")
    for branch in branches:
        server.ensure_database(branch)
        migrate(server.url(branch), branch)
    return {branch: server.url(branch) for branch in branches}


@contextmanager
def killable(plant: Any, server: EmbeddedPostgres, port: int, folder: Path, **settings: str) -> Iterator[RealDagster]:
    """Let the plant's runs be those of a code server on this port, with the settings given; nobody waits to retry."""
    own = {"MILLRACE_RETRY_DELAY_S": "0.001", "DAGSTER_EVENT_BATCH_SIZE": "1000", "MILLRACE_DATA_DIR": str(folder)}
    with pytest.MonkeyPatch.context() as environment:
        for name, value in {**own, **settings}.items():
            environment.setenv(name, value)
        with closing(RealDagster(folder / "home", server, port)) as dagster:
            plant.instance = dagster.instance
            yield dagster


def before(table: str) -> str:
    """The lock before which who writes a table waits."""
    return f"lock table {table} in share mode"


class Asked(NamedTuple):
    """A run that was asked for, and the lock before which it is to be killed."""

    request: Any
    job: str
    lock: str


class Drills:
    """A plant whose runs are killed."""

    def __init__(self, plant: Any, dagster: RealDagster, warehouse_url: str) -> None:
        self.plant, self.dagster, self.url = plant, dagster, warehouse_url

    def send(self, kind: Any, items: Sequence[dict[str, object]]) -> None:
        """Push as a device does: the first push after PostgreSQL was killed is answered 503, and sent again."""
        for first in range(0, len(items), 1_000):
            body, key = json.dumps(items[first : first + 1_000]).encode(), uuid4().hex

            def is_stored(body: bytes = body, key: str = key) -> bool:
                try:
                    self.plant.api.push(kind, body, idempotency_key=key, is_replay=True)
                except ApiUnavailable:
                    return False
                return True

            until(is_stored, "a push")

    def follow(self, sensor: str, job: str) -> None:
        """Run all that a sensor asks for, without a kill."""
        while requests := self.plant.tick(sensor).run_requests:
            assert [self.plant.run(request, job).success for request in requests] == [True] * len(requests)

    def kill(self, victim: str, job: str, lock: str, sensor: str) -> None:
        """Launch what a sensor asks for and kill the victim while the run waits for a lock; people are told why."""
        (request, *_) = self.plant.tick(sensor).run_requests
        self.kill_in(victim, Asked(request, job, lock))

    def kill_in(self, victim: str, *asked: Asked) -> None:
        """As `kill`, for what was asked for already: as many runs as there are, in the middle of all of them."""
        with ExitStack() as locks:
            waits = [locks.enter_context(self.dagster.waiting(self.url, run.lock)) for run in asked]
            run_ids = [self.launch(run.request, run.job) for run in asked]
            for until_somebody_waits in waits:
                until_somebody_waits()
            if victim == WORKER:
                self.dagster.kill_worker()
            elif victim == CODE_SERVER:
                self.dagster.kill_code_server()
            else:
                self.dagster.kill_postgres()
                until(self.plant.api.is_ready, "the ingestion API's return")
        self.fails(victim, *run_ids)

    def launch(self, request: Any, job: str) -> str:
        """Start a run as the daemon does; returns its id."""
        partition = {"dagster/partition": request.partition_key} if request.partition_key else {}
        return self.dagster.launch(job, {**request.tags, **partition}, request.run_config)

    def fails(self, victim: str, *run_ids: str) -> None:
        """The runs fail, and people are told of each why."""
        told = self.dagster.failures(*run_ids)
        assert len(told) == len(run_ids), told
        assert all(re.search(TOLD[victim], line) for line in told), told
