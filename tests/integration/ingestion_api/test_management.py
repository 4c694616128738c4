"""The management port of running instances, and what the log of one may not say."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion_api.client import IngestionClient

ROOT = Path(__file__).parents[3]


@contextmanager
def serving(database_url: str, log: Path, port: int, **more: str) -> Iterator[str]:
    """Run `serve` and give its address."""
    named = {"DATABASE_URL": database_url, "PORT": "0", "MANAGEMENT_PORT": str(port), "LOG_LEVEL": "debug", **more}
    environment = {"PYTHONPATH": str(ROOT), **{f"MILLRACE_API_{name}": value for name, value in named.items()}}
    with log.open("w") as output:
        command = [sys.executable, "-m", "ingestion_api", "serve"]
        server = subprocess.Popen(command, env=environment, stdout=output, stderr=output, cwd=log.parent)
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert server.poll() is None, log.read_text()
            time.sleep(0.05)
        yield found.group()
    finally:
        server.terminate()
        server.wait(30)


def sample(text: str, name: str, *labels: str) -> float:
    """Add up the samples of a name that bear the labels."""
    lines = [line for line in text.splitlines() if line.startswith(name) and all(label in line for label in labels)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_one_port_answers_for_all_workers(plant: Any, tmp_path: Path, free_port: int, workers: str) -> None:
    """C30, S2-064: with the inbox's lag as far as the pulls tell it."""
    management = f"http://127.0.0.1:{free_port}"
    key = plant.key()
    with serving(plant.database_url, tmp_path / "log", free_port, WORKERS=workers) as url:
        for value in range(20):
            with IngestionClient(url, key) as client:  # a connection each, so that several workers get some
                client.push("readings", b'{"equipment_code":"pump-1","metric":"pressure","value":%d}' % value)
        with IngestionClient(url, key) as client:
            client.pull("readings", 5)
        text = httpx.get(f"{management}/metrics").text
        assert sample(text, "millrace_api_batches_total", 'outcome="stored"') == 20
        assert sample(text, "millrace_api_items_total") == 20
        assert sample(text, "millrace_api_request_seconds_count", 'method="POST"', 'status_class="2xx"') == 20
        assert sample(text, "millrace_api_inbox_pulled_batch_seq{") == 5
        assert sample(text, "millrace_api_inbox_newest_batch_seq", 'kind="readings"') == 20
        assert sample(text, "millrace_api_inbox_lag_seconds{") > 0
        assert sample(text, "millrace_api_store_up") == 1
        assert httpx.get(f"{management}/health/live").json() == {"status": "live"}
        assert httpx.get(f"{management}/health/ready").status_code == 200
        assert httpx.get(f"{management}/nothing").status_code == 404


def test_log_has_no_secret_wherever_it_is_put(plant: Any, tmp_path: Path, free_port: int) -> None:
    """C40: not a key, a token, a worker's code or a body, in headers, paths, queries or bodies."""
    secret, log = "sEcReT-W114", tmp_path / "log"
    key = plant.key()
    with serving(plant.database_url, log, free_port) as url, httpx.Client(base_url=url) as http:
        good = {"X-API-Key": key}
        for headers in ({"X-API-Key": secret}, {"Authorization": f"Bearer {secret}"}, {"Authorization": secret}):
            http.get("/api/v1/cursors", headers=headers)
        http.get(f"/metrics/workers/{secret}", headers=good)
        http.get(f"/api/v1/workers/{secret}", headers=good)
        http.put(f"/api/v1/workers/{secret}", headers=good, json={"department": secret})
        http.get(f"/{secret}?token={secret}", headers={**good, "Cookie": secret, "User-Agent": secret})
        http.post(f"/api/v1/readings?equipment_code={secret}", headers=good, content=f'{{"metric":"{secret}"}}')
        http.post("/api/v1/events", headers={**good, "Idempotency-Key": secret, "Content-Type": secret}, content=secret)
        http.post("/api/v1/quarantine/release", headers=good, content=f'{{"ids":"{secret}"}}')
    said = log.read_text()
    assert said.count('"event":"request"') >= 10
    assert '"component":"ingestion_api"' in said
    assert secret not in said
    assert key not in said
