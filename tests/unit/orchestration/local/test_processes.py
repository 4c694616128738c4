"""Processes of one machine are watched, started again, stopped with all they started, and cleaned up after."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from orchestration.local.errors import DataDirectoryUnusable, PortTaken, ProcessFailed
from orchestration.local.processes import Process, Supervisor, port_is_free, resident_bytes

SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
FAMILY = [sys.executable, "-c", f"import subprocess, time; subprocess.Popen({SLEEPER!r}); time.sleep(600)"]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]):
    supervisor = Supervisor(tmp_path / "run", dict(os.environ), said.append)
    supervisor.claim()
    yield supervisor
    supervisor.stop()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def test_a_killed_process_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    process = Process("sleeper", SLEEPER)
    supervisor.start(process)
    first = process.handle.pid
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not process.is_alive)
    supervisor.revive()
    assert process.is_alive
    assert process.handle.pid != first
    assert process.restart_count == 1
    assert said == ["sleeper died (exit -9); starting it again"]


SLOW_TO_STOP = """
import http.server, pathlib, signal, sys, time

def stop(*_):
    time.sleep(1)
    pathlib.Path(sys.argv[2]).touch()
    sys.exit()

signal.signal(signal.SIGTERM, stop)
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


def test_what_a_killed_process_had_started_may_end_before_it_starts_again(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """The child of a killed process still holds the port, and takes its time to stop."""
    port, ended = free_port(), tmp_path / "ended"
    server = [sys.executable, "-c", SLOW_TO_STOP, str(port), str(ended)]
    parent = [sys.executable, "-c", f"import subprocess, time; subprocess.Popen({server!r}); time.sleep(600)"]
    process = Process("parent", parent, port=port, ready_url=f"http://127.0.0.1:{port}/")
    supervisor.start(process)
    supervisor.wait_ready("parent", 20)
    os.kill(process.handle.pid, signal.SIGKILL)
    wait_until(lambda: not process.is_alive)
    supervisor.revive()
    assert ended.exists()
    supervisor.wait_ready("parent", 20)
    assert process.restart_count == 1


def test_a_finite_process_that_ended_well_stays_ended(supervisor: Supervisor) -> None:
    process = Process("once", [sys.executable, "-c", "pass"], is_finite=True)
    supervisor.start(process)
    wait_until(lambda: process.is_finished)
    supervisor.revive()
    assert process.is_finished
    assert process.restart_count == 0


def test_a_process_that_cannot_live_is_given_up_with_its_last_words(supervisor: Supervisor) -> None:
    process = Process("broken", [sys.executable, "-c", "raise SystemExit('no such setting')"])
    supervisor.start(process)
    process.quick_deaths = 4
    wait_until(lambda: not process.is_alive)
    with pytest.raises(ProcessFailed, match="broken does not stay up: no such setting"):
        supervisor.revive()


def test_stopping_ends_the_whole_family_and_nothing_else(tmp_path: Path) -> None:
    stranger = subprocess.Popen(SLEEPER, start_new_session=True)
    supervisor = Supervisor(tmp_path / "run", dict(os.environ), lambda line: None)
    supervisor.claim()
    process = Process("family", FAMILY)
    supervisor.start(process)
    wait_until(lambda: len(psutil.Process(process.handle.pid).children()) == 1)
    family = [process.handle.pid, psutil.Process(process.handle.pid).children()[0].pid]
    supervisor.stop()
    try:
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in family))
        assert stranger.poll() is None
        assert list((tmp_path / "run").glob("*.json")) == []
    finally:
        stranger.kill()
        stranger.wait()


def test_what_a_killed_supervisor_left_is_stopped_by_the_next_one(tmp_path: Path, said: list[str]) -> None:
    run_dir = tmp_path / "run"
    code = (
        "import sys, os, signal\n"
        "from pathlib import Path\n"
        "from orchestration.local.processes import Process, Supervisor\n"
        f"s = Supervisor(Path({str(run_dir)!r}), dict(os.environ), print)\n"
        f"s.claim(); s.start(Process('sleeper', {SLEEPER!r}))\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -signal.SIGKILL
    orphan = json.loads((run_dir / "sleeper.json").read_text())["pid"]
    assert psutil.pid_exists(orphan)
    supervisor = Supervisor(run_dir, dict(os.environ), said.append)
    supervisor.claim()
    assert said == ["stopping sleeper, left over from a run that was killed"]
    wait_until(lambda: not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE)
    supervisor.stop()


def test_two_supervisors_do_not_share_a_directory(supervisor: Supervisor) -> None:
    second = Supervisor(supervisor.run_dir, dict(os.environ), lambda line: None)
    with pytest.raises(DataDirectoryUnusable, match="MILLRACE_DATA_DIR"):
        second.claim()


def test_a_record_of_a_number_that_is_now_another_process_is_not_touched(tmp_path: Path, said: list[str]) -> None:
    run_dir = tmp_path / "run"
    supervisor = Supervisor(run_dir, dict(os.environ), said.append)
    stranger = subprocess.Popen(SLEEPER, start_new_session=True)
    try:
        (run_dir / "old.json").write_text(json.dumps({"pid": stranger.pid, "created": 1.0}))
        supervisor.claim()
        assert stranger.poll() is None
        assert said == []
    finally:
        stranger.kill()
        stranger.wait()
        supervisor.stop()


def test_a_taken_port_is_named_with_the_setting_that_moves_it(supervisor: Supervisor) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = int(taken.getsockname()[1])
        assert not port_is_free("127.0.0.1", port)
        with pytest.raises(PortTaken, match=f"port {port} for api is taken.*MILLRACE_API_PORT"):
            supervisor.start(Process("api", SLEEPER, port=port, port_setting="MILLRACE_API_PORT"))


def test_readiness_is_an_answer_on_the_address(supervisor: Supervisor) -> None:
    port = free_port()
    server = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    supervisor.start(Process("http", server, port=port, ready_url=f"http://127.0.0.1:{port}/"))
    supervisor.wait_ready("http", 20)
    supervisor.start(Process("mute", SLEEPER, ready_url=f"tcp://127.0.0.1:{free_port()}"))
    with pytest.raises(ProcessFailed, match="mute does not answer"):
        supervisor.wait_ready("mute", 0.1)


def test_memory_of_a_family_counts_its_children(supervisor: Supervisor) -> None:
    process = Process("family", FAMILY)
    supervisor.start(process)
    wait_until(lambda: len(psutil.Process(process.handle.pid).children()) == 1)
    child = psutil.Process(process.handle.pid).children()
    assert resident_bytes([psutil.Process(process.handle.pid)]) > resident_bytes(child) > 0
