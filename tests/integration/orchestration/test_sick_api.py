"""A site's ingestion API that is silent, trickles or answers rubbish: one note names it, and nothing is stored of it.

Between the platform and the real API stands a real HTTP server that spoils its answers until it is healed.
"""

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx
import pytest

from ingestion_api.client import IngestionClient
from orchestration.alerts import Alerts
from orchestration.defs.alerts import SETTLES, look
from orchestration.defs.resources import SitesResource
from orchestration.pending import site_states
from orchestration.settings import OrchestrationSettings

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HTML = b"<html><body>Please accept the terms of this network.</body></html>"


class SickApi(ThreadingHTTPServer):
    """Passes requests on to an API and spoils the answers to those of one path.

    Attributes:
        path: The end of the path whose answers are spoiled.
        illness: What is wrong with them; None: nothing.
    """

    daemon_threads = True

    def __init__(self, upstream: str) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.upstream, self.path, self.illness = upstream, "/cursors", None
        self.is_over = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    """Spoils as it is told."""

    server: SickApi

    def do_GET(self) -> None:
        request = {"Authorization": self.headers["Authorization"]}
        found = httpx.get(f"{self.server.upstream}{self.path}", headers=request, trust_env=False, timeout=30)
        is_spoiled = self.path.split("?")[0].endswith(self.server.path)
        illness = self.server.illness if is_spoiled else None
        status, body = found.status_code, found.content
        if illness == "html":
            body = HTML
        elif illness == "error":
            status, body = 500, b'{"detail": "out of order"}'
        elif illness == "truncated":
            body = body[: len(body) // 2]
        elif illness == "silent":
            self.server.is_over.wait()
            return
        elif illness == "trickling head":
            self.trickle(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000)
            return
        elif illness == "endless":
            self.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while True:
                self.wfile.write(bytes(1_000_000))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if illness == "trickling body":
            self.trickle(body)
        else:
            self.wfile.write(body)

    def trickle(self, body: bytes) -> None:
        """Send it byte by byte, and never the last one."""
        for number in range(len(body) - 1):
            if self.server.is_over.wait(0.1):
                return
            self.wfile.write(body[number : number + 1])
        self.server.is_over.wait()

    def handle(self) -> None:
        """The other side may have had enough."""
        try:
            super().handle()
        except ConnectionError:
            self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def sick(api_address: str) -> Iterator[SickApi]:
    with SickApi(api_address) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.is_over.set()
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("illness", ["html", "error", "truncated", "silent", "trickling head", "trickling body"])
def test_a_look_ends_in_time_and_the_other_sites_go_on(plant: Any, sick: SickApi, illness: str) -> None:
    """C48. The limit is the client's timeout: one byte of a minute's trickle does not begin it anew."""
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    sick.illness = illness
    ill_api = IngestionClient(sick.url, OrchestrationSettings().pull_key_for("demo"), timeout_s=2)

    def connect(site_code: str) -> IngestionClient:
        return SitesResource().client(site_code) if site_code == "demo" else ill_api

    started_at = time.monotonic()
    well, ill = site_states(plant.engine, ["demo", "sick"], connect)
    # A trickle lasts as long as the test lets it, that is, for ever.
    assert time.monotonic() - started_at < 30
    assert well.error is None
    assert well.is_behind
    assert ill.error is not None
    assert sick.url in ill.error
    assert "\n" not in ill.error
    assert not ill.is_behind


@pytest.mark.parametrize(
    ("illness", "told"),
    [
        ("html", "not a page"),
        ("truncated", "not a page"),
        ("error", "answered 500"),
        ("silent", "not all of the answer within 2 s"),
        ("trickling head", "not all of the answer within 2 s"),
        ("trickling body", "not all of the answer within 2 s"),
        ("endless", "more than 10000000 bytes"),
    ],
)
def test_a_load_of_rubbish_fails_with_one_message_and_the_next_one_goes_on(
    plant: Any, sick: SickApi, illness: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A load has a slot of few: what a site does not answer in time must not keep the other sites from theirs."""
    monkeypatch.setattr("ingestion_api.client.PAGE_S", 2)
    monkeypatch.setattr("ingestion_api.client.PAGE_BYTES", 10_000_000)
    monkeypatch.setenv("MILLRACE_SITES", f'{{"demo": "{sick.url}"}}')
    plant.api.put("sites", "demo", {"name": "Demo", "time_zone": "UTC"})
    plant.api.put("equipment", "P1", {"name": "Pump", "equipment_class": "pump"})
    (before,) = plant.rows("select count(*) from raw.readings")
    times = [NOON + timedelta(seconds=before[0] + number) for number in range(50)]
    items = [{"equipment_code": "P1", "metric": "flow", "value": 1, "event_time": at.isoformat()} for at in times]
    plant.push("readings", items)
    sick.path, sick.illness = "/batches", illness
    memory = Alerts(since=datetime.now(UTC))
    with plant.retrying_at_once():
        (load,) = plant.follow("on_new_batches", "load")
        assert not load.success
        ((said,), _) = look(plant.instance, memory, datetime.now(UTC) + 2 * SETTLES)
        assert said.startswith("Millrace: load failed in step load_site: ingestion_api.client_answers.ApiUnavailable: ")
        assert sick.url in said
        assert told in said
        assert plant.rows("select count(*) from raw.readings") == [before]
        sick.illness = None
        assert [run.success for run in plant.follow("on_new_batches", "load")] == [True]
    assert plant.rows("select count(*) from raw.readings") == [(before[0] + 50,)]
    assert "all is loaded" in plant.tick("on_new_batches").skip_message
