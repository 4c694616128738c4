"""MQTT: a broker's messages, acknowledged only once they are spooled, so that a killed client loses none it holds.

What the messages say is read in `topics.py` (plain JSON) and `sparkplug.py`.
"""

from collections.abc import Callable, Generator, Iterator, Mapping
from itertools import groupby
from typing import Any

from msgspec import Struct

from edge_client.collectors.collector import IDLE, Chunk, Registration, Skip
from edge_client.collectors.live import Inbound, Site, wall_clock
from edge_client.collectors.topics import Template, decode
from edge_client.errors import ConfigurationError
from ingestion_api.contract import Kind

QUEUED = 10_000  # the broker sends no more than its own limit of unacknowledged messages
MESSAGES_PER_CHUNK = 500
RECONNECT_S = 1, 300
NEEDS_EXTRA = "the mqtt collector needs a library: pip install 'millrace[mqtt]'"


class MqttOptions(Struct, frozen=True, kw_only=True):
    """Which broker, and what to listen to.

    Attributes:
        site: What to register.
        host: The broker.
        port: Its port.
        client_id: Under which the broker keeps what was not acknowledged; each client needs its own.
        template: Where in a topic the fields stand; None for Sparkplug B.
        user: Of the broker.
        password: Of the broker.
        is_tls: Speak TLS, with the system's certificates.
    """

    site: Site
    host: str = "127.0.0.1"
    port: int = 1883
    client_id: str = "millrace-edge"
    template: str | None = "{site}/{equipment_code}/{metric}"
    user: str | None = None
    password: str | None = None
    is_tls: bool = False


class Message(Struct, frozen=True):
    """One message, and in which connection it came."""

    topic: str
    payload: bytes
    mid: int
    qos: int
    connection: int
    at: float


class Read(Struct):
    """What one message says, whichever dialect it speaks."""

    items: list[tuple[Kind, bytes]]
    skips: list[Skip]
    part: str = "messages"
    position: str = ""
    is_birth: bool = False
    command: tuple[str, bytes] | None = None


class Mqtt:
    """A broker as a collector.

    Args:
        options: Which.

    Raises:
        ConfigurationError: An option is wrong, or the library is missing.
    """

    def __init__(self, options: MqttOptions) -> None:
        try:
            from paho.mqtt.client import Client
            from paho.mqtt.enums import CallbackAPIVersion

            if options.template is None:
                import edge_client.collectors.sparkplug  # noqa: F401
        except ImportError as error:
            raise ConfigurationError(NEEDS_EXTRA) from error
        self._options = options
        self._template = None if options.template is None else Template(options.template)
        self._inbound: Inbound[Message] = Inbound(QUEUED)
        self._connection = 0
        self._lost = 0
        self._client = client = Client(
            CallbackAPIVersion.VERSION2, client_id=options.client_id, clean_session=False, manual_ack=True
        )
        if options.user is not None:
            client.username_pw_set(options.user, options.password)
        if options.is_tls:
            client.tls_set()
        client.reconnect_delay_set(*RECONNECT_S)
        client.on_connect, client.on_message = self._connected, self._arrived

    @property
    def name(self) -> str:
        """Names the session at the broker."""
        return f"mqtt {self._options.client_id}@{self._options.host}:{self._options.port}"

    def describe(self) -> Iterator[Registration]:
        """Yield the site and its equipment."""
        return self._options.site.describe()

    def collect(self, after: Mapping[str, str]) -> Generator[Chunk, None, None]:
        """Yield what the broker sends; after each message's chunks it is acknowledged."""
        read = self._sparkplug(after) if self._template is None else self._plain(self._template)
        self._client.connect_async(self._options.host, self._options.port)
        self._client.loop_start()
        try:
            while True:
                batch: list[tuple[Message, Read]] = []
                for message in self._inbound.take(MESSAGES_PER_CHUNK):
                    if message.connection == self._connection:  # an older one's come again
                        batch.append((message, read(message)))
                        if batch[-1][1].is_birth:
                            yield from self._spool(batch)
                            batch = []
                yield from self._spool(batch)
                yield IDLE
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def _spool(self, batch: list[tuple[Message, Read]]) -> Iterator[Chunk]:
        """Yield the chunks of some messages, and acknowledge these."""
        if not batch:
            return
        items = sorted((item for _, read in batch for item in read.items), key=lambda item: item[0])
        skips = [skip for _, read in batch for skip in read.skips]
        last = batch[-1][1]
        for kind, of_kind in groupby(items, key=lambda item: item[0]):
            yield self._chunk(kind, [body for _, body in of_kind], [], last)
        if skips or (last.is_birth and not items):
            yield self._chunk("readings", [], skips, last)
        for message, read in batch:
            if message.qos and message.connection == self._connection:
                self._client.ack(message.mid, message.qos)
            if read.command is not None:
                self._client.publish(*read.command)

    def _chunk(self, kind: Kind, items: list[bytes], skips: list[Skip], last: Read) -> Chunk:
        lost, self._lost = self._lost, 0
        return Chunk(
            kind=kind,
            items=items,
            is_replay=False,
            part=last.part,
            position=last.position,
            fraction=0.0,
            skips=skips,
            lost=lost,
        )

    def _plain(self, template: Template) -> Callable[[Message], Read]:
        return lambda message: Read(*decode(template, message.topic, message.payload, message.at))

    def _sparkplug(self, after: Mapping[str, str]) -> Callable[[Message], Read]:
        from edge_client.collectors import sparkplug

        nodes = sparkplug.Sparkplug(dict(after))

        def read(message: Message) -> Read:
            decoded = nodes.decode(message.topic, message.payload, message.at)
            said = Read([("readings", item) for item in decoded.items], decoded.skips)
            if decoded.is_birth:
                said.is_birth, said.part, said.position = True, decoded.node, nodes.memory(decoded.node)
            if decoded.rebirth is not None:
                group, node = decoded.rebirth.split("/", 1)
                said.command = f"{sparkplug.NAMESPACE}/{group}/NCMD/{node}", sparkplug.rebirth_command()
            return said

        return read

    def _connected(self, client: Any, _userdata: object, _flags: object, reason: Any, _properties: object) -> None:
        if reason.is_failure:
            return
        self._connection += 1
        if self._template is not None:
            client.subscribe(self._template.filter, qos=1)
        else:
            from edge_client.collectors.sparkplug import FILTERS

            client.subscribe([(topic, 1) for topic in FILTERS])

    def _arrived(self, _client: object, _userdata: object, message: Any) -> None:
        taken = Message(message.topic, message.payload, message.mid, message.qos, self._connection, wall_clock())
        # Without acknowledgement the broker keeps it and sends it again; of QoS 0 it keeps nothing.
        if not self._inbound.offer(taken) and message.qos == 0:
            self._lost += 1
