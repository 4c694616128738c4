"""At-least-once delivery against an API in memory: what each answer does to batch, spool and patience."""

from random import Random

import httpx
import msgspec
import pytest

from edge_client.collectors.collector import Chunk, Registration
from edge_client.errors import ConfigurationError
from edge_client.forwarder import Forwarder
from edge_client.spool import Spool
from edge_client.spool_losses import Room


@pytest.fixture
def notices() -> list[str]:
    return []


@pytest.fixture
def make(spool, api, settings, clock, notices):
    def make(registrations=(), spool=spool, **changes) -> Forwarder:
        return Forwarder(
            spool,
            api,
            settings.model_copy(update=changes),
            registrations=registrations,
            clock=clock,
            jitter=Random(7),
            notice=notices.append,
        )

    return make


def drain(forwarder: Forwarder, clock, steps: int = 1_000) -> None:
    """Step, and let the waits pass, until the forwarder has nothing to do."""
    for _ in range(steps):
        wait_s = forwarder.step()
        if wait_s == 0.05:
            return
        clock.advance(wait_s)
    raise AssertionError("the forwarder never came to rest")


def test_it_registers_before_it_sends(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 3), now=0)
    forwarder = make([Registration("sites", "demo", {}), Registration("equipment", "P1", {})])
    api.on_push = lambda: api.registered == [("sites", "demo"), ("equipment", "P1")] or pytest.fail("sent too early")
    assert not forwarder.is_registered()
    drain(forwarder, clock)
    assert forwarder.is_registered()
    assert len(api.items("readings")) == 3


def test_a_backlog_goes_in_growing_batches_and_everything_is_counted(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 3_000, bad=(7, 8, 2_500), is_replay=True), now=0)
    drain(make(), clock)
    assert [len(push.items) for push in api.pushes] == [100, 200, 400, 800, 1000, 500]
    assert all(push.is_replay for push in api.pushes)
    count = spool.counters()
    assert (count.accepted, count.quarantined, count.repeated, count.pending) == (2_997, 3, 0, 0)


def test_a_lost_answer_is_asked_for_again_under_the_same_key_and_counted_once(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 50, bad=(3,)), now=0)
    api.script.append(("lose", kit.unreachable(httpx.ReadTimeout("no answer"))))
    drain(make(), clock)
    first, second = api.pushes
    assert (first.key, first.body) == (second.key, second.body)
    count = spool.counters()
    assert (count.accepted, count.quarantined, count.repeated) == (49, 1, 0)


def test_a_restart_in_the_middle_of_a_send_counts_once(make, api, spool, spool_path, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 50), now=0)
    api.script.append(("lose", KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        make().step()
    again = Spool(spool_path)
    again.append("c", kit.chunk(51, 60), now=0)
    drain(make(spool=again), clock)
    assert len(api.items("readings")) == 60
    assert (again.counters().accepted, again.counters().repeated) == (60, 0)


def test_what_somebody_else_had_delivered_before_is_a_repeat(make, api, spool, tmp_path, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 80, bad=(1,)), now=0)
    drain(make(), clock)
    other = Spool(tmp_path / "other.sqlite")
    other.append("c", kit.chunk(1, 80, bad=(1,)), now=0)
    drain(make(spool=other), clock)
    count = other.counters()
    assert (count.sent, count.accepted, count.quarantined, count.repeated) == (80, 0, 0, 80)


def test_a_batch_of_which_everything_is_quarantined_is_acknowledged(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 2, bad=(1, 2)), now=0)
    drain(make(), clock)
    assert spool.counters().quarantined == 2
    assert "422" in spool.fact("last_answer")


def test_an_overloaded_api_gets_the_same_batch_again_then_smaller_ones(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 3_000), now=0)
    api.script.extend([None, None, None, None, kit.overloaded(retry_after_s=40)])
    forwarder = make()
    for _ in range(4):
        assert forwarder.step() == 0
    wait_s = forwarder.step()
    assert wait_s >= 40
    clock.advance(wait_s - 0.5)
    assert 0 < forwarder.step() <= 0.6
    assert len(api.pushes) == 5 and api.probes == 0
    drain(forwarder, clock)
    assert api.pushes[4] == api.pushes[5]
    assert [len(push.items) for push in api.pushes[4:]] == [1000, 1000, 500]
    assert spool.counters().accepted == 3_000


