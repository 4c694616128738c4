"""The typed client, against the real API and against things that are not it."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from typing import Any

import pytest

from ingestion_api.client import ApiRefused, ApiUnavailable, IngestionClient
from ingestion_api.contract import LossReport

READING = b'{"equipment_code":"pump-1","metric":"pressure","value":1,"event_time":"2026-02-06T10:30:00Z"}'


@contextmanager
def answering(status: int, body: bytes = b"", **headers: str) -> Iterator[IngestionClient]:
    """A client of a server that answers everything with the same."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            with IngestionClient(f"http://127.0.0.1:{server.server_port}", "mr_x", timeout_s=5) as client:
                yield client
        finally:
            server.shutdown()
            thread.join()


def test_push_and_its_repeat(plant: Any) -> None:
    client = plant.client()
    first = client.push("readings", READING, idempotency_key="k", is_replay=True)
    assert (first.status, first.is_repeat, first.receipt.accepted) == (201, False, 1)
    repeat = client.push("readings", READING, idempotency_key="other")
    assert (repeat.status, repeat.is_repeat) == (200, True)
    assert repeat.receipt == first.receipt
    assert repeat.receipt.idempotency_key == "k"


def test_push_of_which_nothing_is_acceptable_is_stored_all_the_same(plant: Any) -> None:
    client = plant.client()
    outcome = client.push("readings", b'{"value":1}')
    assert (outcome.status, outcome.is_repeat, outcome.receipt.quarantined) == (422, False, 1)
    assert client.push("readings", b'{"value":1}').is_repeat


def test_refusals_carry_the_problem(shared_plant: Any) -> None:
    client = shared_plant.client("push")
    client.push("readings", READING, idempotency_key="k")
    with IngestionClient(shared_plant.url, "mr_wrong") as stranger, pytest.raises(ApiRefused, match="401"):
        stranger.cursors()
    for call, status in (
        (lambda: client.push("readings", b"nonsense"), 400),
        (lambda: client.push("readings", READING.replace(b":1,", b":2,"), idempotency_key="k"), 422),
        (lambda: client.pull("readings", 0), 403),
        (lambda: client.put("workers", "W1", {}), 403),
    ):
        with pytest.raises(ApiRefused) as refused:
            call()
        assert refused.value.problem.status == status
        assert refused.value.problem.request_id in str(refused.value)


def test_pull_of_an_empty_inbox(plant: Any) -> None:
    page = plant.client().pull("readings", 0)
    assert (len(page.table), page.batches, page.next_cursor, page.has_more) == (0, [], 0, False)


def test_readiness(api: Any) -> None:
    assert api.client().is_ready()
    with answering(503) as client:
        assert not client.is_ready()


def test_nobody_there(free_port: int) -> None:
    with IngestionClient(f"http://127.0.0.1:{free_port}", "mr_x") as client:
        assert not client.is_ready()
        with pytest.raises(ApiUnavailable) as failure:
            client.push("readings", READING)
    assert failure.value.retry_after_s is None


def test_a_name_that_is_not_resolved_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over, resolved = threading.Event(), []

    def resolve(*_: Any, **__: Any) -> Any:
        is_over.wait(20)
        resolved.append(is_over.is_set())
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with IngestionClient("http://gateway.plant.example", "mr_x", timeout_s=0.5) as client:
        with pytest.raises(ApiUnavailable, match=r"gateway\.plant\.example"):
            client.cursors()
        assert not resolved
    is_over.set()


class Dripping(BaseHTTPRequestHandler):
    """Answers a byte at a time, each of them in time, and never ends before it is told to or hung up on."""

    is_over, is_hung_up = threading.Event(), threading.Event()
    drips_head = False

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.wfile.write(b"HTTP/1.1 201 Created\r\n" + (b"X: " if self.drips_head else b"\r\n"))
        while not self.is_over.wait(0.05):
            try:
                self.wfile.write(b" ")
            except ConnectionError:
                self.is_hung_up.set()
                return

    do_POST = do_PUT = do_GET  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.mark.parametrize("drips_head", [True, False])
def test_what_is_sent_is_answered_in_time_to_the_last_byte(drips_head: bool) -> None:
    """C48. A byte now and then, each within the timeout, would hold a device's spool for ever."""
    report = LossReport(
        client_id="c",
        kind="readings",
        reason="too_old",
        lost_total=1,
        first_at=datetime.now(UTC),
        last_at=datetime.now(UTC),
    )

    class Drips(Dripping):
        is_over = threading.Event()

    Drips.drips_head = drips_head
    with ThreadingHTTPServer(("127.0.0.1", 0), Drips) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        # Unbounded, a request would end only here, with a success.
        end = threading.Timer(30, Drips.is_over.set)
        end.start()
        with IngestionClient(f"http://127.0.0.1:{server.server_port}", "mr_x", timeout_s=0.2) as client:
            for call in (
                lambda: client.push("readings", READING),
                lambda: client.put("workers", "W1", {}),
                lambda: client.report_loss(report),
            ):
                Drips.is_hung_up = threading.Event()
                with pytest.raises(ApiUnavailable, match=r"not all of the answer within 0\.8 s"):
                    call()
                assert Drips.is_hung_up.wait(20)
            assert not client.is_ready()
        assert not Drips.is_over.is_set()
        end.cancel()
        Drips.is_over.set()
        server.shutdown()
        thread.join()


def test_an_asynchronous_program_may_ask(shared_plant: Any) -> None:
    """A notebook is one."""

    async def look() -> dict[str, int]:
        return shared_plant.client().cursors()

    assert "readings" in asyncio.run(look())


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504])
def test_worth_another_try(status: int) -> None:
    with answering(status, Retry_After="7") as client, pytest.raises(ApiUnavailable) as failure:
        client.push("readings", READING)
    assert failure.value.retry_after_s == 7


def test_retry_after_may_be_a_date() -> None:
    """RFC 9110, 10.2.3."""
    soon = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    with answering(503, Retry_After=soon) as client, pytest.raises(ApiUnavailable) as failure:
        client.cursors()
    assert failure.value.retry_after_s is not None
    assert 3_000 < failure.value.retry_after_s <= 3_600
    with answering(503, Retry_After="Fri, 06 Feb 2015 10:00:00 GMT") as client, pytest.raises(ApiUnavailable) as past:
        client.cursors()
    assert past.value.retry_after_s == 0


@pytest.mark.parametrize("body", [b"", b"<html>Please log in</html>", b'{"status":"ok"}'])
def test_captive_portal_acknowledges_nothing(body: bytes) -> None:
    with answering(200, body) as client:
        for call in (
            lambda: client.push("readings", READING),
            lambda: client.pull("readings", 0),
            lambda: client.pull_registry_changes(0),
        ):
            with pytest.raises(ApiUnavailable):
                call()


@pytest.mark.parametrize("status", [301, 404, 422])
def test_refusal_by_something_in_between(status: int) -> None:
    with answering(status, b"<html>no</html>") as client, pytest.raises(ApiRefused) as refused:
        client.push("readings", READING)
    assert (refused.value.problem.status, refused.value.problem.detail) == (status, "<html>no</html>")


def test_codes_are_quoted_in_paths(shared_plant: Any) -> None:
    client = shared_plant.client()
    row = client.put("equipment", "pump ?#%ä", {"name": "Odd", "equipment_class": "pump"})
    assert row["equipment_code"] == "pump ?#%ä"
    assert client.put("signals", "pump ?#%ä/a/b ?", {})["metric"] == "a/b ?"
