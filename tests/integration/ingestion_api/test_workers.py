"""Several processes that serve one port: a killed one is replaced, nothing acknowledged is missing (S0-049, D14)."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import psutil
import pytest
from sqlalchemy import Engine, text

from ingestion_api.auth import create_key

WAIT_S = 60


@pytest.fixture
def served(api_url: str, free_port: int) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    """A supervisor of two workers, and its URL."""
    environment = {
        **os.environ,
        "MILLRACE_API_DATABASE_URL": api_url,
        "MILLRACE_API_PORT": str(free_port),
        "MILLRACE_API_MANAGEMENT_PORT": "0",
        "MILLRACE_API_LOG_LEVEL": "error",
    }
    command = [sys.executable, "-m", "ingestion_api", "serve", "--workers", "2"]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    url = f"http://127.0.0.1:{free_port}"
    try:
        _until(lambda: len(_serving(process)) == 2 and _is_ready(url))
        yield process, url
    finally:
        process.terminate()
        process.wait(WAIT_S)


def test_a_killed_worker_is_replaced_and_no_acknowledged_batch_is_missing(
    served: tuple[subprocess.Popen[bytes], str], api_engine: Engine
) -> None:
    process, url = served
    with api_engine.begin() as connection:
        key = create_key(connection, "sender", "demo", ("push", "registry"), requests_per_min=0)
    headers = {"Authorization": f"Bearer {key}"}
    httpx.put(f"{url}/api/v1/sites/demo", json={"name": "D", "time_zone": "UTC"}, headers=headers).raise_for_status()
    httpx.put(
        f"{url}/api/v1/equipment/p", json={"name": "p", "equipment_class": "pump"}, headers=headers
    ).raise_for_status()
    victim = _serving(process)[0]
    acknowledged: set[UUID] = set()

    for number in range(200):
        moment = datetime.now(UTC) - timedelta(seconds=number)
        body = [{"equipment_code": "p", "metric": "m", "value": number, "event_time": moment.isoformat()}]
        if number == 100:
            os.kill(victim.pid, signal.SIGKILL)
        try:
            answer = httpx.post(f"{url}/api/v1/readings", json=body, headers=headers)
        except httpx.TransportError:
            continue
        assert answer.status_code == 201
        acknowledged.add(UUID(answer.json()["batch_id"]))
    _until(lambda: len(_serving(process)) == 2 and victim.pid not in {worker.pid for worker in _serving(process)})

    with api_engine.connect() as connection:
        stored = set(connection.scalars(text("select batch_id from inbox.batches")))
    assert len(acknowledged) > 150
    assert acknowledged <= stored


def test_workers_end_with_their_supervisor(served: tuple[subprocess.Popen[bytes], str]) -> None:
    process, _ = served
    workers = _serving(process)

    process.kill()
    _, alive = psutil.wait_procs(workers, WAIT_S)

    assert alive == []


def _serving(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """The workers; multiprocessing's tracker of resources is a child, too."""
    children = psutil.Process(process.pid).children()
    return [child for child in children if any("spawn_main" in part for part in _command(child))]


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.NoSuchProcess:  # killed, and perhaps not buried yet
        return []


def _is_ready(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health/ready").is_success
    except httpx.TransportError:
        return False


def _until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.1)
