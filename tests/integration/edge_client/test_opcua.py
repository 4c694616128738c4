"""Against asyncua's own server: source times, status codes, namespaces by URI, and a server that restarts."""

import asyncio
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from asyncua import Server, ua

from edge_client.collectors.live import Site
from edge_client.collectors.opcua import OpcUa, OpcUaOptions

URI = "http://example.org/plant"


class PlantServer:
    """A server with one pump, in a thread of its own."""

    def __init__(self, port: int, namespaces: int = 0) -> None:
        self.url = f"opc.tcp://127.0.0.1:{port}/plant"
        self._namespaces = namespaces
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._call(self._start())

    def _call(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        self._server = Server()
        await self._server.init()
        self._server.set_endpoint(self.url)
        self._server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
        for number in range(self._namespaces):
            await self._server.register_namespace(f"http://example.org/other{number}")
        index = await self._server.register_namespace(URI)
        pump = await self._server.nodes.objects.add_object(ua.NodeId("P1", index), "P1")
        self._flow = await pump.add_variable(ua.NodeId("P1.flow", index), "flow", 1.0)
        await self._server.start()

    def write(self, value: float, at: datetime, status: int = ua.StatusCodes.Good) -> None:
        data = ua.DataValue(ua.Variant(value, ua.VariantType.Double), ua.StatusCode(status), at)
        self._call(self._flow.write_value(data))

    def stop(self) -> None:
        self._call(self._server.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


class Taken:
    """What the collector hands over, in a thread."""

    def __init__(self, options: OpcUaOptions) -> None:
        self.items: list[dict[str, Any]] = []
        self._stop = threading.Event()
        self._chunks = OpcUa(options).collect({})
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        for chunk in self._chunks:
            self.items += [msgspec.json.decode(item) for item in chunk.items]
            if self._stop.is_set():
                break
        self._chunks.close()

    def wait_for(self, value: float) -> dict[str, Any]:
        deadline = time.monotonic() + 30
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
