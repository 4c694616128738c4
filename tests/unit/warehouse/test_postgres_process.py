"""A pid file alone proves nothing: the process must be there and serve this very directory."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from warehouse.postgres_process import Postmaster, find_postmaster, is_alive


@pytest.fixture
def look_alike(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process whose command line names the directory, as a postmaster's does."""
    command = [sys.executable, "-c", "import sys; sys.stdin.read()", "-D", str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def pid_file(cluster: Path, *lines: object) -> None:
    (cluster / "postmaster.pid").write_text("".join(f"{line}\n" for line in lines))


def test_no_file_no_server(tmp_path: Path) -> None:
    assert find_postmaster(tmp_path) is None


def test_foreign_process_is_no_server(tmp_path: Path) -> None:
    pid_file(tmp_path, os.getpid(), tmp_path, 0, 5432, "", "127.0.0.1", "", "ready")
    assert find_postmaster(tmp_path) is None


@pytest.mark.parametrize("content", ["", "no number\n"])
def test_torn_file_is_no_server(content: str, tmp_path: Path) -> None:
    (tmp_path / "postmaster.pid").write_text(content)
    assert find_postmaster(tmp_path) is None


def test_server_is_ready_when_its_file_says_so(tmp_path: Path, look_alike: subprocess.Popen[bytes]) -> None:
    pid_file(tmp_path, look_alike.pid)
    assert find_postmaster(tmp_path) == Postmaster(look_alike.pid, 0, is_ready=False)
    pid_file(tmp_path, look_alike.pid, tmp_path, 0, 5432, "", "127.0.0.1", "", "starting")
    assert find_postmaster(tmp_path) == Postmaster(look_alike.pid, 5432, is_ready=False)
    pid_file(tmp_path, look_alike.pid, tmp_path, 0, 5432, "", "127.0.0.1", "", "ready   ")
    assert find_postmaster(tmp_path) == Postmaster(look_alike.pid, 5432, is_ready=True)


def test_zombie_is_not_alive(look_alike: subprocess.Popen[bytes]) -> None:
    assert is_alive(look_alike.pid)
    look_alike.kill()
    while is_alive(look_alike.pid):
        pass
    assert look_alike.wait() == -9
