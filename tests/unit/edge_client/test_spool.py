"""The outbox: nothing twice, nothing missing, whatever dies when."""

import sqlite3
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from edge_client.collectors.collector import Chunk, Skip
from edge_client.errors import SpoolError, SpoolFull
from edge_client.spool import Spool
from edge_client.spool_losses import Room


def real_bytes(spool: Spool) -> int:
    with sqlite3.connect(spool._path) as sql:
        size: int = sql.execute("select coalesce(sum(length(body)), 0) from items").fetchone()[0]
    sql.close()
    return size


def test_a_batch_holds_one_kind_and_one_flag_oldest_first(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 3), now=0)
    spool.append("c", kit.chunk(4, 5, kind="events"), now=0)
    spool.append("c", kit.chunk(6, 7), now=0)
    spool.append("c", kit.chunk(8, 9, is_replay=True), now=0)
    seen = []
    while (batch := spool.next_batch(100, now=0)) is not None:
        seen.append((batch.kind, batch.is_replay, batch.body))
        spool.acknowledge(batch, "ok", accepted=batch.item_count)
    assert seen == [
        ("readings", False, b'[{"n":1},{"n":2},{"n":3},{"n":6},{"n":7}]'),
        ("events", False, b'[{"n":4},{"n":5}]'),
        ("readings", True, b'[{"n":8},{"n":9}]'),
    ]


def test_an_unanswered_batch_is_the_same_bytes_under_the_same_key_after_a_kill(spool_path: Path, kit) -> None:
    spool = Spool(spool_path)
    spool.append("c", kit.chunk(1, 150), now=0)
    before = spool.next_batch(100, now=0)
    spool.append("c", kit.chunk(151, 400), now=0)
    # Not closed: what a killed process leaves behind. Another size must not change the batch either.
    after = Spool(spool_path).next_batch(1_000, now=0)
    assert before is not None and after is not None
    assert str(UUID(before.idempotency_key)) == before.idempotency_key
    assert (after.idempotency_key, after.body) == (before.idempotency_key, before.body)
    assert (before.is_new, after.is_new) == (True, False)


def test_progress_survives_exactly_as_far_as_the_items(spool_path: Path, kit) -> None:
    spool = Spool(spool_path)
    spool.append("c", kit.chunk(1, 10), now=0)
    broken = Chunk(kind="readings", items=[b"{}", object()], is_replay=False, part="part", position="12", fraction=1)  # type: ignore[list-item]
    with pytest.raises(SpoolError):
        spool.append("c", broken, now=0)
    again = Spool(spool_path)
    assert again.progress("c") == {"part": "10"}
    assert again.progress("another collector") == {}
    assert again.counters().collected == 10 == kit.real_pending(again)


def test_an_incomplete_batch_waits_for_more_items_but_not_for_ever(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 5), now=1_000.0)
    assert spool.next_batch(10, now=1_000.1, linger_s=0.2) is None
    assert spool.next_batch(5, now=1_000.1, linger_s=0.2) is not None


@pytest.mark.parametrize("now", [1_000.2, 500.0])
def test_an_incomplete_batch_goes_once_it_has_waited_even_if_the_clock_was_set_back(spool, kit, now: float) -> None:
    spool.append("c", kit.chunk(1, 5), now=1_000.0)
    assert spool.next_batch(10, now=now, linger_s=0.2).item_count == 5


def test_a_full_stream_of_readings_does_not_hold_events_back(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 1, kind="events"), now=0)
    spool.append("c", kit.chunk(2, 500), now=1)
    assert spool.next_batch(100, now=1, linger_s=0.5).kind == "events"


def test_a_batch_stays_below_the_limit_in_bytes(spool) -> None:
    big = b'"' + b"x" * 2_000_000 + b'"'
    items = [big, big, big]
    spool.append("c", Chunk(kind="readings", items=items, is_replay=False, part="p", position="1", fraction=1), now=0)
    assert spool.next_batch(1_000, now=0).item_count == 2


def test_released_items_go_in_a_fuller_batch(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 1), now=0)
    spool.release(spool.next_batch(100, now=0))
    spool.append("c", kit.chunk(2, 150), now=0)
    assert spool.next_batch(100, now=0).item_count == 100


