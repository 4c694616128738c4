"""What makes an item believable: named rules as data, each with its reason code. Pure; no bytes, no database.

A rule reads whole columns, because one look at 1,000 values costs less than 1,000 calls. The first rule that an item
breaks, in the order below, is its reason.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion_api.columns import Columns, EventColumns, ReadingColumns
from ingestion_api.contract import ReasonCode
from ingestion_api.known_codes import KnownCodes

MAX_TEXT = 200
MAX_SHOWN = 25
MAX_AHEAD = timedelta(minutes=5)
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
MAX_DURATION_S = 86_400
MAX_UNITS = 10**9


@dataclass(frozen=True)
class Circumstances:
    """What an item is judged against, besides itself."""

    received_at: datetime
    known: KnownCodes


Finding = tuple[int, str]
"""A row of the columns, and the sentence that says what is wrong with it."""


@dataclass(frozen=True)
class Rule:
    """One reason to quarantine an item. `find` returns the rows that break it, in order.

    Attributes:
        is_of_layout: Whether, of readings, only their layout counts, and one that passed once passes always.
    """

    name: str
    reason_code: ReasonCode
    find: Callable[[Any, Circumstances], list[Finding]]
    is_of_layout: bool = False


def find_broken(columns: Columns, circumstances: Circumstances) -> dict[int, tuple[ReasonCode, str]]:
    """Judge all rows.

    Returns:
        Row: reason code and sentence, for the rows that break a rule.
    """
    broken: dict[int, tuple[ReasonCode, str]] = {}
    is_reading = isinstance(columns, ReadingColumns)
    passed = columns.layout.passed if isinstance(columns, ReadingColumns) else set()
    for rule in READING_RULES if is_reading else EVENT_RULES:
        if rule.name in passed:
            continue
        findings = rule.find(columns, circumstances)
        if rule.is_of_layout and not findings:
            passed.add(rule.name)
        for row, sentence in findings:
            broken.setdefault(row, (rule.reason_code, sentence))
    return broken


def _rows(column: Sequence[Any], values: Iterable[Any], sentence: Callable[[Any], str]) -> list[Finding]:
    """Find the rows that hold one of the given values."""
    wrong = set(values)
    return [(row, sentence(value)) for row, value in enumerate(column) if value in wrong] if wrong else []


def _given(*names: str) -> Callable[[Columns, Circumstances], list[Finding]]:
    def find(columns: Columns, _: Circumstances) -> list[Finding]:
        return [
            (row, f"{name} is empty")
            for name in names
            if "" in getattr(columns, name)
            for row, value in enumerate(getattr(columns, name))
            if value == ""
        ]

    return find


def _short(*names: str) -> Callable[[Columns, Circumstances], list[Finding]]:
    def find(columns: Columns, _: Circumstances) -> list[Finding]:
        findings: list[Finding] = []
        for name in names:
            column = getattr(columns, name)
            too_long = (value for value in set(column) if value is not None and len(value) > MAX_TEXT)
            findings += _rows(column, too_long, _too_long(name))
        return findings

    return find


def _too_long(name: str) -> Callable[[str], str]:
    return lambda value: f"{name} has {len(value)} characters; at most {MAX_TEXT} are stored"


def _storable(*names: str) -> Callable[[Columns, Circumstances], list[Finding]]:
    def find(columns: Columns, _: Circumstances) -> list[Finding]:
        findings: list[Finding] = []
        for name in names:
            column = getattr(columns, name)
            bad = (value for value in set(column) if value is not None and not _is_storable(value))
            findings += _rows(column, bad, _not_storable(name))
        return findings

    return find


def _is_storable(value: str) -> bool:
    """PostgreSQL's text holds neither NUL nor half of a surrogate pair."""
    if "\x00" in value:
        return False
    return value.isascii() or not any("\ud800" <= character <= "\udfff" for character in value)


def _not_storable(name: str) -> Callable[[str], str]:
    return lambda _: f"{name} holds a NUL character or half of a surrogate pair"


def _finite(columns: ReadingColumns, _: Circumstances) -> list[Finding]:
    # A sum is finite only if every term is: one call instead of one per value.
    if math.isfinite(sum(columns.value)):
        return []
    return [
        (row, f"value is {value}; a finite number is needed")
        for row, value in enumerate(columns.value)
        if not math.isfinite(value)
    ]


