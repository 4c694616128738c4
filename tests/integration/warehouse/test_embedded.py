"""The embedded database survives kills, is shared among processes and refuses in one line what cannot be (D8)."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
from sqlalchemy import NullPool, text
from sqlalchemy.exc import OperationalError

from warehouse.embedded import EmbeddedPostgres
from warehouse.engine import create_engine
from warehouse.errors import DataDirUnusable, NotStarted, PortTaken, WarehouseError
from warehouse.postgres_binaries import program_directory, unprivileged_account
from warehouse.postgres_process import orphans

IS_ROOT = os.geteuid() == 0
FAST = {"fsync": "off", "shared_buffers": "16MB"}


@pytest.fixture
def make_server(tmp_path: Path, free_port: int) -> Iterator[Callable[[], EmbeddedPostgres]]:
    """Makes a server of a directory that nobody has used yet; it is not started."""
    made: list[EmbeddedPostgres] = []

    def make() -> EmbeddedPostgres:
        made.append(EmbeddedPostgres(tmp_path / "data", free_port, 60, parameters=FAST))
        return made[-1]

    yield make
    for server in made:
        server.remove()


@pytest.fixture(scope="module")
def _shared_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedPostgres]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = EmbeddedPostgres(tmp_path_factory.mktemp("embedded"), port, 60, parameters=FAST)
    yield server
    server.remove()


@pytest.fixture
def server(_shared_server: EmbeddedPostgres) -> EmbeddedPostgres:
    """A running server, shared by the tests of this file: leave its directory as it was."""
    _shared_server.start()
    return _shared_server


def ask(server: EmbeddedPostgres, query: str) -> object:
    with create_engine(server.url("postgres"), poolclass=NullPool).begin() as connection:
        return (
            connection.execute(text(query)).scalar() if query.startswith("select") else connection.execute(text(query))
        )


def start_elsewhere(server: EmbeddedPostgres, then: str = "") -> subprocess.CompletedProcess[str]:
    """Start the server of the same directory from another process."""
    script = f"""
import os, signal
from warehouse.embedded import EmbeddedPostgres
server = EmbeddedPostgres({str(server.data_dir)!r}, {server.port}, 60, parameters={FAST!r})
server.start()
print(server.postmaster_pid(), flush=True)
{then}
"""
    return subprocess.run([sys.executable, "-c", script], check=False, capture_output=True, text=True)


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)


def pid_of(server: EmbeddedPostgres) -> int:
    pid = server.postmaster_pid()
    assert pid is not None
    return pid


def test_speaks_utf8_utc_and_wants_its_password(server: EmbeddedPostgres) -> None:
    assert ask(server, "select current_setting('server_encoding')") == "UTF8"
    assert ask(server, "select current_setting('TimeZone')") == "UTC"
    mode = stat.S_IMODE((server.data_dir / "postgres.password").stat().st_mode)
    assert mode == 0o600
    url = server.url("postgres").replace("millrace:", "millrace:x")
    with pytest.raises(OperationalError, match="password authentication failed"):
        create_engine(url, poolclass=NullPool).connect()


def test_is_reached_on_loopback_alone(server: EmbeddedPostgres) -> None:
    connections = psutil.Process(pid_of(server)).net_connections("all")
    assert [address for c in connections if (address := c.laddr) and c.status == "LISTEN"] == [
        ("127.0.0.1", server.port)
    ]


def test_starting_and_stopping_twice_is_once(server: EmbeddedPostgres) -> None:
    pid = pid_of(server)
    server.start()
    assert pid_of(server) == pid
    server.stop()
    server.stop()
    assert not server.is_running()
    assert not psutil.pid_exists(pid)


def test_databases_and_data_outlive_a_stop(server: EmbeddedPostgres) -> None:
    server.ensure_database("plant")
    server.ensure_database("plant")
    ask(server, "create table kept_by_stop as select 7 as number")
    server.stop()
    server.start()
    assert ask(server, "select number from kept_by_stop") == 7
    assert ask(server, "select count(*) from pg_database where datname = 'plant'") == 1


def test_killed_postmaster_starts_again(server: EmbeddedPostgres) -> None:
    """DESIGN 6: kill -9 at any moment; what was committed is there."""
    ask(server, "create table kept as select 7 as number")
    for _ in range(2):
        kill(pid_of(server))
        server.start()
        assert ask(server, "select number from kept") == 7


def test_orphan_that_will_not_end_is_ended(server: EmbeddedPostgres) -> None:
    """A backend in a long computation does not notice its postmaster's death and keeps the shared memory."""
    waiting = threading.Event()

    def compute() -> None:
        engine = create_engine(server.url("postgres"), poolclass=NullPool)
        with engine.connect() as connection:
            waiting.set()
            connection.execute(
                text("select sum(a * b) from generate_series(1, 100000) a, generate_series(1, 100000) b")
            )

    with ThreadPoolExecutor(1) as pool:
        computation = pool.submit(compute)
        assert waiting.wait(30)
        time.sleep(0.5)
        kill(pid_of(server))
        assert orphans(server.cluster)
        server.start()
        assert ask(server, "select 1") == 1
        with pytest.raises(OperationalError):
            computation.result()


