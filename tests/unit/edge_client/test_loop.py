"""Collector, spool and forwarder together, in their own threads, against an API in memory."""

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from io import StringIO

import pytest

from edge_client.collectors.collector import Chunk, Registration
from edge_client.collectors.simulator import Simulator, SimulatorOptions
from edge_client.errors import ConfigurationError, SpoolError
from edge_client.loop import Loop
from edge_client.spool import Spool

END = datetime(2026, 3, 29, 6, 0, tzinfo=UTC)


def plant() -> Simulator:
    return Simulator(SimulatorOptions(hours=2, pumps=2, end=END), now=lambda: END)


@pytest.fixture
def make_loop(spool, api, settings):
    def make_loop(collector, spool=spool, **changes) -> Loop:
        options = {"backoff_min_s": 0.01, "backoff_max_s": 0.05, "probe_interval_s": 0.01, **changes}
        return Loop(collector, spool, api, settings.model_copy(update=options), out=StringIO())

    return make_loop


def test_everything_collected_is_registered_and_sent_once(make_loop, api) -> None:
    status = make_loop(plant()).run(is_once=True)
    tally = plant().tally()
    assert (status.collected, status.sent, status.pending) == (tally.readings + tally.events,) * 2 + (0,)
    assert status.is_finished
    assert len(api.items("readings")) == tally.readings
    assert len(api.items("events")) == tally.events
    assert len(api.registered) == len(list(plant().describe()))


def test_a_second_run_sends_nothing_again(make_loop, api) -> None:
    first = make_loop(plant()).run(is_once=True)
    pushes = len(api.pushes)
    second = make_loop(plant()).run(is_once=True)
    assert (second.collected, second.sent) == (first.collected, first.sent)
    assert len(api.pushes) == pushes


def test_a_full_spool_holds_the_collector_back(make_loop, api, spool) -> None:
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, spool.counters().pending)

    api.on_push = look
    status = make_loop(plant(), max_items=400).run(is_once=True)
    tally = plant().tally()
    assert (status.lost, status.sent) == (0, tally.readings + tally.events)
    assert 300 <= most <= 400


def test_a_ring_buffer_says_what_it_loses(make_loop, api, kit, spool) -> None:
    """S1-053."""
    is_spooled = threading.Event()

    class Camera:
        name = "camera"

        def describe(self) -> Iterator[Registration]:
            yield Registration("sites", "demo", {})

        def collect(self, after: Mapping[str, str]) -> Iterator[Chunk]:
            for number in range(1, 31):
                yield kit.chunk(number * 10 - 9, number * 10, kind="events")
            is_spooled.set()

    api.put = lambda *_: is_spooled.wait(30)  # type: ignore[method-assign]
    loop = make_loop(Camera(), max_items=100, discard_policy="discard_oldest")
    status = loop.run(is_once=True)
    assert (status.collected, status.lost, status.sent) == (300, 200, 100)
    assert [item["n"] for item in api.items("events")] == list(range(201, 301))


def test_it_stops_when_asked_and_goes_on_where_it_stopped(make_loop, api, kit, spool_path) -> None:
    loop = make_loop(plant())

    def fail_and_stop() -> None:
        if len(api.pushes) == 4:
            api.script.append(kit.unreachable())
            loop.stop()

    api.on_push = fail_and_stop
    status = loop.run(is_once=True)
    assert not status.is_finished
    api.on_push = lambda: None
    status = make_loop(plant(), spool=Spool(spool_path)).run(is_once=True)
    tally = plant().tally()
    assert status.is_finished
    assert (status.sent, status.repeated) == (tally.readings + tally.events, 0)
    assert len(api.items("readings")) == tally.readings


def test_it_runs_on_without_once_until_it_is_stopped(make_loop, api, spool) -> None:
    loop = make_loop(plant())
    answers = []
    thread = threading.Thread(target=lambda: answers.append(loop.run(is_once=False)))
    thread.start()
    tally = plant().tally()
    while spool.counters().sent < tally.readings + tally.events:
        thread.join(0.02)
        assert thread.is_alive()
    loop.stop()
    thread.join(30)
    assert answers[0].is_finished


def test_what_a_thread_dies_of_is_raised(make_loop, api, kit, spool) -> None:
    api.put_script.append(kit.refused(422))
    with pytest.raises(ConfigurationError, match="refuses to register"):
        make_loop(plant()).run(is_once=True)


def test_a_defect_is_not_taken_for_an_end(make_loop) -> None:
    class Defective:
        name = "defective"

        def describe(self) -> Iterator[Registration]:
            return iter(())

        def collect(self, after: Mapping[str, str]) -> Iterator[Chunk]:
            raise ZeroDivisionError
            yield

    with pytest.raises(RuntimeError) as raised:
        make_loop(Defective()).run(is_once=True)
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_a_spool_that_breaks_ends_the_run(make_loop, spool, api) -> None:
    api.on_push = spool.close
    with pytest.raises(SpoolError):
        make_loop(plant()).run(is_once=True)
