"""A PostgreSQL of one's own with Dagster's storage on it, a code server and runs in processes of their own, to kill."""

import logging
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster import DagsterInstance
from dagster._core.origin import JobPythonOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration
from sqlalchemy import NullPool, create_engine, make_url, text

from orchestration.alerts import Alerts
from orchestration.defs.alerts import SETTLES, look
from orchestration.local.processes import answers
from warehouse.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]
# What is committed is written, as where it counts: this server is killed.
PARAMETERS = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}
LIMIT_S = 180
_IS_AWAITED = text(
    "select exists (select from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid)))"
)


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait for what has to happen, however long a busy machine takes."""
    deadline = time.monotonic() + LIMIT_S
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} took too long"
        time.sleep(0.1)
    return found


class RealDagster:
    """The code server and the instance that it and we share.

    Attributes:
        server: PostgreSQL with every database of the platform.
        instance: As dagster.yaml describes it.
    """

    def __init__(self, home: Path, server: EmbeddedPostgres, code_port: int) -> None:
        self.server = server
        self._home, self._port, self._children = home, code_port, list[subprocess.Popen[bytes]]()
        home.mkdir()
        shutil.copy(ROOT / "orchestration" / "dagster.yaml", home)
        server.ensure_database("dagster")
        storage = make_url(server.url("dagster")).set(drivername="postgresql+psycopg2")
        self.settings = {
            "DAGSTER_HOME": str(home),
            "MILLRACE_DAGSTER_STORAGE_URL": storage.render_as_string(hide_password=False),
            "MILLRACE_CODE_SERVER_HOST": "127.0.0.1",
            "MILLRACE_CODE_SERVER_PORT": str(code_port),
        }
        with ExitStack() as begun:
            environment = begun.enter_context(pytest.MonkeyPatch.context())
            environment.setenv("MILLRACE_DAGSTER_STORAGE_URL", self.settings["MILLRACE_DAGSTER_STORAGE_URL"])
            self.instance = begun.enter_context(DagsterInstance.from_config(str(home)))
            begun.callback(self._kill_children)
            self.code_server = self._start_code_server()
            target = GrpcServerTarget(host="127.0.0.1", port=code_port, socket=None, location_name="millrace")
            self.workspace = begun.enter_context(WorkspaceProcessContext(self.instance, target))
            self._begun = begun.pop_all()
        self._told = Alerts(since=datetime.now(UTC))

    def start(self, *command: str, **settings: str) -> subprocess.Popen[bytes]:
        """Start a process of Dagster in a group of its own, as the supervisor does."""
        with (self._home / "said.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env={**os.environ, **self.settings, "PYTHONWARNINGS": "ignore", **settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._children.append(process)
        return process

    def said(self) -> str:
        """What the processes printed."""
        return (self._home / "said.log").read_text(errors="replace")

    def _start_code_server(self) -> subprocess.Popen[bytes]:
        port = str(self._port)
        started = self.start(
            *("dagster", "api", "grpc", "--module-name", "orchestration.definitions"),
            *("--host", "127.0.0.1", "--port", port, "--location-name", "millrace"),
        )
        until(lambda: answers(f"tcp://127.0.0.1:{port}"), "the code server's start")
        return started

    def launch(self, job_name: str, tags: Mapping[str, str], run_config: Mapping[str, Any]) -> str:
        """Launch a run as the daemon does; returns its id."""
        request = self.workspace.create_request_context()
        (repository,) = request.get_code_location("millrace").get_repositories().values()
        job = repository.get_full_job(job_name)
        origin: JobPythonOrigin = job.get_python_origin()
        run = create_run_for_test(
            self.instance,
            job_name=job_name,
            # Nothing but the sensors starts it again.
            tags={**tags, "dagster/max_retries": "0"},
            run_config=dict(run_config),
            remote_job_origin=job.get_remote_origin(),
            job_code_origin=origin,
        )
        self.instance.launch_run(run.run_id, request)
        return run.run_id

    def stop_sensors_but(self, name: str) -> None:
        """Leave one sensor running, as far as daemons are concerned."""
        (repository,) = (
            self.workspace.create_request_context().get_code_location("millrace").get_repositories().values()
        )
        for sensor in repository.get_sensors():
            if sensor.name != name:
                self.instance.stop_sensor(sensor.get_remote_origin_id(), sensor.selector_id, sensor)

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        """How far a run is."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run.status

    def failures(self, *run_ids: str) -> list[str]:
        """Let run monitoring look until the runs have failed; returns what people are told of them."""

        def are_failed() -> bool:
            list(execute_run_monitoring_iteration(self.workspace, logging.getLogger("monitoring")))
            found = {self.status(run_id) for run_id in run_ids}
            assert dg.DagsterRunStatus.SUCCESS not in found
            return found == {dg.DagsterRunStatus.FAILURE}

        until(are_failed, "noticing the death")
        told, _ = look(self.instance, self._told, datetime.now(UTC) + 2 * SETTLES)
        self._told.told.clear()
        return told

    # --- what is killed ---

    def kill_worker(self) -> None:
        """Kill the processes of runs, and not what they started."""
        for child in psutil.Process(self.code_server.pid).children(recursive=True):
            # One may end by itself meanwhile.
            with suppress(psutil.NoSuchProcess):
                if "spawn_main" in " ".join(child.cmdline()):
                    child.kill()

    def kill_code_server(self) -> None:
        """Kill the code server with all that it started, and start it again."""
        os.killpg(self.code_server.pid, signal.SIGKILL)
        self.code_server.wait()
        self.code_server = self._start_code_server()

    def kill_postgres(self) -> None:
        """Kill PostgreSQL's main process, and start it again as the supervisor does."""
        pid = self.server.postmaster_pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.server.start()

    @contextmanager
    def waiting(self, url: str, lock: str) -> Iterator[Callable[[], None]]:
        """Take a lock by a statement; gives what waits until somebody stands before it. Ends with the lock."""
        engine = create_engine(url, poolclass=NullPool)
        connection = engine.connect()
        connection.execute(text(lock))

        def until_somebody_waits() -> None:
            until(lambda: connection.scalar(_IS_AWAITED), f"coming to: {lock}")

        try:
            yield until_somebody_waits
        finally:
            connection.invalidate()
            engine.dispose()

    def close(self) -> None:
        """Kill all that was started, and take the environment back; PostgreSQL stays."""
        self._begun.close()

    def _kill_children(self) -> None:
        for child in self._children:
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