def test_the_waits_between_attempts_double(make, api, spool, kit, clock) -> None:
    """S1-051, with the jitter that takes away at most half."""
    spool.append("c", kit.chunk(1, 3), now=0)
    api.script.extend(kit.overloaded() for _ in range(12))
    forwarder, waits = make(), []
    while not spool.counters().sent:
        waits.append(forwarder.step())
        clock.advance(waits[-1])
    nominal = [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    assert all(n / 2 <= wait <= n for wait, n in zip(waits[:12], nominal, strict=True))


def test_a_silent_api_is_probed_every_30_seconds_and_served_as_soon_as_it_is_back(make, api, spool, kit, clock) -> None:
    """S1-054."""
    spool.append("c", kit.chunk(1, 3), now=0)
    api.script.extend(kit.unreachable() for _ in range(9))
    api.ready = False
    forwarder = make()
    while len(api.pushes) < 9:  # the next attempt is 128 to 256 seconds away
        clock.advance(forwarder.step())
    probes, at = api.probes, clock.elapsed_s
    for _ in range(2):
        clock.advance(forwarder.step())
    assert api.probes == probes + 2
    assert clock.elapsed_s - at == pytest.approx(60)
    api.ready = True
    assert forwarder.step() == 0
    assert spool.counters().accepted == 3
    assert clock.elapsed_s - at == pytest.approx(60)


def test_a_batch_too_large_goes_in_halves(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 100), now=0)
    api.script.extend([kit.refused(413), kit.refused(413), None])
    drain(make(), clock)
    assert [kit.numbers(push)[0::99] for push in api.pushes[:2]] == [[1, 100], [1]]
    assert [item["n"] for item in api.items("readings")] == list(range(1, 101))
    assert spool.counters().accepted == 100


@pytest.mark.parametrize("status", [400, 409, 413, 415, 422])
def test_a_batch_refused_for_good_is_kept_aside_and_the_next_goes_on(
    make, api, spool, kit, clock, notices, status
) -> None:
    spool.append("c", kit.chunk(1, 1), now=0)
    spool.append("c", kit.chunk(2, 3, kind="events"), now=0)
    api.script.append(kit.refused(status))
    drain(make(), clock)
    count = spool.counters()
    assert (count.rejected, count.accepted, count.lost) == (1, 2, 0)
    assert str(status) in spool.dead_letters(1)[0]
    assert len(notices) == 1 and str(status) in notices[0]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_wrong_key_or_address_loses_nothing_and_says_what_to_check(
    make, api, spool, kit, clock, notices, status
) -> None:
    spool.append("c", kit.chunk(1, 5), now=0)
    api.script.extend(kit.refused(status) for _ in range(3))
    drain(make(), clock)
    assert spool.counters().accepted == 5
    assert len({push.key for push in api.pushes}) == 1
    assert api.probes == 0
    assert len(notices) == 2
    assert str(status) in notices[0] and "MILLRACE_EDGE_API_KEY" in notices[0]
    assert notices[1] == "the API answers again"


def test_a_receipt_for_another_number_of_items_acknowledges_nothing(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 5), now=0)
    genuine = api._store
    api._store = lambda push, kind: msgspec.structs.replace(
        genuine(push, kind), receipt=kit.receipt(kind, 3, 0, push.key)
    )
    assert make().step() > 0
    assert spool.counters().pending == 5
    assert "for 3 items where 5 were sent" in spool.fact("last_answer")


def test_a_registration_that_is_refused_ends_the_run(make, api, kit) -> None:
    api.put_script.append(kit.refused(422))
    with pytest.raises(ConfigurationError, match="equipment P1"):
        make([Registration("equipment", "P1", {})]).step()


def test_a_registration_waits_for_the_api_and_for_the_right_key(make, api, kit, clock) -> None:
    api.put_script.extend([kit.unreachable(), kit.refused(403)])
    drain(make([Registration("equipment", "P1", {})]), clock)
    assert api.registered == [("equipment", "P1")]


