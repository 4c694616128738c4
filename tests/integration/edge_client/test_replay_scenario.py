"""S1-055 against the real API: a link drops at 10:00, 150 events wait, two batches bring them, 15 minutes late."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from edge_client.collectors.collector import Chunk
from edge_client.errors import SpoolFull
from edge_client.forwarder import Forwarder
from edge_client.settings import EdgeSettings
from edge_client.spool import Spool
from edge_client.spool_losses import Room
from edge_client.status import read_status
from ingestion_api.client import ApiUnavailable, IngestionClient, PushOutcome
from warehouse.tables import inbox_batches

TEN = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


class Clock:
    """The clock of the device and of the API."""

    def __init__(self) -> None:
        self.elapsed_s = 0.0

    def time(self) -> float:
        return self.now().timestamp()

    def monotonic(self) -> float:
        return self.elapsed_s

    def now(self) -> datetime:
        return TEN + timedelta(seconds=self.elapsed_s)


class Link:
    """The real client behind a line that can be cut."""

    def __init__(self, client: IngestionClient) -> None:
        self._client = client
        self.is_up = False
        self.pushes: list[tuple[int, Any]] = []

    def push(self, kind: Any, body: bytes, **options: Any) -> PushOutcome:
        self._check()
        self.pushes.append((len(msgspec.json.decode(body)), options["idempotency_key"]))
        return self._client.push(kind, body, **options)

    def put(self, *arguments: Any) -> dict[str, object]:
        self._check()
        return self._client.put(*arguments)

    def report_loss(self, report: Any) -> object:
        self._check()
        return self._client.report_loss(report)

    def is_ready(self) -> bool:
        return self.is_up and self._client.is_ready()

    def _check(self) -> None:
        if not self.is_up:
            raise ApiUnavailable("the line is down") from httpx.ConnectError("the line is down")


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    spool = Spool(tmp_path / "spool.sqlite", max_bytes=10**8)
    yield spool
    spool.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


def event(number: int, at: datetime) -> Chunk:
    fields = {"source_code": "CAM1", "event_type": "product_count", "units_produced": number}
    item = msgspec.json.encode({**fields, "event_time": at})
    return Chunk(kind="events", items=[item], is_replay=False, part="camera", position=str(number), fraction=0)


def run(forwarder: Forwarder, clock: Clock, until_s: float) -> None:
    while clock.elapsed_s < until_s:
        clock.elapsed_s = min(until_s, clock.elapsed_s + max(0.05, forwarder.step()))


def forwarder_of(spool: Spool, link: Link, clock: Clock) -> Forwarder:
    settings = EdgeSettings(_env_file=None, linger_s=0.2)
    return Forwarder(spool, link, settings, registrations=(), clock=clock, jitter=Random(1), notice=lambda _: None)


@pytest.fixture
def served(api_url: str, api_engine: Any, clock: Clock) -> Iterator[Any]:
    from tests.integration.ingestion_api.conftest import RunningApi

    with RunningApi(api_url, api_engine).running() as running:
        running.now = clock.now
        running.client("registry").put("sites", "demo", {"name": "Demo", "time_zone": "Europe/Berlin"})
        yield running


def test_150_buffered_events_arrive_as_two_batches_fifteen_minutes_late(served, spool: Spool, clock: Clock) -> None:
    """S1-055, S1-052, S1-054, C17: late is no reason to refuse."""
    link = Link(served.client("push_events", "pull", "read"))
    forwarder = forwarder_of(spool, link, clock)
    for number in range(1, 151):
        run(forwarder, clock, (number - 1) * 6)
        spool.append("camera", event(number, clock.now()), now=clock.time())
    run(forwarder, clock, 15 * 60)
    status = read_status(spool)
    assert (status.pending, status.sent, status.lost) == (150, 0, 0)
    link.is_up = True
    run(forwarder, clock, 15 * 60 + 40)  # a probe every 30 s sees the line
    assert [count for count, _ in link.pushes] == [100, 50]
    assert len({key for _, key in link.pushes}) == 2
    pulled = link._client.pull("events", 0)
    assert pulled.table.column("units_produced").to_pylist() == list(range(1, 151))
    first_time = pulled.table.column("event_time").to_pylist()[0]
    lag = pulled.batches[0].received_at - first_time
    assert timedelta(minutes=15) <= lag <= timedelta(minutes=15, seconds=40)
    with served.engine.connect() as connection:
        received = connection.execute(select(inbox_batches.c.received_at).order_by(inbox_batches.c.batch_seq)).all()
    assert all(timedelta(minutes=15) <= row[0] - TEN <= timedelta(minutes=15, seconds=40) for row in received)
    assert (spool.counters().accepted, spool.counters().pending) == (150, 0)


def test_what_a_full_spool_lost_is_known_upstream_to_the_item(served, spool: Spool, clock: Clock) -> None:
    """S1-053: sent = stored + reported lost."""
    link = Link(served.client("push_events", "pull", "read"))
    forwarder = forwarder_of(spool, link, clock)
    for number in range(1, 151):
        spool.append("camera", event(number, clock.now()), now=clock.time(), keep=Room(items=40, max_bytes=10**6))
        run(forwarder, clock, number * 2)
    link.is_up = True
    run(forwarder, clock, clock.elapsed_s + 60)
    [loss] = served.http("read").get("/losses").json()["items"]
    stored = link._client.pull("events", 0).table.num_rows
    assert (stored, loss["lost_total"], loss["reason"]) == (40, 110, "spool_full_oldest")
    assert loss["client_id"] == spool.fact("spool_id")
    assert read_status(spool).unreported == 0


def test_a_log_cut_anywhere_leaves_a_spool_that_goes_on(tmp_path: Path) -> None:
    """Power loss: of a log torn at any byte, whole transactions stay, in their order, with counts that add up."""
    path = tmp_path / "spool.sqlite"
    spool = Spool(path)
    for number in range(1, 41):
        spool.append("camera", event(number, TEN), now=0)
        if number % 8 == 0:
            batch = spool.next_batch(5, now=1)
            assert batch is not None
            spool.acknowledge(batch, "ok", accepted=batch.item_count)
    log = path.with_name(path.name + "-wal").read_bytes()
    chance, seen = Random(3), set()
    for attempt in range(40):
        torn = tmp_path / f"torn{attempt}.sqlite"
        shutil.copy(path, torn)
        torn.with_name(torn.name + "-wal").write_bytes(log[: chance.randrange(len(log))])
        again = Spool(torn)
        count = again.counters()
        with sqlite3.connect(torn) as sql:
            assert sql.execute("pragma integrity_check").fetchone() == ("ok",)
            items = sql.execute("select count(*), coalesce(sum(length(body)), 0) from items").fetchone()
        sql.close()
        assert (count.pending, count.pending_bytes) == items
        assert again.progress("camera").get("camera", "0") == str(count.collected)
        again.append("camera", event(count.collected + 1, TEN), now=2)
        assert again.counters().collected == count.collected + 1
        seen.add(count.collected)
        again.close()
    spool.close()
    assert len(seen) > 5


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mount") is None, reason="a small disk needs the right to mount")
def test_a_full_disk_holds_the_collector_and_lets_what_is_spooled_leave(tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "none", str(disk)], capture_output=True)  # noqa: S607
    if mounted.returncode:
        pytest.skip(f"mounting is not allowed here: {mounted.stderr.decode().strip()}")
    try:
        spool = Spool(disk / "spool.sqlite", max_bytes=10**8)
        item = b'"' + b"x" * 10_000 + b'"'
        chunk = Chunk(kind="readings", items=[item] * 100, is_replay=False, part="p", position="1", fraction=0)
        taken = 0
        with pytest.raises(SpoolFull, match="no room"):
            for _ in range(100):
                spool.append("c", chunk, now=0)
                taken += 100
        assert taken >= 500 and spool.counters().pending == taken
        with pytest.raises(SpoolFull):
            spool.append("c", chunk, now=0)
        left = 0
        while (batch := spool.next_batch(100, now=1)) is not None:
            spool.acknowledge(batch, "ok", accepted=batch.item_count)
            left += batch.item_count
        assert left == taken
        spool.append("c", chunk, now=0)
        assert spool.counters().pending == 100
        spool.close()
    finally:
        subprocess.run(["umount", str(disk)], check=True)  # noqa: S607
