"""The commands, as a person types them."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from ingestion_api.client import IngestionClient

COMMAND = [sys.executable, "-m", "ingestion_api"]
ROOT = Path(__file__).parents[3]


def environment(url: str, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MILLRACE_API_")}
    return {**kept, "PYTHONPATH": str(ROOT), "MILLRACE_API_DATABASE_URL": url, **more}


def run(url: str, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], env=environment(url, **more), capture_output=True, text=True, timeout=60, check=False
    )


def test_serve_until_told_to_stop_and_log_no_secret(api_url: str, tmp_path: Path) -> None:
    """C40: never a key, a body or a name in the log; S3-045."""
    key = run(api_url, "keys", "create", "--name", "edge", "--site", "demo", "--scopes", "push,registry").stdout.strip()
    log = tmp_path / "log"
    with log.open("w") as output:
        server = subprocess.Popen(
            [*COMMAND, "serve"], env=environment(api_url, MILLRACE_API_PORT="0"), stdout=output, stderr=output
        )
    try:
        while not (found := re.search(r"http://127\.0\.0\.1:\d+", log.read_text())):
            assert server.poll() is None, log.read_text()
            time.sleep(0.05)
        with IngestionClient(found.group(), key) as client:
            client.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
            client.put("equipment", "pump-1", {"name": "One", "equipment_class": "pump"})
            client.push("readings", b'{"equipment_code":"pump-1","metric":"very-secret-metric","value":1}')
        httpx.post(f"{found.group()}/api/v1/readings?token=hidden", headers={"X-API-Key": "mr_wrong-key"})
    finally:
        server.send_signal(signal.SIGTERM)
        # uvicorn ends what it began, then lets the signal do the rest.
        assert server.wait(30) == -signal.SIGTERM
    said = log.read_text()
    assert '"accepted":1' in said
    assert '"status":401' in said
    for secret in (key, "mr_wrong-key", "hidden", "very-secret-metric"):
        assert secret not in said


def test_taken_port_is_told_in_one_line(api_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(api_url, "serve", MILLRACE_API_PORT=port)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "MILLRACE_API_PORT" in done.stderr


def test_unreachable_database_is_told_in_one_line(free_port: int) -> None:
    done = run(f"postgresql://me:secret@127.0.0.1:{free_port}/api", "serve", MILLRACE_API_PORT="0")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "secret" not in done.stderr
    assert "python -m warehouse start" in done.stderr


def test_database_without_tables_is_told_in_one_line(postgres: Any) -> None:
    name = "test_empty_for_ingestion_api_main"
    url = postgres.create(name)
    try:
        for arguments in (["serve"], ["keys", "list"]):
            done = run(url, *arguments, MILLRACE_API_PORT="0")
            assert done.returncode == 1
            assert done.stderr.count("\n") == 1
            assert "python -m warehouse migrate" in done.stderr
    finally:
        postgres.drop(name)


def test_keys_are_made_listed_and_revoked(api_url: str) -> None:
    made = run(api_url, "keys", "create", "--name", "edge", "--site", "demo", "--scopes", "push, registry")
    assert re.fullmatch(r"mr_[A-Za-z0-9_-]{43}\n", made.stdout)
    again = run(api_url, "keys", "create", "--name", "edge", "--site", "demo", "--scopes", "push")
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    listed = run(api_url, "keys", "list").stdout.rstrip().split("\t")
    assert listed[:6] == [
        "edge",
        "demo",
        "push_readings,push_events,registry",
        "any equipment",
        "default requests/min",
        "default items/min",
    ]
    assert re.fullmatch(r"created \d{4}-\d\d-\d\d \d\d:\d\d UTC", listed[6])
    assert listed[7:] == ["never used", "in use"]
    assert run(api_url, "keys", "revoke", "edge").returncode == 0
    assert "revoked" in run(api_url, "keys", "list").stdout
    assert run(api_url, "keys", "revoke", "edge").returncode == 1


def test_keys_are_shown_and_rotated(api_url: str) -> None:
    limits = ("--preset", "small", "--items-per-min", "0", "--expires", "90d", "--equipment", "pump-1")
    made = run(api_url, "keys", "create", "--name", "pump", "--site", "demo", "--scopes", "push_events", *limits)
    assert made.returncode == 0, made.stderr
    rotated = run(api_url, "keys", "rotate", "pump", "--grace", "24h")
    assert re.fullmatch(r"mr_[A-Za-z0-9_-]{43}\n", rotated.stdout)
    assert rotated.stdout != made.stdout
    shown = run(api_url, "keys", "show", "pump").stdout
    for said in ("100 requests/min", "unlimited items", "pump-1", "in use until", "old secret works until"):
        assert said in shown
    assert made.stdout.strip() not in shown
    assert "old secret" not in run(api_url, "keys", "rotate", "pump", "--grace", "0").stdout
    assert "old secret" not in run(api_url, "keys", "show", "pump").stdout


@pytest.mark.parametrize("command", ["show", "rotate", "revoke"])
def test_keys_that_do_not_exist_are_told_in_one_line(api_url: str, command: str) -> None:
    done = run(api_url, "keys", command, "nobody")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "nobody" in done.stderr


@pytest.mark.parametrize("scopes", ["", "push,everything", ","])
def test_scopes_that_do_not_exist(api_url: str, scopes: str) -> None:
    done = run(api_url, "keys", "create", "--name", "x", "--site", "demo", "--scopes", scopes)
    assert done.returncode == 2
    assert "pull" in done.stderr
