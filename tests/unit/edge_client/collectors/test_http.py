"""Devices that only know HTTP: 202 once spooled, and a clear answer to everything else."""

import threading
import time
from collections.abc import Iterator
from io import StringIO
from typing import Any

import httpx
import msgspec
import pytest

from edge_client.collectors.http import HttpOptions, HttpPassthrough, Unusable, split
from edge_client.collectors.live import Site
from edge_client.loop import Loop

READING = {"equipment_code": "P1", "metric": "m", "value": 1.5, "event_time": "2026-03-01T10:00:00Z"}


@pytest.fixture
def serve(spool, api, settings) -> Iterator[Any]:
    running = []

    def serve(**changes: object) -> httpx.Client:
        collector = HttpPassthrough(HttpOptions(site=Site(), port=0))
        loop = Loop(collector, spool, api, settings.model_copy(update=changes), out=StringIO())
        thread = threading.Thread(target=loop.run, kwargs={"is_once": False})
        thread.start()
        client = httpx.Client(base_url=f"http://127.0.0.1:{collector.port}", trust_env=False, timeout=20)
        running.append((loop, thread, client))
        return client

    yield serve
    for loop, thread, client in running:
        client.close()
        loop.stop()
        thread.join(10)
        assert not thread.is_alive()


def test_items_are_spooled_before_they_are_answered_and_then_sent(serve, spool, api) -> None:
    client = serve()
    answer = client.post("/api/v1/readings", json={"readings": [READING, READING]})
    assert (answer.status_code, answer.json()) == (202, {"spooled": 2})
    assert spool.counters().collected == 2
    assert client.post("/api/v1/events", json={"event_type": "idle"}).status_code == 202
    while spool.counters().sent < 3:
        time.sleep(0.01)
    assert api.items("readings") == [READING, READING]
    [event] = api.items("events")
    assert event["event_type"] == "idle" and event["event_time"]


def test_a_full_spool_answers_503_and_takes_nothing(serve, spool, api, kit) -> None:
    api.put = lambda *_: (_ for _ in ()).throw(kit.unreachable())
    client = serve(max_items=3, discard_policy="wait")
    assert client.post("/api/v1/readings", json=[READING] * 3).status_code == 202
    answer = client.post("/api/v1/readings", json=READING)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert spool.counters().collected == 3


def test_under_a_discard_policy_devices_are_always_served(serve, spool, api, kit) -> None:
    api.put = lambda *_: (_ for _ in ()).throw(kit.unreachable())
    client = serve(max_items=3, discard_policy="discard_oldest")
    assert [client.post("/api/v1/readings", json=[READING] * 3).status_code for _ in range(2)] == [202, 202]
    assert (spool.counters().pending, spool.counters().lost) == (3, 3)


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/api/v1/readings", b"{", {}, 400),
        ("/api/v1/readings", b"[]", {}, 400),
        ("/api/v1/readings", b"7", {}, 400),
        ("/api/v1/readings", b"[" * 100_000, {}, 400),
        ("/api/v1/readings", b"[" + b"1," * 1000 + b"1]", {}, 413),
        ("/api/v1/readings", b" " * (5 * 1024 * 1024 + 1), {}, 413),
        ("/api/v1/readings", b"{}", {"Content-Encoding": "gzip"}, 415),
        ("/api/v1/alarms", b"{}", {}, 404),
    ],
)
def test_what_cannot_be_taken_is_said_clearly(serve, spool, path, body, headers, status) -> None:
    answer = serve().post(path, content=body, headers=headers)
    assert answer.status_code == status
    assert answer.json()["detail"]
    assert spool.counters().collected == 0


def test_an_item_with_a_time_stays_as_its_bytes_came() -> None:
    body = b'[{"value": 1.50, "timestamp":"2026-03-01T10:00:00Z"}, {"value":2}]'
    kept, dated = split("readings", body, 0)
    assert kept == b'{"value": 1.50, "timestamp":"2026-03-01T10:00:00Z"}'
    assert msgspec.json.decode(dated) == {"value": 2, "event_time": "1970-01-01T00:00:00+00:00"}


def test_wrong_items_are_passed_on_for_the_api_to_judge() -> None:
    assert split("readings", b'[1, {"event_time": "x"}]', 0) == [b"1", b'{"event_time": "x"}']
    with pytest.raises(Unusable):
        split("readings", b"\xff", 0)
