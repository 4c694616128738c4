"""A small HTTP server beside devices that only know HTTP: it takes what the API takes, and answers once it is spooled.

It listens on loopback unless told otherwise, and asks for no key: who can reach it may push.
"""

import json
import threading
from collections.abc import Callable, Generator, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from msgspec import Raw, Struct

from edge_client.collectors.collector import IDLE, Chunk, Registration
from edge_client.collectors.live import TIME_NAMES, Inbound, Site, rfc3339, wall_clock
from edge_client.errors import ConfigurationError
from ingestion_api.contract import API_PREFIX, MAX_BODY_BYTES, MAX_ITEMS, Kind

PATHS: dict[str, Kind] = {f"{API_PREFIX}/readings": "readings", f"{API_PREFIX}/events": "events"}
RETRY_AFTER_S = "5"
SPOOLED_WITHIN_S = 10.0
DEVICE_TIMEOUT_S = 30.0


class HttpOptions(Struct, frozen=True, kw_only=True):
    """Where to listen.

    Attributes:
        site: What to register.
        host: The address.
        port: The port; 0 for any.
    """

    site: Site
    host: str = "127.0.0.1"
    port: int = 8010


class Delivery(Struct):
    """One device's request on its way into the spool."""

    kind: Kind
    items: list[bytes]
    is_spooled: threading.Event


class Unusable(Exception):
    """A request that no item can be made of: status and a sentence."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status


class HttpPassthrough:
    """The server as a collector.

    Args:
        options: Where to listen.

    Raises:
        ConfigurationError: The address cannot be had.
    """

    name = "http"

    def __init__(self, options: HttpOptions) -> None:
        self._options = options
        self._inbound: Inbound[Delivery] = Inbound(1)
        self._turn = threading.Lock()
        self.has_room: Callable[[int, int], bool] = lambda _items, _bytes: True
        try:
            self._server = ThreadingHTTPServer((options.host, options.port), _handler(self))
        except OSError as error:
            raise ConfigurationError(f"cannot listen on {options.host}:{options.port}: {error}") from error
        self._server.daemon_threads = True

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def describe(self) -> Iterator[Registration]:
        """Yield the site and its equipment."""
        return self._options.site.describe()

    def collect(self, after: Mapping[str, str]) -> Generator[Chunk, None, None]:
        """Yield what devices push, request by request."""
        thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        thread.start()
        try:
            while True:
                for delivery in self._inbound.take(1):
                    yield Chunk(
                        kind=delivery.kind,
                        items=delivery.items,
                        is_replay=False,
                        part="http",
                        position="",
                        fraction=0.0,
                    )
                    delivery.is_spooled.set()
                yield IDLE
        finally:
            self._server.shutdown()
            self._server.server_close()

    def take(self, kind: Kind, body: bytes) -> int:
        """Hand a request's items over, and wait until they are spooled.

        Returns:
            How many they are.

        Raises:
            Unusable: They cannot be read, or there is no room.
        """
        items = split(kind, body, wall_clock())
        delivery = Delivery(kind, items, threading.Event())
        with self._turn:  # one at a time: what has room now must have it when it is spooled
            if not self.has_room(len(items), sum(map(len, items))) or not self._inbound.offer(delivery):
                raise Unusable(503, "the spool is full: nothing of this request was taken, send it again later")
            if not delivery.is_spooled.wait(SPOOLED_WITHIN_S):
                raise Unusable(503, "the spool does not take items now: send them again later")
        return len(items)


def split(kind: Kind, body: bytes, now: float) -> list[bytes]:
    """Split a body into items; each that names no time is dated now.

    Raises:
        Unusable: It is not JSON items, or too many.
    """
    try:
        decoded = msgspec.json.decode(body)
        wrapped = isinstance(decoded, dict) and isinstance(decoded.get(kind), list)
        if wrapped:
            raws = msgspec.json.decode(body, type=dict[str, Raw])[kind]
            parts = msgspec.json.decode(raws, type=list[Raw])
        else:
            parts = msgspec.json.decode(body, type=list[Raw]) if isinstance(decoded, list) else [Raw(body)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unusable(400, f"the body is not JSON items: {error}") from error
    if not isinstance(decoded, dict | list):
        raise Unusable(400, "the body is neither an item nor an array of items")
    if not parts:
        raise Unusable(400, "the body holds no item")
    if len(parts) > MAX_ITEMS:
        raise Unusable(413, f"the body holds {len(parts)} items; at most {MAX_ITEMS} are taken at once")
    return [_dated(bytes(part), now) for part in parts]


def _dated(part: bytes, now: float) -> bytes:
    """Return an item's bytes as they came, or with a time where it names none. Wrong items are the API's to judge."""
    item = msgspec.json.decode(part)
    if not isinstance(item, dict) or any(item.get(name) is not None for name in TIME_NAMES):
        return part
    return msgspec.json.encode({**item, "event_time": rfc3339(now)})


def _handler(collector: HttpPassthrough) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        timeout = DEVICE_TIMEOUT_S

        def do_POST(self) -> None:
            try:
                kind, body = self._request()
                self._answer(202, {"spooled": collector.take(kind, body)})
            except Unusable as error:
                self.close_connection = True  # its body may be unread
                self._answer(error.status, {"status": error.status, "detail": str(error)})

        def do_GET(self) -> None:
            if self.path in ("/health", "/health/live", "/health/ready"):
                self._answer(200, {"status": "ready"})
            else:
                self._answer(404, {"status": 404, "detail": "no such path"})

        def _request(self) -> tuple[Kind, bytes]:
            kind = PATHS.get(self.path.split("?", 1)[0].rstrip("/"))
            if kind is None:
                raise Unusable(404, f"no such path; devices push to {' and '.join(PATHS)}")
            if self.headers.get("Content-Encoding", "identity") != "identity":
                raise Unusable(415, "compressed bodies are not taken here")
            length = self.headers.get("Content-Length", "")
            if not (length.isascii() and length.isdecimal() and len(length) < 20):
                raise Unusable(411, "a Content-Length is needed")
            if int(length) > MAX_BODY_BYTES:
                raise Unusable(413, f"the body is longer than {MAX_BODY_BYTES} bytes; send fewer items at once")
            body = self.rfile.read(int(length))
            if len(body) != int(length):
                raise Unusable(400, "the body ends early")
            return kind, body

        def _answer(self, status: int, content: dict[str, object]) -> None:
            body = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json" if status < 400 else "application/problem+json")
            self.send_header("Content-Length", str(len(body)))
            if status == 503:
                self.send_header("Retry-After", RETRY_AFTER_S)
            if self.close_connection:
                self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Log nothing: bodies and addresses of devices belong in no log."""

    return Handler
