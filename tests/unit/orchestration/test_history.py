"""When a first model may be trained: after the history has stopped growing."""

from datetime import UTC, datetime, timedelta

from orchestration.history import LONGEST_WAIT, History, Watch

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TICK = timedelta(seconds=30)


def test_growing_history_is_waited_for() -> None:
    watch = Watch.after(None, History({"pump": 10}, backlog=0), NOW)
    assert not watch.is_settled(is_busy=False, now=NOW)
    watch = Watch.after(watch.cursor(), History({"pump": 20}, backlog=0), NOW + TICK)
    assert not watch.is_settled(is_busy=False, now=NOW + TICK)


def test_two_looks_that_see_the_same_are_enough_when_nothing_goes_on() -> None:
    history = History({"pump": 10}, backlog=0)
    watch = Watch.after(Watch.after(None, history, NOW).cursor(), history, NOW + TICK)
    assert watch.since == NOW
    assert watch.is_settled(is_busy=False, now=NOW + TICK)
    assert not watch.is_settled(is_busy=True, now=NOW + TICK)


def test_hours_that_a_check_blocks_hold_training_up_for_a_while_only() -> None:
    history = History({"pump": 10}, backlog=3)
    watch = Watch.after(Watch.after(None, history, NOW).cursor(), history, NOW + LONGEST_WAIT)
    assert watch.is_settled(is_busy=True, now=NOW + LONGEST_WAIT)
