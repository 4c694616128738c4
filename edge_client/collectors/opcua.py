"""OPC UA: subscribes to variables of a server, by the URI of their namespace, and keeps the source's times.

A server keeps nothing for a client that is away, so what changes meanwhile is not seen; after a reconnect each variable
comes with its value of then.
"""

import asyncio
import threading
from collections.abc import Generator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from msgspec import Struct

from edge_client.collectors.collector import IDLE, Chunk, Registration, Skip
from edge_client.collectors.live import Inbound, Site, rfc3339, wall_clock
from edge_client.errors import ConfigurationError

QUEUED = 10_000
ITEMS_PER_CHUNK = 1_000
CHECK_S = 1.0
RECONNECT_MIN_S, RECONNECT_MAX_S = 1.0, 300.0
MAX_DEPTH = 10
NEEDS_EXTRA = "the opcua collector needs a library: pip install 'millrace[opcua]'"


class OpcUaOptions(Struct, frozen=True, kw_only=True):
    """Which server, and what of it.

    Attributes:
        site: What to register.
        url: The server.
        nodes: Variables, as `nsu=<URI>;s=<name>` or any other id of a node.
        below: Nodes below which every variable is taken.
        interval_ms: Between two samples.
    """

    site: Site
    url: str = "opc.tcp://127.0.0.1:4840"
    nodes: tuple[str, ...] = ()
    below: tuple[str, ...] = ()
    interval_ms: float = 1_000


class OpcUa:
    """A server as a collector. A variable's equipment is the browse name of its parent, its metric its own.

    Args:
        options: Which.

    Raises:
        ConfigurationError: No node is named, or the library is missing.
    """

    def __init__(self, options: OpcUaOptions) -> None:
        try:
            import asyncua  # noqa: F401
        except ImportError as error:
            raise ConfigurationError(NEEDS_EXTRA) from error
        if not options.nodes and not options.below:
            raise ConfigurationError("the opcua collector needs --opcua-node or --opcua-below")
        self._options = options
        self._inbound: Inbound[bytes | Skip] = Inbound(QUEUED)
        self._names: dict[Any, tuple[str, str]] = {}
        self._lost = 0
        self._stop = threading.Event()

    @property
    def name(self) -> str:
        """Names the server."""
        return f"opcua {self._options.url}"

    def describe(self) -> Iterator[Registration]:
        """Yield the site and its equipment."""
        return self._options.site.describe()

    def collect(self, after: Mapping[str, str]) -> Generator[Chunk, None, None]:
        """Yield what changes."""
        thread = threading.Thread(target=lambda: asyncio.run(self._listen()), daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                entries = self._inbound.take(ITEMS_PER_CHUNK)
                lost, self._lost = self._lost, 0
                if entries or lost:
                    yield Chunk(
                        kind="readings",
                        items=[entry for entry in entries if isinstance(entry, bytes)],
                        is_replay=False,
                        part="subscription",
                        position="",
                        fraction=0.0,
                        skips=[entry for entry in entries if isinstance(entry, Skip)],
                        lost=lost,
                    )
                yield IDLE
        finally:
            self._stop.set()
            thread.join(RECONNECT_MIN_S)

    async def _listen(self) -> None:
        """Stay subscribed; a server that goes away is tried again, ever more patiently."""
        wait_s = RECONNECT_MIN_S
        while not self._stop.is_set():
            try:
                async for _ in self._connected():
                    wait_s = RECONNECT_MIN_S
            except Exception as error:  # whatever the library raises: the server may come back
                self._put(Skip(self._options.url, f"not connected: {error or type(error).__name__}"))
            for _ in range(int(wait_s / 0.1)):
                if not self._stop.is_set():
                    await asyncio.sleep(0.1)
            wait_s = min(wait_s * 2, RECONNECT_MAX_S)

    async def _connected(self) -> Any:
        """Connect and subscribe, and yield as long as the server answers."""
        from asyncua.client.client import Client

        async with Client(self._options.url) as client:
            variables: Any = await self._variables(client)
            self._names = {node: await _names(node) for node in variables}
            subscription: Any = await client.create_subscription(self._options.interval_ms, self, queue_maxsize=QUEUED)
            await subscription.subscribe_data_change(
                variables, queuesize=100, sampling_interval=self._options.interval_ms
            )
            while not self._stop.is_set():
                yield None
                await asyncio.sleep(CHECK_S)
                await client.check_connection()
                await client.nodes.server_state.read_value()

    async def _variables(self, client: Any) -> list[Any]:
        uris = await client.get_namespace_array()
        found = [client.get_node(_node_id(text, uris)) for text in self._options.nodes]
        for text in self._options.below:
            found += await _below(client.get_node(_node_id(text, uris)))
        return list(dict.fromkeys(found))

    def datachange_notification(self, node: Any, value: object, data: Any) -> None:
        """Take a change; called by the library."""
        equipment_code, metric = self._names.get(node, ("", ""))
        said = data.monitored_item.Value
        if not isinstance(value, int | float):
            self._put(Skip(f"{equipment_code}/{metric}", f"no number: {said.StatusCode}"))
            return
        item: dict[str, object] = {"equipment_code": equipment_code, "metric": metric, "value": value + 0}
        item["event_time"] = _time(said.SourceTimestamp or said.ServerTimestamp)
        if not said.StatusCode.is_good():
            item["quality"] = 0.5 if said.StatusCode.is_uncertain() else 0.0
        self._put(msgspec.json.encode(item))

    def _put(self, entry: bytes | Skip) -> None:
        """Hand over; what finds no room is lost and counted, for the server keeps nothing."""
        if not self._inbound.offer(entry) and isinstance(entry, bytes):
            self._lost += 1


def _node_id(text: str, uris: list[str]) -> str:
    """Return a node's id with the index that its namespace has in this server now."""
    if not text.startswith("nsu="):
        return text
    uri, _, rest = text.removeprefix("nsu=").partition(";")
    if uri not in uris:
        raise ValueError(f"the server has no namespace {uri}")
    return f"ns={uris.index(uri)};{rest}"


async def _below(node: Any, depth: int = 0) -> list[Any]:
    from asyncua import ua

    found = await node.get_children(nodeclassmask=ua.NodeClass.Variable)
    if depth < MAX_DEPTH:
        for child in await node.get_children(nodeclassmask=ua.NodeClass.Object):
            found += await _below(child, depth + 1)
    return list(found)


async def _names(node: Any) -> tuple[str, str]:
    parent = await node.get_parent()
    own = (await node.read_browse_name()).Name
    return ("" if parent is None else (await parent.read_browse_name()).Name), own


def _time(stamp: datetime | None) -> str:
    if stamp is None:
        return rfc3339(wall_clock())
    return (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp).isoformat()
