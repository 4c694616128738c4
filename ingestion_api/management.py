"""The management port: /metrics for Prometheus, and health. What is counted is in `metrics.py`.

It is a port of its own, because it asks for no key (C30), and a thread of its own, because it must answer when the
event loop does not. With several worker processes it belongs to the one that started them, and answers for all.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.registry import Collector
from sqlalchemy import Connection, NullPool, text
from sqlalchemy.exc import DBAPIError

from ingestion_api import readiness
from ingestion_api.errors import Unavailable
from ingestion_api.logs import log
from ingestion_api.metrics import PULLED
from ingestion_api.settings import IngestionApiSettings
from ingestion_api.store import open_store
from warehouse.engine import create_engine

_NEWEST = text(
    """
    select site_code, kind, coalesce(
        (select max(batch_seq) from inbox.batches b where b.site_code = s.site_code and b.kind = k.kind), 0
    ) as batch_seq
    from registry.sites s, (values ('readings'), ('events')) as k (kind)
    """
)
# The first batch after the cursor, by the index; 0 where there is none.
_LAG = text(
    """
    select coalesce((
        select greatest(0, extract(epoch from now() - received_at)) from inbox.batches
        where site_code = :site_code and kind = :kind and batch_seq > :after order by batch_seq limit 1
    ), 0)::float8
    """
)
_QUARANTINE = text("select site_code, count(*) as items from inbox.quarantine where status = 'open' group by site_code")


class InboxState(Collector):
    """What the store knows, asked for with each scrape."""

    def __init__(self, settings: IngestionApiSettings, counted: CollectorRegistry) -> None:
        self._engine = create_engine(settings.dsn(), poolclass=NullPool, connect_args={"connect_timeout": 2})
        self._counted = counted

    def describe(self) -> Iterable[Metric]:
        """Name the families without asking the store."""
        return self._families()

    def collect(self) -> Iterable[Metric]:
        """Ask the store; without an answer, say just that."""
        up, newest, lag, quarantined = families = self._families()
        try:
            with self._engine.connect() as connection:
                self._fill(connection, newest, lag, quarantined)
        except DBAPIError:
            up.add_metric([], 0)
            return [up]
        up.add_metric([], 1)
        return families

    def _fill(
        self, connection: Connection, newest: GaugeMetricFamily, lag: GaugeMetricFamily, quarantined: GaugeMetricFamily
    ) -> None:
        for row in connection.execute(_NEWEST).mappings():
            newest.add_metric([row["site_code"], row["kind"]], row["batch_seq"])
        for (site_code, kind), after in self._pulled().items():
            values = {"site_code": site_code, "kind": kind, "after": int(after)}
            lag.add_metric([site_code, kind], connection.execute(_LAG, values).scalar_one())
        for row in connection.execute(_QUARANTINE).mappings():
            quarantined.add_metric([row["site_code"]], row["items"])

    def _pulled(self) -> dict[tuple[str, str], float]:
        samples = [sample for family in self._counted.collect() if family.name == PULLED for sample in family.samples]
        return {(sample.labels["site_code"], sample.labels["kind"]): sample.value for sample in samples}

    def _families(self) -> list[GaugeMetricFamily]:
        of_kind = ["site_code", "kind"]
        return [
            GaugeMetricFamily("millrace_api_store_up", "Whether the store answered this scrape"),
            GaugeMetricFamily("millrace_api_inbox_newest_batch_seq", "Newest batch stored", labels=of_kind),
            GaugeMetricFamily(
                "millrace_api_inbox_lag_seconds", "Age of the oldest batch the last pull did not have", labels=of_kind
            ),
            GaugeMetricFamily("millrace_api_quarantine_open_items", "Items in quarantine", labels=["site_code"]),
        ]


@contextmanager
def serving(settings: IngestionApiSettings, counted: CollectorRegistry) -> Iterator[str]:
    """Serve the management port while inside; gives its URL, or nothing where there is none to be had.

    A taken port is told and borne: a second instance on a machine must not fail to take batches over its metrics.
    """
    server = _server(settings, counted)
    if server is None:
        yield ""
        return
    thread = threading.Thread(target=server.serve_forever, name="management", daemon=True)
    thread.start()
    try:
        yield f"http://{settings.management_host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _server(settings: IngestionApiSettings, counted: CollectorRegistry) -> ThreadingHTTPServer | None:
    if settings.management_port == 0:
        return None
    address = settings.management_host, settings.management_port
    try:
        return ThreadingHTTPServer(address, _handler(settings, counted))
    except OSError as error:
        log.warning(
            "no_management_port",
            host=address[0],
            port=address[1],
            error=error.strerror,
            advice="set MILLRACE_API_MANAGEMENT_PORT to a free port, or to 0 for none",
        )
        return None


def _handler(settings: IngestionApiSettings, counted: CollectorRegistry) -> type[BaseHTTPRequestHandler]:
    store = CollectorRegistry()
    store.register(InboxState(settings, counted))

    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(200, generate_latest(counted) + generate_latest(store), CONTENT_TYPE_LATEST)
            elif path == "/health/live":
                self._tell(200, "live")
            elif path == "/health/ready":
                is_ready = asyncio.run(_is_ready(settings))
                self._tell(200 if is_ready else 503, "ready" if is_ready else "not ready")
            else:
                self._tell(404, "not found")

        def _tell(self, status: int, said: str) -> None:
            self._answer(status, msgspec.json.encode({"status": said}), "application/json")

        def _answer(self, status: int, body: bytes, media_type: str) -> None:
            self.send_response_only(status)
            self.send_header("Content-Type", media_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 the name is http.server's
            """Say nothing: a scrape every few seconds is no news."""

    return Handler


async def _is_ready(settings: IngestionApiSettings) -> bool:
    store = open_store(settings)
    try:
        await readiness.check(store)
    except Unavailable:
        return False
    finally:
        await store.close()
    return True
