"""A spool that is full: what goes, that it is counted, and that it is told."""

import msgspec

from edge_client.spool import Spool
from edge_client.spool_losses import Room


def losses(spool: Spool) -> dict[tuple[str, str], int]:
    return {(loss.kind, loss.reason): loss.total for loss in spool.losses()}


def test_a_ring_buffer_drops_the_oldest_counts_them_and_leaves_a_batch_on_its_way_alone(spool, kit) -> None:
    """S1-053."""
    spool.append("c", kit.chunk(1, 4), now=0)
    on_its_way = spool.next_batch(2, now=0)
    assert spool.append("c", kit.chunk(5, 12), now=0, keep=Room(items=6, max_bytes=10**9)) == 6
    assert spool.counters().lost == 6
    assert kit.real_pending(spool) == spool.counters().pending == 6
    assert spool.next_batch(100, now=0).body == on_its_way.body
    spool.acknowledge(on_its_way, "ok", accepted=2)
    assert spool.next_batch(100, now=0).body == b'[{"n":9},{"n":10},{"n":11},{"n":12}]'


def test_a_bound_in_bytes_drops_the_oldest_of_both_kinds_and_counts_each(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 3, kind="events"), now=10)
    spool.append("c", kit.chunk(4, 6), now=20)
    assert spool.append("c", kit.chunk(7, 8), now=30, keep=Room(items=100, max_bytes=4 * len(b'{"n":1}'))) == 4
    assert losses(spool) == {("events", "spool_full_oldest"): 3, ("readings", "spool_full_oldest"): 1}
    assert [(loss.first_at, loss.last_at) for loss in spool.losses()] == [(30, 30), (30, 30)]
    assert spool.next_batch(9, now=40).body == b'[{"n":5},{"n":6},{"n":7},{"n":8}]'


def test_the_newest_can_be_dropped_instead(spool, kit) -> None:
    room = Room(items=5, max_bytes=10**6, policy="discard_newest")
    assert spool.append("c", kit.chunk(1, 4), now=0, keep=room) == 0
    assert spool.append("c", kit.chunk(5, 9), now=0, keep=room) == 4
    assert losses(spool) == {("readings", "spool_full_newest"): 4}
    assert spool.next_batch(9, now=0).body == b'[{"n":1},{"n":2},{"n":3},{"n":4},{"n":5}]'
    assert spool.progress("c") == {"part": "9"}


def test_what_a_collector_dropped_is_counted_with_its_chunk(spool, kit) -> None:
    assert spool.append("c", msgspec.structs.replace(kit.chunk(1, 2), lost=7), now=0) == 7
    assert losses(spool) == {("readings", "collector_overflow"): 7}
    count = spool.counters()
    assert (count.collected, count.lost, count.pending) == (9, 7, 2)


def test_a_loss_is_unreported_again_once_it_grew(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 4), now=0, keep=Room(items=1, max_bytes=100))
    [before] = spool.losses()
    spool.append("c", kit.chunk(5, 6), now=0, keep=Room(items=1, max_bytes=100))
    spool.loss_reported(before)
    [after] = spool.losses()
    assert (before.total, after.reported, after.total) == (3, 3, 5)
