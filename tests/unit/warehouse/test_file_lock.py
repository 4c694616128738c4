"""One holder at a time, and nobody has to clean up after a killed one."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from warehouse.file_lock import locked


def test_second_holder_waits_for_the_first(tmp_path: Path) -> None:
    order: list[str] = []
    is_held = threading.Event()

    def hold() -> None:
        with locked(tmp_path / "lock", 30):
            is_held.set()
            order.append("first in")
            release.wait(30)
            order.append("first out")

    release = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    assert is_held.wait(30)
    threading.Timer(0.1, release.set).start()
    with locked(tmp_path / "lock", 30):
        order.append("second in")
    thread.join()
    assert order == ["first in", "first out", "second in"]


def test_impatience_ends_in_an_error(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", 1), pytest.raises(TimeoutError, match="lock"), locked(tmp_path / "lock", 0):
        pass


def test_killed_holder_lets_go(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from warehouse.file_lock import locked
with locked(Path({str(tmp_path / "lock")!r}), 1):
    os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == -9
    with locked(tmp_path / "lock", 0):
        pass
