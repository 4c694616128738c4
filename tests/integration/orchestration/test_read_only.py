"""A real webserver that only shows: it answers questions and refuses to launch."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

CODE = """
import dagster as dg

@dg.op
def look() -> None: ...

@dg.job
def looking() -> None:
    look()

defs = dg.Definitions(jobs=[looking])
"""
LAUNCH = """
mutation {
  launchRun(executionParams: {selector: {
    repositoryLocationName: "looking.py", repositoryName: "__repository__", jobName: "looking"
  }}) { __typename }
}
"""
JOBS = "{ repositoriesOrError { ... on RepositoryConnection { nodes { jobs { name } } } } }"
RUNS = "{ runsOrError { ... on Runs { results { status } } } }"


@contextmanager
def webserver(folder: Path, port: int, **environment: str) -> Iterator[str]:
    """The address of its GraphQL, on an instance of its own."""
    (folder / "looking.py").write_text(CODE)
    (folder / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    command = [sys.executable, "-m", "dagster_webserver", "-h", "127.0.0.1", "-p", str(port), "-f", "looking.py"]
    process = subprocess.Popen(
        command, cwd=folder, env={**os.environ, "DAGSTER_HOME": str(folder), **environment}, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 120
        while not _answers(port):
            assert time.monotonic() < deadline
            assert process.poll() is None
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/graphql"
    finally:
        process.terminate()
        process.wait(60)


def _answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/server_info", trust_env=False).is_success
    except httpx.TransportError:
        return False


def ask(url: str, query: str) -> Any:
    return httpx.post(url, json={"query": query}, timeout=60, trust_env=False).json()["data"]


def test_pages_launch_what_they_are_asked_to(tmp_path: Path, free_port: int) -> None:
    """The same mutation without the variable; no daemon takes the run from the queue."""
    with webserver(tmp_path, free_port) as url:
        assert ask(url, LAUNCH)["launchRun"]["__typename"] == "LaunchRunSuccess"
        assert ask(url, RUNS)["runsOrError"]["results"] == [{"status": "QUEUED"}]


def test_read_only_pages_answer_and_launch_nothing(tmp_path: Path, free_port: int) -> None:
    """By the variable that docker-compose.yml and the values for Kubernetes give it."""
    with webserver(tmp_path, free_port, DAGSTER_WEBSERVER_READ_ONLY="true") as url:
        (job,) = ask(url, JOBS)["repositoriesOrError"]["nodes"][0]["jobs"]
        assert job["name"] == "looking"
        assert ask(url, LAUNCH)["launchRun"]["__typename"] == "UnauthorizedError"
        assert ask(url, RUNS)["runsOrError"]["results"] == []
