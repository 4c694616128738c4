"""The stream tells what happens, in order, with no gap and no repeat, soon; and it does not hold up a shutdown."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from ingestion_api.export import Export
from ingestion_api.reads import Reads
from tests.integration.ingestion_api.test_alarms import HOT, push, put


@pytest.fixture
def hot(plant: Any) -> Any:
    put(plant, HOT)
    return plant


@contextmanager
def listening(api: Any, headers: Any, last_id: str | None = None) -> Iterator[Iterator[dict[str, Any]]]:
    more = {"Last-Event-ID": last_id} if last_id else {}
    url = f"{api.url}/api/v1/stream"
    with httpx.Client(timeout=20) as client, client.stream("GET", url, headers={**headers, **more}) as response:
        assert response.status_code == 200, response.read()
        assert response.headers["content-type"].startswith("text/event-stream")
        lines = response.iter_lines()
        # What is stored after this line is told.
        assert next(lines) == ": here"
        yield events(lines)


def events(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    """The events of a stream. The server says that it is here as long as nothing happens, so waiting needs an end."""
    event: dict[str, Any] = {}
    heard_at = time.monotonic()
    for line in lines:
        if line.startswith(":"):
            assert time.monotonic() - heard_at < 60, "nothing was told for a minute"
            continue
        if line:
            name, _, value = line.partition(": ")
            event[name] = value
        elif event:
            yield {**event, "data": json.loads(event["data"])}
            heard_at = time.monotonic()
            event = {}


def auth(api: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {api.key()}"}


def told(event: dict[str, Any]) -> Any:
    data = event["data"]
    return data["transition"] if event["event"] == "alarm" else [one["value"] for one in data["readings"]]


def test_batches_and_alarms_are_told_in_order(hot: Any) -> None:
    """S3-052."""
    client = hot.http()
    push(client, 70)
    with listening(hot, auth(hot)) as stream:
        push(client, 80, 90, second=5)
        push(client, 10, second=8, is_replay=True)
        seen = [next(stream), next(stream)]
        push(client, 10, second=10)
        seen += [next(stream), next(stream)]
    assert [told(event) for event in seen] == [[90.0], "raised", [10.0], "cleared"]


def test_what_is_stored_once_the_stream_has_begun_is_told_however_long_that_took(
    hot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the place in the log is found late; who hears `: here` before that would wait for ever."""
    find = Export.marks

    async def find_slowly(export: Export, site_code: str) -> Any:
        await asyncio.sleep(1)
        return await find(export, site_code)

    monkeypatch.setattr(Export, "marks", find_slowly)
    with listening(hot, auth(hot)) as stream:
        push(hot.http(), 70)
        assert told(next(stream)) == [70.0]


def test_a_listener_that_comes_back_misses_nothing_and_hears_nothing_twice(hot: Any) -> None:
    client, headers = hot.http(), auth(hot)
    push(client, 70)
    with listening(hot, headers) as stream:
        push(client, 71, second=1)
        last = next(stream)
    for second in range(2, 30):
        push(client, 90 if second == 10 else 72, second=second)
    other = type(hot)(hot.database_url, hot.engine)
    heard = []
    with other.running():
        for _ in range(3):  # as after a restart: another instance knows nothing but the position
            with listening(other, headers, last["id"]) as stream:
                for _ in range(10):
                    last = next(stream)
                    heard.append(last)
    batches = [event["data"]["batch_seq"] for event in heard if event["event"] == "readings"]
    assert batches == list(range(3, 31))
    assert [told(event) for event in heard if event["event"] == "alarm"] == ["raised", "cleared"]


def test_pushes_at_once_are_each_told_once(hot: Any) -> None:
    clients = [hot.http() for _ in range(4)]
    with listening(hot, auth(hot)) as stream:

        def send(number: int) -> None:
            for second in range(15):
                push(clients[number], 20 + second / 100, second=number * 100 + second)

        threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        heard = [next(stream)["data"]["batch_seq"] for _ in range(60)]
        for thread in threads:
            thread.join()
    assert heard == sorted(set(heard))


def test_from_device_to_stream_takes_less_than_a_second(hot: Any) -> None:
    client = hot.http()
    push(client, 70)
    took = []
    with listening(hot, auth(hot)) as stream:
        for second in range(1, 21):
            started = time.perf_counter()
            push(client, 70, second=second)
            next(stream)
            took.append(time.perf_counter() - started)
    print(f"device to stream: median {sorted(took)[10]:.3f} s, slowest {max(took):.3f} s")
    assert sorted(took)[10] < 1


def test_who_may_not_read_or_sends_no_position_is_refused(hot: Any) -> None:
    assert hot.http("push_readings").get("/stream").status_code == 403
    assert hot.http().get("/stream", headers={"Last-Event-ID": "yesterday"}).status_code == 400


def test_a_stream_ends_soon_after_its_key_was_revoked(plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ingestion_api.routes.stream.HEARTBEAT_S", 0.3)
    with listening(plant, {"Authorization": f"Bearer {plant.key('read', name='panel')}"}) as stream:
        push(plant.http(), 70)
        assert told(next(stream)) == [70.0]
        with plant.engine.begin() as connection:
            connection.execute(text("update inbox.api_keys set revoked_at = now() where name = 'panel'"))
        assert list(stream) == []


def test_a_stream_ends_when_the_server_stops(plant: Any) -> None:
    other = type(plant)(plant.database_url, plant.engine)
    headers, ended = auth(plant), []
    with other.running():

        def listen() -> None:
            with listening(other, headers) as stream:
                ended.append(list(stream))

        thread = threading.Thread(target=listen)
        thread.start()
        time.sleep(1)
        started = time.monotonic()
    assert time.monotonic() - started < 5
    thread.join(5)
    assert ended == [[]]


def test_a_server_that_stops_in_the_middle_of_a_look_closes_its_connections(
    plant: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever listened has gone, and the tail looks once more: it must not come back to a store that is closed."""
    find, close, looks = Export.marks, Reads.close, threading.Event()

    async def find_slowly(export: Export, site_code: str) -> Any:
        if looks.is_set():
            async with export._store.statements() as connection:
                looks.clear()
                await connection.execute(text("select pg_sleep(0.5)"))
        return await find(export, site_code)

    async def close_slowly(reads: Reads) -> None:
        await asyncio.sleep(1)
        await close(reads)

    monkeypatch.setattr(Export, "marks", find_slowly)
    monkeypatch.setattr(Reads, "close", close_slowly)
    other = type(plant)(plant.database_url, plant.engine)
    headers, before = auth(plant), connections_of(plant)
    with other.running(), listening(other, headers):
        looks.set()
        while looks.is_set():
            time.sleep(0.01)
    deadline = time.monotonic() + 5
    while connections_of(plant) > before:
        assert time.monotonic() < deadline, "a connection was left open"
        time.sleep(0.05)


def connections_of(api: Any) -> int:
    """How many connections instances have to the database."""
    query = text(
        "select count(*) from pg_stat_activity where datname = current_database() and application_name = :name"
    )
    with api.engine.connect() as connection:
        return int(connection.scalar(query, {"name": "millrace_ingestion_api"}) or 0)