def test_a_batch_formed_before_others_cannot_be_released(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 4), now=0)
    batch = spool.next_batch(100, now=0)
    spool.split(batch)
    with pytest.raises(SpoolError, match="formed before others"):
        spool.release(spool.next_batch(100, now=0))
    assert spool.next_batch(100, now=0).item_count == 2


def test_a_split_batch_goes_in_halves_under_new_keys(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 5), now=0)
    whole = spool.next_batch(100, now=0)
    spool.split(whole)
    bodies, keys = [], {whole.idempotency_key}
    while (batch := spool.next_batch(100, now=0)) is not None:
        bodies.append(batch.body)
        keys.add(batch.idempotency_key)
        spool.acknowledge(batch, "ok", accepted=batch.item_count)
    assert bodies == [b'[{"n":1},{"n":2}]', b'[{"n":3},{"n":4},{"n":5}]']
    assert len(keys) == 3


def test_an_answer_counts_every_item_once(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 10), now=0)
    batch = spool.next_batch(6, now=0)
    spool.acknowledge(batch, "201", accepted=4, quarantined=2)
    with pytest.raises(SpoolError, match="answered twice"):
        spool.acknowledge(batch, "201", accepted=4, quarantined=2)
    spool.acknowledge(spool.next_batch(3, now=0), "200", repeated=3)
    spool.reject(spool.next_batch(3, now=0), "400 no")
    count = spool.counters()
    assert (count.collected, count.sent, count.pending) == (10, 9, 0)
    assert (count.accepted, count.quarantined, count.repeated, count.rejected) == (4, 2, 3, 1)
    assert kit.real_pending(spool) == 0
    assert spool.fact("last_answer") == "400 no"
    assert spool.dead_letters(5) == ["400 no"]


def test_an_answer_for_another_number_of_items_changes_nothing(spool, kit) -> None:
    spool.append("c", kit.chunk(1, 10), now=0)
    batch = spool.next_batch(10, now=0)
    with pytest.raises(SpoolError, match="9 items where the batch"):
        spool.acknowledge(batch, "201", accepted=9)
    assert spool.counters().pending == 10


def test_of_many_refused_batches_the_oldest_bodies_go_and_every_answer_stays(spool) -> None:
    big = b'"' + b"x" * 4_000_000 + b'"'
    for number in range(6):
        spool.append(
            "c",
            Chunk(kind="readings", items=[big], is_replay=False, part="p", position=str(number), fraction=1),
            now=0,
        )
        spool.reject(spool.next_batch(1, now=0), f"400 {number}")
    with sqlite3.connect(spool._path) as sql:
        sizes = [row[0] for row in sql.execute("select length(body) from dead_letters")]
    sql.close()
    assert sorted(sizes) == [0, 0, *[len(big) + 2] * 4]
    assert len(spool.dead_letters(10)) == 6
    assert spool.counters().rejected == 6


def test_the_file_shrinks_when_a_backlog_is_gone(spool, kit) -> None:
    for first in range(1, 40_001, 1_000):
        items = [b'{"n":%d,"text":"%s"}' % (n, b"x" * 500) for n in range(first, first + 1_000)]
        spool.append(
            "c", Chunk(kind="readings", items=items, is_replay=False, part="p", position="1", fraction=1), now=0
        )
    full = spool.file_bytes()
    while (batch := spool.next_batch(1_000, now=0)) is not None:
        spool.acknowledge(batch, "ok", accepted=batch.item_count)
    with sqlite3.connect(spool._path) as sql:
        sql.execute("pragma wal_checkpoint(truncate)")
        pages = sql.execute("pragma page_count").fetchone()[0]
    sql.close()
    assert full > 20_000_000
    assert pages * 4096 < 0.8 * full


