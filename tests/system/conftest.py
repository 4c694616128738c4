"""A demo as a person starts it, on ports and a data directory of its own. Nothing of our packages is imported here."""

import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest

ROOT = Path(__file__).parents[2]
PORTS = ("POSTGRES", "API", "MLFLOW", "DAGSTER", "CODE_SERVER", "DATA_DOCS")
DONE = "up until Ctrl-C"
LIMIT_S = 1200


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.system)
            item.add_marker(pytest.mark.timeout(1500))


@dataclass
class Demo:
    """One run of `python -m orchestration demo` and what can be seen of it from outside."""

    home: Path
    ports: dict[str, int]
    log: Path
    arguments: list[str]
    process: subprocess.Popen[bytes] | None = None
    settings: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orchestration", "demo", *self.arguments],
                cwd=ROOT,
                env={**os.environ, **self.settings},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def said(self) -> str:
        return self.log.read_text(errors="replace")

    def counts(self) -> list[int]:
        """Sent, accepted, quarantined, repeated, loaded, revised and duplicates, from the summary."""
        words = ("sent", "accepted", "quarantined", "repeated", "loaded", "revised", "duplicates")
        pattern = r" \| ".join(rf"{word} ([\d,]+)" for word in words)
        found = re.search(pattern, self.said())
        assert found is not None, self.said()[-4000:]
        return [int(figure.replace(",", "")) for figure in found.groups()]

    def wait_for(self, condition: Callable[[], Any], what: str, limit_s: float = LIMIT_S) -> Any:
        deadline = time.monotonic() + limit_s
        while not (seen := condition()):
            assert self.process is not None
            ended = self.process.poll()
            assert ended is None, f"the demo ended with {ended} before: {what}\n{self.said()[-4000:]}"
            assert time.monotonic() < deadline, f"not within {limit_s} s: {what}\n{self.said()[-4000:]}"
            time.sleep(0.5)
        return seen

    def wait_done(self) -> str:
        self.wait_for(lambda: DONE in self.said(), "the summary")
        return self.said()

    def interrupt(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(90)

    def pid(self, name: str) -> int | None:
        record = self.home / "demo" / "run" / f"{name}.json"
        return int(json.loads(record.read_text())["pid"]) if record.exists() else None

    def query(self, sql: str, database: str = "millrace_warehouse") -> list[tuple[Any, ...]]:
        password = (self.home / "demo" / "postgres.password").read_text().strip()
        with psycopg.connect(
            host="127.0.0.1", port=self.ports["POSTGRES"], user="millrace", password=password, dbname=database
        ) as connection:
            return connection.execute(sql).fetchall()

    def cluster(self) -> Path:
        """The folder of PostgreSQL's cluster, which is elsewhere where root's folders are closed to others."""
        note = self.home / "demo" / "postgres.place"
        return Path(note.read_text().strip()) if note.exists() else self.home / "demo"

    def key(self, name: str) -> str:
        return str(json.loads((self.home / "demo" / "keys.json").read_text())[name])

    def url(self, service: str) -> str:
        return f"http://127.0.0.1:{self.ports[service]}"


@pytest.fixture(scope="module")
def make_demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Demo]]:
    demos: list[Demo] = []

    def make(*arguments: str) -> Demo:
        home = tmp_path_factory.mktemp("millrace")
        ports = _free_ports(len(PORTS))
        demo = Demo(home, dict(zip(PORTS, ports, strict=True)), home / "demo.log", list(arguments))
        demo.settings = {f"MILLRACE_{name}_PORT": str(port) for name, port in demo.ports.items()}
        demo.settings["MILLRACE_DATA_DIR"] = str(home)
        demos.append(demo)
        return demo

    yield make
    for demo in demos:
        if demo.process is not None and demo.process.poll() is None:
            demo.interrupt()
        shutil.rmtree(demo.cluster(), ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """Below the ports that the system hands out to outgoing connections, which would take one while it is restarted."""
    ports: list[int] = []
    while len(ports) < count:
        port = random.SystemRandom().randrange(20_000, 30_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        if port not in ports:
            ports.append(port)
    return ports
