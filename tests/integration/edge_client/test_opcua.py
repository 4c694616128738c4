"""Against asyncua's own server: source times, status codes, namespaces by URI, and a server that restarts."""

import json
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from asyncua import ua

from edge_client.collectors.live import Site
from edge_client.collectors.opcua import OpcUa, OpcUaOptions

URI = "http://example.org/plant"
SERVER = Path(__file__).with_name("opcua_server.py")
WAIT_S = 60


class PlantServer:
    """`opcua_server.py`, running."""

    def __init__(self, port: int, namespaces: int = 0) -> None:
        self.url = f"opc.tcp://127.0.0.1:{port}/plant"
        command = [sys.executable, str(SERVER), self.url, str(namespaces)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._expect("ready")

    def write(self, value: float, at: datetime, status: int = ua.StatusCodes.Good) -> None:
        assert self._process.stdin
        self._process.stdin.write(json.dumps([value, at.isoformat(), status]) + "\n")
        self._process.stdin.flush()
        self._expect("written")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _expect(self, answer: str) -> None:
        stdout = self._process.stdout
        assert stdout
        is_there, _, _ = select.select([stdout], [], [], WAIT_S)
        assert is_there, f"the server did not say {answer!r}"
        assert stdout.readline() == f"{answer}\n"


class Taken:
    """What the collector hands over, in a thread."""

    def __init__(self, options: OpcUaOptions) -> None:
        self.items: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._chunks = OpcUa(options).collect({})
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        for chunk in self._chunks:
            self.items += [msgspec.json.decode(item) for item in chunk.items]
            if self._stop.is_set():
                break
        self._chunks.close()

    def wait_for(self, value: float) -> dict[str, Any]:
        deadline = time.monotonic() + WAIT_S
        while time.monotonic() < deadline:
            for item in self.items:
                if item["value"] == value:
                    return item
            time.sleep(0.05)
        raise AssertionError(f"{value} never came: {self.items}")

    def stop(self) -> None:
        self._stop.set()
        self._thread.join(15)


@pytest.fixture(params=[{"nodes": (f"nsu={URI};s=P1.flow",)}, {"below": (f"nsu={URI};s=P1",)}], ids=["node", "below"])
def choice(request: pytest.FixtureRequest) -> Iterator[dict[str, tuple[str, ...]]]:
    yield request.param


def test_changes_come_with_time_and_quality_also_after_the_server_restarted(free_port: int, choice) -> None:
    server = PlantServer(free_port)
    taken = Taken(OpcUaOptions(site=Site(), url=server.url, interval_ms=50, **choice))
    try:
        taken.wait_for(1.0)
        server.write(2.5, datetime(2026, 3, 1, 10, 0, tzinfo=UTC))
        item = taken.wait_for(2.5)
        assert (item["equipment_code"], item["metric"]) == ("P1", "flow")
        assert datetime.fromisoformat(item["event_time"]) == datetime(2026, 3, 1, 10, 0, tzinfo=UTC)
        assert "quality" not in item
        server.write(3.5, datetime(2026, 3, 1, 10, 1, tzinfo=UTC), ua.StatusCodes.UncertainLastUsableValue)
        assert taken.wait_for(3.5)["quality"] == 0.5
        server.stop()
        # The namespace has another index now, as after a change of the server's project.
        server = PlantServer(free_port, namespaces=2)
        server.write(4.5, datetime(2026, 3, 1, 11, 0, tzinfo=UTC))
        taken.wait_for(4.5)
    finally:
        taken.stop()
        server.stop()
