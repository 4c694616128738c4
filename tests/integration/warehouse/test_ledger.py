"""Consumers of the touched-hours ledger follow the loads and miss nothing (D6)."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, event, insert, text

from warehouse.ledger import (
    Backlog,
    HourRange,
    again,
    backlogs,
    frozen_count,
    pending_ranges,
    reopen,
    seen,
    settle,
    touch,
)
from warehouse.tables import archived_days

T0 = datetime(2026, 3, 1, 22, tzinfo=UTC)
DAY = timedelta(days=1)


def hour(number: int) -> datetime:
    return T0 + timedelta(hours=number)


def span(start: int, end: int) -> HourRange:
    return HourRange(hour(start), hour(end))


def touch_hours(engine: Engine, site_code: str, *numbers: int) -> None:
    with engine.begin() as connection:
        touch(connection, site_code, {hour(number): () for number in numbers}, T0)


def follow(engine: Engine, consumer: str, start: int, end: int) -> None:
    settle(engine, consumer, seen(engine, consumer, hour(start), hour(end)))  # type: ignore[arg-type]


def test_pending_hours_form_contiguous_ranges_over_all_sites(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0, 1, 5)
    touch_hours(warehouse_engine, "south", 1, 2, 9)
    assert pending_ranges(warehouse_engine, "rolled_up") == [span(0, 3), span(5, 6), span(9, 10)]
    assert pending_ranges(warehouse_engine, "summarized") == []


def test_summary_follows_the_rollup(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0, 1, 2)
    follow(warehouse_engine, "rolled_up", 0, 2)
    assert pending_ranges(warehouse_engine, "rolled_up") == [span(2, 3)]
    assert pending_ranges(warehouse_engine, "summarized") == [span(0, 2)]
    follow(warehouse_engine, "summarized", 0, 3)
    assert pending_ranges(warehouse_engine, "summarized") == []
    touch_hours(warehouse_engine, "north", 0)
    assert pending_ranges(warehouse_engine, "summarized") == []
    follow(warehouse_engine, "rolled_up", 0, 1)
    assert pending_ranges(warehouse_engine, "summarized") == [span(0, 1)]


def test_touch_during_a_rollup_stays_pending(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0, 1)
    snapshot = seen(warehouse_engine, "rolled_up", hour(0), hour(2))
    touch_hours(warehouse_engine, "north", 1)
    touch_hours(warehouse_engine, "south", 0)
    settle(warehouse_engine, "rolled_up", snapshot)
    assert pending_ranges(warehouse_engine, "rolled_up") == [span(0, 2)]
    follow(warehouse_engine, "rolled_up", 0, 2)
    assert pending_ranges(warehouse_engine, "rolled_up") == []


def test_slow_consumer_does_not_undo_a_faster_one(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0)
    old = seen(warehouse_engine, "rolled_up", hour(0), hour(1))
    touch_hours(warehouse_engine, "north", 0)
    follow(warehouse_engine, "rolled_up", 0, 1)
    settle(warehouse_engine, "rolled_up", old)
    assert pending_ranges(warehouse_engine, "rolled_up") == []


def test_range_ends_before_its_end(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0, 1)
    follow(warehouse_engine, "rolled_up", 0, 1)
    assert pending_ranges(warehouse_engine, "rolled_up") == [span(1, 2)]


def test_new_scores_reopen_the_summary_alone(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0, 1)
    follow(warehouse_engine, "rolled_up", 0, 2)
    follow(warehouse_engine, "summarized", 0, 2)
    reopen(warehouse_engine, hour(1), hour(2))
    assert pending_ranges(warehouse_engine, "rolled_up") == []
    assert pending_ranges(warehouse_engine, "summarized") == [span(1, 2)]


def test_reopening_during_a_summary_is_not_lost(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0)
    follow(warehouse_engine, "rolled_up", 0, 1)
    snapshot = seen(warehouse_engine, "summarized", hour(0), hour(1))
    reopen(warehouse_engine, hour(0), hour(1))
    settle(warehouse_engine, "summarized", snapshot)
    assert pending_ranges(warehouse_engine, "summarized") == [span(0, 1)]


def test_reopening_leaves_a_pending_rollup_pending(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0)
    reopen(warehouse_engine, hour(0), hour(1))
    assert pending_ranges(warehouse_engine, "rolled_up") == [span(0, 1)]
    assert pending_ranges(warehouse_engine, "summarized") == []


def test_backlogs_are_counted_by_site_with_their_oldest_touch(warehouse_engine: Engine) -> None:
    for minutes, (site, *offsets) in enumerate([("north", 0, 1), ("north", 1, 2), ("south", 5)]):
        with warehouse_engine.begin() as connection:
            touch(connection, site, {hour(offset): () for offset in offsets}, T0 + timedelta(minutes=minutes))
    assert backlogs(warehouse_engine, "rolled_up", T0) == [
        Backlog("north", 3, T0),
        Backlog("south", 1, T0 + timedelta(minutes=2)),
    ]
    assert backlogs(warehouse_engine, "rolled_up", hour(1))[0] == Backlog("north", 2, T0 + timedelta(minutes=1))
    assert backlogs(warehouse_engine, "summarized", T0) == []
    follow(warehouse_engine, "rolled_up", 0, 1)
    assert backlogs(warehouse_engine, "rolled_up", T0)[0].hour_count == 2
    assert backlogs(warehouse_engine, "summarized", T0) == [Backlog("north", 1, T0)]


def test_empty_snapshot_settles_nothing(warehouse_engine: Engine) -> None:
    touch_hours(warehouse_engine, "north", 0)
    follow(warehouse_engine, "rolled_up", 100, 200)
    assert pending_ranges(warehouse_engine, "rolled_up") == [span(0, 1)]


def test_what_is_pending_is_found_without_reading_what_is_settled(warehouse_engine: Engine) -> None:
    """D6: asked at each tick of a sensor, whatever the history."""
    settled = text("""
        insert into raw.touched_hours (site_code, hour, touch_count, rolled_up_count, summarized_count, touched_at)
        select 'north', timestamptz '2016-01-01' + n * interval '1 hour', 3, 3, 3, now()
        from generate_series(1, 50000) as n
    """)
    with warehouse_engine.begin() as connection:
        connection.execute(settled)
    touch_hours(warehouse_engine, "north", 0, 1)
    with warehouse_engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("vacuum analyze raw.touched_hours"))
    asked: list[str] = []

    @event.listens_for(warehouse_engine, "before_cursor_execute")
    def listen(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    assert pending_ranges(warehouse_engine, "rolled_up") == [span(0, 2)]
    assert (pending_ranges(warehouse_engine, "summarized"), frozen_count(warehouse_engine)) == ([], 0)
    event.remove(warehouse_engine, "before_cursor_execute", listen)
    assert len(asked) == 3
    with warehouse_engine.connect() as connection:
        for statement in asked:
            plan = connection.scalars(text(f"explain (analyze, buffers) {statement}")).all()
            assert any("ix_touched_hours_pending" in line for line in plan), plan
            assert not any("Seq Scan on touched_hours" in line for line in plan), plan


def test_an_hour_waits_for_a_restore_while_a_date_it_may_belong_to_cannot_be_built(warehouse_engine: Engine) -> None:
    """C2. A date reaches three days back and two ahead; an hour may lie in the date before its UTC day or after it."""
    dropped = {"table_name": "events", "site_code": "north", "equipment_class": "", "day": T0.date(), "row_count": 0,
               "checksum": 0, "byte_count": 0, "touch_count": 0, "written_at": T0, "dropped_at": T0}  # fmt: skip
    with warehouse_engine.begin() as connection:
        connection.execute(insert(archived_days), [dropped])
    touch_hours(warehouse_engine, "north", *(24 * days for days in range(-5, 7)))

    def days(consumer: str) -> list[int]:
        return [(pending.start - T0) // DAY for pending in pending_ranges(warehouse_engine, consumer)]  # type: ignore[arg-type]

    assert days("rolled_up") == [-5, -4, -3, 4, 5, 6]
    follow(warehouse_engine, "rolled_up", -5 * 24, 7 * 24)
    assert days("summarized") == [-5, -4, 5, 6]
    follow(warehouse_engine, "summarized", -5 * 24, 7 * 24)
    assert frozen_count(warehouse_engine) == 8
    with warehouse_engine.begin() as connection:
        connection.execute(archived_days.delete())
    assert days("rolled_up") == [-2, -1, 0, 1, 2, 3]
    assert days("summarized") == [-3, 4], "rolled up, and kept for the dates"


def test_hours_of_receipt_are_those_of_what_is_not_rolled_up(warehouse_engine: Engine) -> None:
    """Those of what was settled with the hour are forgotten, also where it waits again without newer items."""

    def touched(*received: int) -> list[int]:
        with warehouse_engine.begin() as connection:
            touch(connection, "north", {hour(0): [hour(number) for number in received], hour(1): ()}, T0)
            found = connection.scalar(text("select received_hours from raw.touched_hours where hour = :h"), {"h": T0})
        return [(each - T0) // timedelta(hours=1) for each in found or []]

    assert touched(3, 1) == [1, 3]
    assert touched(2, 3) == [1, 2, 3]
    assert touched() == [1, 2, 3]
    snapshot = seen(warehouse_engine, "rolled_up", hour(0), hour(2))
    assert touched(4) == [1, 2, 3, 4]
    settle(warehouse_engine, "rolled_up", snapshot)
    assert touched(5) == [1, 2, 3, 4, 5]
    follow(warehouse_engine, "rolled_up", 0, 2)
    with warehouse_engine.begin() as connection:
        again(connection, "north", hour(0), hour(1))
    assert touched() == []
    assert touched(6) == [6]
    follow(warehouse_engine, "rolled_up", 0, 2)
    follow(warehouse_engine, "summarized", 0, 2)
    assert touched(7) == [7]