def test_replay_of_a_dropped_link(make, api, spool, kit, clock) -> None:
    """S1-055: 150 events are buffered from 10:00 to 10:15, then go as events 1-100 and 101-150, 15 minutes late."""
    api.ready = False
    api.on_push = lambda: api.ready or api.script.append(kit.unreachable())
    forwarder = make(linger_s=0.2)
    start = clock.time()
    for number in range(1, 151):
        item = msgspec.json.encode({"n": number, "event_time": clock.time()})
        spool.append(
            "camera",
            Chunk(kind="events", items=[item], is_replay=False, part="p", position=str(number), fraction=0),
            now=clock.time(),
        )
        until = clock.time() + 6
        while clock.time() < until:
            clock.advance(max(0.1, min(forwarder.step(), until - clock.time())))
    assert clock.time() - start == pytest.approx(900, abs=15)
    assert spool.counters().pending == 150
    failed = len(api.pushes)
    assert failed >= 1

    api.ready = True
    clock.advance(30)
    drain(forwarder, clock)
    first, second = api.pushes[failed:]
    assert kit.numbers(first) == list(range(1, 101))
    assert kit.numbers(second) == list(range(101, 151))
    lag_s = clock.time() - first.items[0]["event_time"]
    assert lag_s == pytest.approx(15 * 60, abs=45)
    assert spool.counters().accepted == 150


def test_a_loss_is_reported_before_anything_else_when_the_api_answers_again(make, api, spool, kit, clock) -> None:
    """A loss is a number, never silence: totals, so that asking twice counts once."""
    spool.append("c", kit.chunk(1, 10), now=0, keep=Room(items=4, max_bytes=10**6))
    api.loss_script.extend([kit.unreachable(), kit.overloaded()])
    drain(make(), clock)
    assert [(r.kind, r.reason, r.lost_total) for r in api.losses] == [("readings", "spool_full_oldest", 6)]
    assert api.losses[0].client_id == spool.fact("spool_id")
    spool.append("c", kit.chunk(11, 13), now=0, keep=Room(items=1, max_bytes=10**6))
    clock.advance(1)
    drain(make(), clock)
    assert [r.lost_total for r in api.losses] == [6, 8]
    assert len(api.items("readings")) + api.losses[-1].lost_total == 13


def test_a_report_whose_answer_was_lost_is_made_again_after_a_restart(make, api, spool, spool_path, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 10), now=0, keep=Room(items=4, max_bytes=10**6))
    genuine = api.report_loss

    def lose_the_answer(report: object) -> None:
        genuine(report)
        raise KeyboardInterrupt

    api.report_loss = lose_the_answer
    with pytest.raises(KeyboardInterrupt):
        make().step()
    api.report_loss = genuine
    drain(make(spool=Spool(spool_path)), clock)
    assert [r.lost_total for r in api.losses] == [6, 6]
    assert len({r.client_id for r in api.losses}) == 1


def test_an_api_that_takes_no_reports_still_gets_the_items(make, api, spool, kit, clock, notices) -> None:
    spool.append("c", kit.chunk(1, 10), now=0, keep=Room(items=4, max_bytes=10**6))
    api.loss_script.append(kit.refused(404))
    forwarder = make()
    drain(forwarder, clock)
    assert len(api.items("readings")) == 4
    assert forwarder.is_settled()
    assert len(notices) == 1 and "6 lost readings" in notices[0]
    clock.advance(300)
    drain(forwarder, clock)
    assert [r.lost_total for r in api.losses] == [6]


def test_a_refused_batch_is_reported_as_lost(make, api, spool, kit, clock) -> None:
    spool.append("c", kit.chunk(1, 3), now=0)
    api.script.append(kit.refused(400))
    forwarder = make()
    drain(forwarder, clock)
    assert not forwarder.is_settled()
    clock.advance(1)
    drain(forwarder, clock)
    assert [(r.reason, r.lost_total) for r in api.losses] == [("rejected_by_api", 3)]
    assert forwarder.is_settled()
