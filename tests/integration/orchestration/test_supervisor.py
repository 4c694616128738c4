"""The supervisor and a PostgreSQL that cannot start: one line says what is wrong, and how to mend it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from orchestration.local.platform import Platform
from orchestration.local.reporter import Reporter
from warehouse.embedded import EmbeddedPostgres

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def settings(tmp_path: Path, free_port: int, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory, and ports that nobody uses."""
    monkeypatch.setenv("MILLRACE_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("MILLRACE_POSTGRES_PORT", str(free_port))
    for name in ("WAREHOUSE", "API_DATABASE", "DAGSTER_DATABASE", "MLFLOW_DATABASE"):
        monkeypatch.delenv(f"MILLRACE_{name}_URL", raising=False)
    services = ("API", "MLFLOW", "DAGSTER", "CODE_SERVER", "DATA_DOCS")
    sockets = {name: socket.create_server(("127.0.0.1", 0)) for name in services}
    for name, taken in sockets.items():
        monkeypatch.setenv(f"MILLRACE_{name}_PORT", str(taken.getsockname()[1]))
        taken.close()
    return tmp_path / "data"


@pytest.fixture
def server(settings: Path, free_port: int) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(settings, free_port)
    yield server
    server.remove()


def up() -> str:
    """What `make up` says before it gives up."""
    command = [sys.executable, "-m", "orchestration", "up"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 1, ended.stderr
    return ended.stderr.strip()


def test_a_port_that_is_taken_is_named(settings: Path, free_port: int) -> None:
    with socket.create_server(("127.0.0.1", free_port)):
        said = up()
    assert said.startswith("millrace: ")
    assert f"{free_port}" in said
    assert "MILLRACE_POSTGRES_PORT" in said
    assert "\n" not in said


def test_a_cluster_that_is_damaged_is_named(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.cluster / "global" / "pg_control").unlink()
    said = up()
    assert said.startswith("millrace: PostgreSQL ended while starting")
    assert "pg_control" in said
    assert str(server.log_file) in said
    assert "\n" not in said


def test_one_that_does_not_come_back_is_told_of_once_and_tried_until_it_does(server: EmbeddedPostgres) -> None:
    screen = StringIO()
    platform = Platform(server.data_dir, Reporter(Console(file=screen, width=1_000)))
    platform.postgres.start()
    pid = server.postmaster_pid()
    assert pid is not None
    control = server.cluster / "global" / "pg_control"
    kept = control.rename(server.cluster / "pg_control.kept")
    os.kill(pid, signal.SIGKILL)
    for _ in range(3):
        platform.tend()
    died, refused = screen.getvalue().splitlines()
    assert died.endswith("PostgreSQL died; starting it again")
    assert "PostgreSQL does not start, and is tried again until it does: PostgreSQL ended while starting" in refused
    assert "pg_control" in refused
    kept.rename(control)
    platform.tend()
    assert platform.postgres.is_running()
    assert len(screen.getvalue().splitlines()) == 2