def _within(name: str, low: float, high: float) -> Callable[[Columns, Circumstances], list[Finding]]:
    def find(columns: Columns, _: Circumstances) -> list[Finding]:
        column = getattr(columns, name)
        # Few values differ, as a rule: most readings are of quality 1.
        wrong = {value for value in set(column) if value is not None and not low <= value <= high}  # also true of NaN
        return [
            (row, f"{name} is {_shown(value)}; it must be from {low} to {high}")
            for row, value in enumerate(column if wrong else ())
            if value is not None and not low <= value <= high
        ]

    return find


def _shown(value: float) -> str:
    shown = str(value)  # an integer may have thousands of digits
    return shown if len(shown) <= MAX_SHOWN else f"{shown[:MAX_SHOWN]}…"


def _times(columns: Columns) -> Iterable[datetime]:
    """Return times among which are the oldest and the newest."""
    times = columns.event_time
    if isinstance(columns, ReadingColumns) and columns.is_in_order:
        times = [times[0], times[-1]]
    return (time for time in times if time is not None)


def _not_ahead(columns: Columns, circumstances: Circumstances) -> list[Finding]:
    latest = circumstances.received_at + MAX_AHEAD
    if max(_times(columns), default=latest) <= latest:
        return []
    return [
        (row, f"event_time {time.isoformat()} is more than 5 minutes ahead of {circumstances.received_at.isoformat()}")
        for row, time in enumerate(columns.event_time)
        if time is not None and time > latest
    ]


def _not_ancient(columns: Columns, _: Circumstances) -> list[Finding]:
    if min(_times(columns), default=EARLIEST) >= EARLIEST:
        return []
    return [
        (row, f"event_time {time.isoformat()} is before 1990-01-01, so the device's clock was not set")
        for row, time in enumerate(columns.event_time)
        if time is not None and time < EARLIEST
    ]


def _registered(name: str, entity: str, path: str) -> Callable[[Columns, Circumstances], list[Finding]]:
    def find(columns: Columns, circumstances: Circumstances) -> list[Finding]:
        column = getattr(columns, name)
        unknown = set(column) - getattr(circumstances.known, entity) - {None}
        return _rows(column, unknown, _unknown(name, path))

    return find


def _unknown(name: str, path: str) -> Callable[[str], str]:
    return lambda value: f"{name} {value!r} is not registered: PUT /api/v1/{path}/…, then release the item"


def _has_place(columns: EventColumns, _: Circumstances) -> list[Finding]:
    if "down" not in columns.event_type:
        return []
    return [
        (row, "work_unit_code is missing; down is the state of a work unit")
        for row, event_type in enumerate(columns.event_type)
        if event_type == "down" and columns.work_unit_code[row] is None
    ]


READING_TEXTS = ("equipment_code", "metric", "unit_code")
READING_RULES: tuple[Rule, ...] = (
    Rule("codes are given", "malformed_item", _given("equipment_code", "metric"), is_of_layout=True),
    Rule("texts are short", "text_too_long", _short(*READING_TEXTS), is_of_layout=True),
    Rule("texts can be stored", "text_not_storable", _storable(*READING_TEXTS), is_of_layout=True),
    Rule("value is finite", "value_not_finite", _finite),
    Rule("quality is a ratio", "quality_out_of_range", _within("quality", 0, 1)),
    Rule("event time is not ahead of us", "event_time_in_future", _not_ahead),
    Rule("event time is of this age", "event_time_out_of_range", _not_ancient),
    Rule(
        "equipment is registered",
        "unknown_equipment",
        _registered("equipment_code", "equipment", "equipment"),
        is_of_layout=True,  # the registry only grows
    ),
)
EVENT_TEXTS = ("source_code", "work_unit_code", "worker_code")
EVENT_RULES: tuple[Rule, ...] = (
    Rule("source is given", "malformed_item", _given("source_code")),
    Rule("a down names its work unit", "malformed_item", _has_place),
    Rule("texts are short", "text_too_long", _short(*EVENT_TEXTS)),
    Rule("texts can be stored", "text_not_storable", _storable(*EVENT_TEXTS)),
    # No gate at 0.7: it would hide the very drift that confidence is watched for (C8).
    Rule("confidence is a ratio", "confidence_out_of_range", _within("confidence", 0, 1)),
    Rule("duration fits a day", "duration_out_of_range", _within("duration_s", 0, MAX_DURATION_S)),
    Rule("units are countable", "units_out_of_range", _within("units_produced", 0, MAX_UNITS)),
    Rule("event time is not ahead of us", "event_time_in_future", _not_ahead),
    Rule("event time is of this age", "event_time_out_of_range", _not_ancient),
    Rule("work unit is registered", "unknown_work_unit", _registered("work_unit_code", "work_units", "work-units")),
    Rule("worker is registered", "unknown_worker", _registered("worker_code", "workers", "workers")),
)
