"""Judges the readings of a signal by an alarm rule. Pure: storing states and alarms does not belong here.

Time is the devices'. A reading that is not newer than the last one judged changes nothing, so data that comes late or
twice raises no alarm and clears none; of several readings with one time the first counts. Batches sent from a backlog
(`is_replay`) are not to be judged at all: they tell of the past, and an alarm calls for somebody now.

Which signals a rule watches is told in `watch.py`; when a push is judged, in `alarm_watch.py`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from math import inf, nextafter
from typing import Literal

from ingestion_api.alarm_rules import AlarmRule
from ingestion_api.columns import ReadingColumns
from ingestion_api.layout import SignalKey

Quiet = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class State:
    """What a rule remembers of a signal between batches.

    Attributes:
        last_time: Of the newest reading judged.
        since: Since when the condition has held; None where it does not.
        unmoved: The value that a flat line is measured from.
    """

    last_time: datetime | None = None
    since: datetime | None = None
    unmoved: float | None = None
    is_raised: bool = False

    def is_normal(self) -> bool:
        """Tell whether a reading that breaks nothing would change nothing that matters."""
        return self.since is None and not self.is_raised


@dataclass(frozen=True)
class Transition:
    """An alarm raised or cleared, at the time and by the value of a reading."""

    change: Literal["raised", "cleared"]
    at: datetime
    value: float | None


@dataclass(frozen=True)
class Case:
    """A signal's readings of one batch, to be judged by one rule; None where the rule was withdrawn."""

    rule_code: str
    rule: AlarmRule | None
    signal: SignalKey
    readings: Sequence[tuple[datetime, float]] = ()


def judge(rule: AlarmRule, state: State, readings: Iterable[tuple[datetime, float]]) -> tuple[State, list[Transition]]:
    """Judge the readings of one signal.

    Args:
        rule: An enabled rule.
        state: What the rule remembers of the signal.
        readings: Time and value, in any order.

    Returns:
        What it remembers now, and what became of the alarm on the way.
    """
    transitions = []
    for at, value in sorted(readings, key=lambda reading: reading[0]):
        if state.last_time is not None and at <= state.last_time:
            continue
        before, state = state.is_raised, _after(rule, state, at, value)
        if state.is_raised != before:
            transitions.append(Transition("raised" if state.is_raised else "cleared", at, value))
    return state, transitions


def judge_silence(rule: AlarmRule, state: State, now: datetime) -> tuple[State, list[Transition]]:
    """Judge by a rule of kind missing_data that nothing came. The next reading clears the alarm."""
    if state.is_raised or state.last_time is None or (now - state.last_time).total_seconds() <= rule.duration_s:
        return state, []
    return replace(state, is_raised=True), [Transition("raised", now, None)]


def quiet_range(rules: Iterable[AlarmRule]) -> Quiet:
    """Return the least and the greatest value that break no limit of a signal's rules."""
    low, high = -inf, inf
    for rule in rules:
        if rule.limit is None:
            continue
        if rule.operator in (">=", ">"):
            high = min(high, rule.limit if rule.operator == ">" else nextafter(rule.limit, -inf))
        else:
            low = max(low, rule.limit if rule.operator == "<" else nextafter(rule.limit, inf))
    return low, high


def breaking(ranges: Mapping[SignalKey, Quiet], columns: ReadingColumns) -> set[SignalKey]:
    """Return the signals of a batch with a value outside its quiet range; a signal without one is never among them."""
    layout, values = columns.layout, columns.value
    if layout.limited[0] is not ranges:
        rows = ((row, ranges.get(signal)) for row, signal in enumerate(layout.signals))
        layout.limited = ranges, [(row, *quiet) for row, quiet in rows if quiet is not None]
    return {layout.signals[row] for row, low, high in layout.limited[1] if not low <= values[row] <= high}


def of_signals(
    keys: set[SignalKey], columns: ReadingColumns, times: Sequence[datetime], refused: Collection[int] = ()
) -> dict[SignalKey, list[tuple[datetime, float]]]:
    """Return the accepted readings of some signals of a batch, in its order; signals without one are left out."""
    rows: dict[SignalKey, list[tuple[datetime, float]]] = {}
    for index, key, at, value in zip(columns.item_index, columns.layout.signals, times, columns.value, strict=True):
        if key in keys and index not in refused:
            rows.setdefault(key, []).append((at, value))
    return rows


def _after(rule: AlarmRule, state: State, at: datetime, value: float) -> State:
    """Return the state that one reading leaves."""
    if rule.kind == "missing_data":
        return State(last_time=at)
    unmoved = state.unmoved
    if rule.kind == "flat_line":
        holds = unmoved is not None and abs(value - unmoved) <= rule.hysteresis
        if not holds:
            return State(last_time=at, since=at, unmoved=value)
    else:
        holds = _breaks(rule, value, is_raised=state.is_raised)
        if not holds:
            return State(last_time=at)
    since = state.since or at
    is_raised = state.is_raised or (at - since).total_seconds() >= rule.duration_s
    return State(last_time=at, since=since, unmoved=unmoved, is_raised=is_raised)


def _breaks(rule: AlarmRule, value: float, *, is_raised: bool) -> bool:
    """Tell whether a value breaks the limit or, once the alarm is raised, has not come back by the hysteresis."""
    limit = rule.limit or 0.0
    back = rule.hysteresis if is_raised else 0.0
    if rule.operator == ">=":
        return value >= limit - back
    if rule.operator == ">":
        return value > limit - back
    if rule.operator == "<=":
        return value <= limit + back
    return value < limit + back
