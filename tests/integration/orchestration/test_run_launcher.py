"""Runs whose process is killed, on a real code server: found by run monitoring, and not waited for."""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster import DagsterInstance
from dagster._core.remote_origin import GrpcServerCodeLocationOrigin
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import GrpcServerTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

CODE = """
import time
import dagster as dg

@dg.op
def sleep() -> None:
    time.sleep(120)

@dg.job(executor_def=dg.in_process_executor)
def sleepy() -> None:
    sleep()

defs = dg.Definitions(jobs=[sleepy])
"""


class CodeServer:
    """A code server in a process group of its own, as the supervisor starts it."""

    def __init__(self, folder: Path, port: int, home: str) -> None:
        self.port = port
        self._file = folder / "code.py"
        self._file.write_text(CODE)
        self._environment = {**os.environ, "DAGSTER_HOME": home}
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "dagster", "api", "grpc", "-f", str(self._file), "-p", str(self.port)]
        self.process = subprocess.Popen(
            command, env=self._environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def kill(self) -> None:
        """Kill the server and, with its group, the runs."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_run(self) -> None:
        """Kill the run's process alone."""
        for child in psutil.Process(self.process.pid).children(recursive=True):
            if "spawn_main" in " ".join(child.cmdline()):
                child.kill()


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, f"{what} took too long"
        time.sleep(0.2)


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    launcher = {"module": "orchestration.run_launcher", "class": "WatchedRunLauncher"}
    monitoring = {"enabled": True, "max_resume_run_attempts": 0}
    with instance_for_test(overrides={"run_launcher": launcher, "run_monitoring": monitoring}) as instance:
        yield instance


@pytest.fixture
def server(instance: DagsterInstance, tmp_path: Path, free_port: int) -> Iterator[CodeServer]:
    server = CodeServer(tmp_path, free_port, instance.root_directory)
    yield server
    server.kill()


@pytest.fixture
def workspace(instance: DagsterInstance, server: CodeServer) -> Iterator[WorkspaceProcessContext]:
    target = GrpcServerTarget(host="127.0.0.1", port=server.port, socket=None, location_name="code")

    def answers() -> bool:
        origin = target.create_origins()[0]
        assert isinstance(origin, GrpcServerCodeLocationOrigin)
        try:
            return bool(origin.create_client().ping("x"))
        except Exception:
            return False

    until(answers, "the code server's start")
    with WorkspaceProcessContext(instance, target) as context:
        yield context


@pytest.fixture
def started(instance: DagsterInstance, workspace: WorkspaceProcessContext) -> str:
    """The id of a run that is at work."""
    request = workspace.create_request_context()
    job = request.get_code_location("code").get_repository("__repository__").get_full_job("sleepy")
    run = create_run_for_test(
        instance,
        job_name="sleepy",
        remote_job_origin=job.get_remote_origin(),
        job_code_origin=job.get_python_origin(),
    )
    instance.launch_run(run.run_id, request)
    until(lambda: status(instance, run.run_id) == dg.DagsterRunStatus.STARTED, "the run's start")
    return run.run_id


def status(instance: DagsterInstance, run_id: str) -> Any:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def monitor(workspace: WorkspaceProcessContext) -> None:
    assert list(execute_run_monitoring_iteration(workspace, logging.getLogger("monitoring"))) in ([], [None])


def test_a_killed_run_is_failed_by_its_code_server(
    instance: DagsterInstance, server: CodeServer, workspace: WorkspaceProcessContext, started: str
) -> None:
    monitor(workspace)
    assert status(instance, started) == dg.DagsterRunStatus.STARTED
    server.kill_run()
    until(lambda: status(instance, started) == dg.DagsterRunStatus.FAILURE, "noticing the death")


def test_a_run_killed_with_its_code_server_is_failed_once_that_is_back(
    instance: DagsterInstance, server: CodeServer, workspace: WorkspaceProcessContext, started: str
) -> None:
    server.kill()
    monitor(workspace)
    assert status(instance, started) == dg.DagsterRunStatus.STARTED, "a server that does not answer proves nothing"
    server.start()

    def is_failed() -> bool:
        monitor(workspace)
        return bool(status(instance, started) == dg.DagsterRunStatus.FAILURE)

    until(is_failed, "noticing the death")