def test_a_file_at_its_last_bound_takes_no_more_and_loses_nothing(spool_path: Path, kit) -> None:
    spool = Spool(spool_path, max_bytes=0)  # leaves the overhead alone: 64 MiB
    big = b'"' + b"x" * 4_000_000 + b'"'
    chunk = Chunk(kind="readings", items=[big], is_replay=False, part="p", position="1", fraction=1)
    with pytest.raises(SpoolFull, match="no room"):
        for _ in range(40):
            spool.append("c", chunk, now=0)
    collected = spool.counters().collected
    assert 10 < collected == kit.real_pending(spool) < 40
    spool.acknowledge(spool.next_batch(1, now=0), "ok", accepted=1)
    spool.append("c", chunk, now=0)
    assert spool.file_bytes() < 80_000_000


def test_skips_are_all_counted_and_the_first_thousand_kept(spool) -> None:
    skips = [Skip(f"a.csv:{n}", "no number") for n in range(700)]
    for position in ("1", "2"):
        spool.append(
            "c",
            Chunk(kind="readings", items=[], is_replay=True, part="a", position=position, fraction=0.5, skips=skips),
            now=0,
        )
    assert spool.counters().skipped == 1_400
    assert len(spool.skips(9_999)) == 1_000
    assert spool.skips(1) == [Skip("a.csv:0", "no number")]


def test_a_file_that_is_no_spool_is_named(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, and longer than the hundred bytes that a header takes" * 3)
    with pytest.raises(SpoolError, match=r"notes\.txt"):
        Spool(path)


def test_a_spool_of_another_version_is_left_alone(spool_path: Path) -> None:
    with sqlite3.connect(spool_path) as sql:
        sql.execute("pragma user_version = 99")
    sql.close()
    with pytest.raises(SpoolError, match="version 99"):
        Spool(spool_path)


OPERATION = st.one_of(
    st.tuples(st.just("append"), st.integers(0, 30), st.booleans(), st.sampled_from(["readings", "events"])),
    st.tuples(st.sampled_from(["accept", "repeat", "reject", "split", "release", "reopen"])),
    st.tuples(st.just("discard"), st.integers(0, 40), st.integers(0, 400)),
    st.tuples(st.just("newest"), st.integers(0, 30), st.integers(0, 40), st.integers(0, 400)),
)


@hypothesis_settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(operations=st.lists(OPERATION, max_size=25), size=st.integers(1, 20))
def test_whatever_happens_each_item_is_sent_pending_rejected_or_lost(tmp_path_factory, kit, operations, size) -> None:
    """Every item leaves once, in its kind's order, and the counters always add up to what is in the file."""
    path = tmp_path_factory.mktemp("spool") / "s.sqlite"
    spool, last, left = Spool(path), 0, []
    for operation, *details in operations:
        if operation == "append":
            count, is_replay, kind = details
            spool.append("c", kit.chunk(last + 1, last + count, kind=kind, is_replay=is_replay), now=0)
            last += count
        elif operation == "discard":
            spool.append("c", kit.chunk(1, 0), now=0, keep=Room(items=details[0], max_bytes=details[1]))
        elif operation == "newest":
            count, items, max_bytes = details
            room = Room(items=items, max_bytes=max_bytes, policy="discard_newest")
            spool.append("c", kit.chunk(last + 1, last + count), now=0, keep=room)
            last += count
        elif operation == "reopen":
            spool = Spool(path)
        elif (batch := spool.next_batch(size, now=0)) is not None:
            if operation == "release":
                if batch.is_new:
                    spool.release(batch)
            elif operation == "split":
                if batch.item_count > 1:
                    spool.split(batch)
            else:
                left += [(batch.kind, number) for number in range(batch.first_number, batch.last_number + 1)]
                if operation == "reject":
                    spool.reject(batch, "no")
                else:
                    name = {"accept": "accepted", "repeat": "repeated"}[operation]
                    spool.acknowledge(batch, "ok", **{name: batch.item_count})
        counters = spool.counters()
        assert counters.collected == last
        assert counters.pending == kit.real_pending(spool)
        assert counters.pending_bytes == real_bytes(spool)
        losses = spool.losses()
        assert counters.lost == sum(loss.total for loss in losses if loss.reason != "rejected_by_api")
        assert counters.rejected == sum(loss.total for loss in losses if loss.reason == "rejected_by_api")
    for kind in ("readings", "events"):
        order = [number for of_kind, number in left if of_kind == kind]
        assert order == sorted(set(order))