def test_recycled_pid_does_not_pass_for_a_server(server: EmbeddedPostgres) -> None:
    """After a reboot the pid in postmaster.pid may be anybody's."""
    kill(pid_of(server))
    pid_file = server.cluster / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    while orphans(server.cluster):
        time.sleep(0.05)
    pid_file.write_text("\n".join([str(os.getppid()), *lines[1:]]) + "\n")
    assert not server.is_running()
    server.start()
    assert server.is_running()


def test_server_of_a_killed_process_is_adopted(make_server: Callable[[], EmbeddedPostgres]) -> None:
    server = make_server()
    elsewhere = start_elsewhere(server, then="os.kill(os.getpid(), signal.SIGKILL)")
    assert elsewhere.returncode == -signal.SIGKILL
    server.start()
    assert pid_of(server) == int(elsewhere.stdout)
    server.stop()
    assert not server.is_running()


def test_processes_that_start_at_once_share_one_server(make_server: Callable[[], EmbeddedPostgres]) -> None:
    server = make_server()
    with ThreadPoolExecutor(3) as pool:
        starts = [pool.submit(start_elsewhere, server) for _ in range(3)]
        outputs = [start.result() for start in starts]
    assert [output.stderr for output in outputs] == [""] * 3
    assert {output.stdout for output in outputs} == {f"{pid_of(server)}\n"}


def test_interrupted_initdb_is_begun_anew(make_server: Callable[[], EmbeddedPostgres]) -> None:
    server = make_server()
    server.data_dir.mkdir()
    leftover = server.data_dir / "postgres.new-1"
    leftover.mkdir()
    (leftover / "PG_VERSION").write_text("16\n")
    server.start()
    assert ask(server, "select 1") == 1


def refusal(kind: type[WarehouseError], act: Callable[[], object]) -> str:
    with pytest.raises(kind) as refused:
        act()
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_taken_port_names_the_setting(make_server: Callable[[], EmbeddedPostgres], free_port: int) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", free_port))
        somebody.listen()
        message = refusal(PortTaken, make_server().start)
    assert str(free_port) in message
    assert "MILLRACE_POSTGRES_PORT" in message


def test_other_port_than_the_running_servers_names_both_ways_out(server: EmbeddedPostgres, free_port: int) -> None:
    other = EmbeddedPostgres(server.data_dir, free_port)
    message = refusal(PortTaken, other.start)
    assert str(server.port) in message
    assert not other.is_running()
    assert server.is_running()


def test_other_major_version_is_refused(server: EmbeddedPostgres) -> None:
    server.stop()
    version_file = server.cluster / "PG_VERSION"
    version_file.write_text("15\n")
    assert "PostgreSQL 15" in refusal(DataDirUnusable, server.start)
    version_file.write_text("16\n")


def test_directory_of_something_else_is_refused(make_server: Callable[[], EmbeddedPostgres]) -> None:
    server = make_server()
    (server.data_dir / "postgres").mkdir(parents=True)
    (server.data_dir / "postgres" / "thesis.txt").write_text("mine")
    assert "no PostgreSQL data" in refusal(DataDirUnusable, server.start)
    assert (server.data_dir / "postgres" / "thesis.txt").read_text() == "mine"


def test_lost_password_is_told(server: EmbeddedPostgres) -> None:
    server.stop()
    password_file = server.data_dir / "postgres.password"
    aside = password_file.rename(server.data_dir / "aside")
    assert "postgres.password" in refusal(DataDirUnusable, server.start)
    aside.rename(password_file)


def test_url_before_the_first_start_says_how_to_start(make_server: Callable[[], EmbeddedPostgres]) -> None:
    server = make_server()
    assert "python -m warehouse start" in refusal(NotStarted, lambda: server.url("postgres"))
    assert not server.is_running()
    server.stop()
    assert not server.data_dir.exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root hands the server to another account")
def test_root_hands_over_and_leaves_closed_parents_closed(tmp_path: Path, free_port: int) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data", free_port, 60, parameters=FAST)
    try:
        server.start()
        cluster = server.cluster
        assert psutil.Process(pid_of(server)).uids().real != 0
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
        assert closed not in cluster.parents
        again = EmbeddedPostgres(closed / "data", free_port, 60, parameters=FAST)
        assert again.cluster == cluster
        assert again.is_running()
    finally:
        server.remove()
    assert not cluster.parent.exists()


@pytest.mark.skipif(not IS_ROOT, reason="only root hands the server to another account")
def test_programs_the_account_cannot_read_are_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    account = unprivileged_account(tmp_path)
    assert account is not None
    package = program_directory(tmp_path, account).parent.parent
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    for part in (package, package.with_name(f"{package.name}.libs")):
        if part.exists():
            shutil.copytree(part, closed / part.name, symlinks=True, ignore=shutil.ignore_patterns("pginstall18"))
    monkeypatch.syspath_prepend(closed)
    home = Path("/var/tmp") / f"millrace-test-{os.getpid()}"  # noqa: S108 - pytest's own directory is closed to others
    home.mkdir(mode=0o755)
    try:
        programs = program_directory(home, account)
        assert home in programs.parents
        asked = subprocess.run([programs / "initdb", "--version"], cwd="/", check=True, **account.process_options())
        assert asked.returncode == 0
        assert program_directory(home, account) == programs
    finally:
        shutil.rmtree(home)
