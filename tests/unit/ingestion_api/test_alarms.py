"""An alarm is raised and cleared once each, at its boundary, after its duration, in the devices' time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingestion_api.alarm_rules import AlarmRule
from ingestion_api.alarms import State, breaking, judge, judge_silence, of_signals, quiet_range
from ingestion_api.columns import ReadingColumns

START = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
ABOUT: dict[str, Any] = {"name": "A", "equipment_class": "pump", "metric": "temperature", "severity": "high"}


KEY = ("pump-1", "temperature")


def columns(readings: list[tuple[datetime, float]]) -> ReadingColumns:
    return ReadingColumns(
        item_index=range(len(readings)),
        equipment_code=["pump-1"] * len(readings),
        metric=["temperature"] * len(readings),
        value=[value for _, value in readings],
        event_time=[time for time, _ in readings],
        unit_code=[None] * len(readings),
        quality=[1.0] * len(readings),
    )


def rule(**fields: Any) -> AlarmRule:
    return AlarmRule(**{"kind": "limit", **ABOUT, **fields})


def at(second: float) -> datetime:
    return START + timedelta(seconds=second)


def changes(judged_by: AlarmRule, *readings: tuple[float, float]) -> list[tuple[str, float]]:
    _, transitions = judge(judged_by, State(), [(at(second), value) for second, value in readings])
    return [(transition.change, (transition.at - START).total_seconds()) for transition in transitions]


@pytest.mark.parametrize(
    ("operator", "below", "equal", "above"),
    [(None, False, True, True), (">", False, False, True), ("<=", True, True, False), ("<", True, False, False)],
)
def test_the_boundary_belongs_to_the_alarm_by_default(operator: Any, *, below: bool, equal: bool, above: bool) -> None:
    """S2-042, C26: 85 °C fires a limit of 85 °C."""
    hot = rule(limit=85.0, operator=operator)
    raised = [changes(hot, (0, value)) == [("raised", 0.0)] for value in (84.999, 85.0, 85.001)]
    ranges = {KEY: quiet_range([hot])}
    assert raised == [below, equal, above]
    assert raised == [breaking(ranges, columns([(START, value)])) == {KEY} for value in (84.999, 85.0, 85.001)]


def test_a_condition_must_hold_for_the_duration() -> None:
    hot = rule(limit=85.0, duration_s=10.0)
    assert changes(hot, (0, 90), (9, 90), (9.5, 80), (10, 90), (19, 90), (20, 90)) == [("raised", 20.0)]


def test_an_alarm_clears_only_beyond_the_hysteresis() -> None:
    hot = rule(limit=85.0, hysteresis=2.0)
    assert changes(hot, (0, 85), (1, 84), (2, 83), (3, 82.9), (4, 84)) == [("raised", 0.0), ("cleared", 3.0)]


def test_a_flat_line_is_a_value_that_does_not_move() -> None:
    flat = rule(kind="flat_line", duration_s=10.0, hysteresis=0.5)
    readings = [(0, 5), (5, 5.4), (9, 4.6), (10, 5), (11, 5.6), (20, 5.6), (21, 5.6)]
    assert changes(flat, *readings) == [("raised", 10.0), ("cleared", 11.0), ("raised", 21.0)]


def test_silence_raises_once_and_the_next_reading_clears() -> None:
    silent = rule(kind="missing_data", duration_s=60.0)
    state, _ = judge(silent, State(), [(at(0), 1.0)])
    assert judge_silence(silent, State(), at(900)) == (State(), [])
    assert judge_silence(silent, state, at(60)) == (state, [])
    state, raised = judge_silence(silent, state, at(61))
    assert [(one.change, one.value) for one in raised] == [("raised", None)]
    assert judge_silence(silent, state, at(900)) == (state, [])
    assert [one.change for one in judge(silent, state, [(at(0), 1.0)])[1]] == []
    assert [one.change for one in judge(silent, state, [(at(62), 1.0)])[1]] == ["cleared"]


RULES = st.one_of(
    st.builds(
        rule,
        limit=st.integers(-3, 3).map(float),
        operator=st.sampled_from([">=", ">", "<=", "<"]),
        duration_s=st.integers(0, 4).map(float),
        hysteresis=st.integers(0, 2).map(float),
    ),
    st.builds(
        rule,
        kind=st.just("flat_line"),
        duration_s=st.integers(1, 4).map(float),
        hysteresis=st.integers(0, 2).map(float),
    ),
)
READINGS = st.lists(
    st.tuples(st.integers(0, 30).map(at), st.integers(-5, 5).map(float)),
    max_size=30,
    unique_by=lambda reading: reading[0],
)


@given(RULES, READINGS, st.integers(0, 30))
def test_how_readings_are_cut_into_batches_does_not_matter(judged_by: AlarmRule, readings: Any, cut: int) -> None:
    readings = sorted(readings)
    whole = judge(judged_by, State(), readings)
    state, first = judge(judged_by, State(), readings[:cut])
    state, second = judge(judged_by, state, readings[cut:])
    assert (state, first + second) == whole


@given(RULES, READINGS, st.randoms(use_true_random=False))
def test_neither_does_their_order_in_a_batch(judged_by: AlarmRule, readings: Any, random: Any) -> None:
    mixed = list(readings)
    random.shuffle(mixed)
    assert judge(judged_by, State(), mixed) == judge(judged_by, State(), readings)


@given(RULES, READINGS, st.lists(st.tuples(st.integers(-90, 30).map(at), st.floats(-5, 5))))
def test_what_comes_late_or_again_changes_nothing(judged_by: AlarmRule, readings: Any, late: Any) -> None:
    state, _ = judge(judged_by, State(), [*readings, (at(31), 0.0)])
    assert judge(judged_by, state, [*readings, *late]) == (state, [])


@given(RULES, READINGS)
def test_raised_and_cleared_take_turns(judged_by: AlarmRule, readings: Any) -> None:
    state, transitions = judge(judged_by, State(), readings)
    kinds = [transition.change for transition in transitions]
    assert kinds == ["raised", "cleared"] * (len(kinds) // 2) + ["raised"] * (len(kinds) % 2)
    assert state.is_raised == (len(kinds) % 2 == 1)


@given(st.lists(RULES, max_size=4), READINGS)
def test_a_signal_within_its_quiet_range_breaks_no_limit(rules: list[AlarmRule], readings: Any) -> None:
    """What the shortcut leaves out is what no rule of kind limit would have raised an alarm for."""
    limits = [each for each in rules if each.kind == "limit"]
    found = breaking({KEY: quiet_range(rules)}, columns(readings))
    at_once = [
        AlarmRule(**{**ABOUT, "kind": "limit", "limit": each.limit, "operator": each.operator}) for each in limits
    ]
    assert found == ({KEY} if any(judge(each, State(), readings)[1] for each in at_once) else set())
    assert of_signals({KEY}, columns(readings), [time for time, _ in readings]) == ({KEY: readings} if readings else {})
    assert breaking({}, columns(readings)) == set()


def test_changed_limits_are_seen_by_a_layout_that_is_known() -> None:
    """Each change of the rules makes new ranges."""
    again = columns([(START, 50.0)])
    assert breaking({KEY: (0.0, 85.0)}, again) == set()
    assert breaking({KEY: (0.0, 40.0)}, again) == {KEY}
    assert breaking({}, again) == set()
