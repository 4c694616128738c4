"""Layouts that recur are recognized, bounded, and change nothing about what is found."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ingestion_api.columns import ReadingColumns, of_readings
from ingestion_api.contract import Reading
from ingestion_api.formats.parsed import ParsedBody
from ingestion_api.judge import judge
from ingestion_api.known_codes import KnownCodes
from ingestion_api.layout import Layout, Layouts
from ingestion_api.rules import Circumstances

NOW = datetime(2026, 2, 6, 10, 30, tzinfo=UTC)
ROWS = 40


def layout(first: str = "pump-1", rows: int = ROWS, middle: str = "pump-1") -> Layout:
    return Layout([first, *[middle] * (rows - 2), "pump-1"], ["flow"] * rows, [None] * rows)


def columns(codes: list[str], unit_code: str | None = "m3/h", value: float = 1.0) -> ReadingColumns:
    items = [Reading(equipment_code=code, metric="flow", value=value, unit_code=unit_code) for code in codes]
    return of_readings(range(len(items)), items)


def body(readings: ReadingColumns) -> ParsedBody:
    return ParsedBody(readings, (), len(readings.value), originals=tuple)


def test_an_equal_layout_is_known_again() -> None:
    layouts = Layouts()
    first = layouts.known("a", layout())
    assert not first.is_recurring
    assert layouts.known("a", layout()) is first
    assert first.is_recurring


def test_layouts_of_other_sites_and_of_other_rows_are_others() -> None:
    """Also where only rows in the middle differ."""
    layouts = Layouts()
    first = layouts.known("a", layout())
    for site_code, other in (("b", layout()), ("a", layout(rows=ROWS + 1)), ("a", layout(middle="pump-2"))):
        assert layouts.known(site_code, other) is other
    assert not first.is_recurring


def test_few_rows_are_not_looked_up() -> None:
    layouts = Layouts()
    layouts.known("a", layout(rows=3))
    again = layout(rows=3)
    assert layouts.known("a", again) is again


def test_memory_is_bounded() -> None:
    layouts = Layouts()
    kept = layouts.known("a", layout("kept"))
    for number in range(1_000):
        layouts.known("a", layout(f"pump-{number}"))
        assert layouts.known("a", layout("kept")) is kept
    assert len(layouts._layouts) <= 64


CODES = st.lists(st.sampled_from(["pump-1", "pump-2", "unknown", "", "x" * 201, "nul\0"]), min_size=32, max_size=40)


@given(CODES, st.sampled_from(["m3/h", "bar", None]), st.floats())
def test_what_recurs_is_judged_as_if_it_were_new(codes: list[str], unit_code: str | None, value: float) -> None:
    known = KnownCodes(is_site_registered=True, equipment={"pump-1", "pump-2"})
    known.learn("signals", "pump-1/flow", "m3/h", change_seq=1)
    layouts = Layouts()
    for _ in range(2):
        again = columns(codes, unit_code)
        again.share(layouts.known("a", again.layout))
        judge(body(again), Circumstances(NOW, known))
    again = columns(codes, unit_code, value)
    again.share(layouts.known("a", again.layout))
    assert again.layout.is_recurring
    assert judge(body(again), Circumstances(NOW, known)) == judge(
        body(columns(codes, unit_code, value)), Circumstances(NOW, known)
    )


def test_a_change_of_the_registry_is_seen() -> None:
    known = KnownCodes(is_site_registered=True, equipment={"pump-1"})
    known.learn("signals", "pump-1/flow", "m3/h", change_seq=1)
    layouts = Layouts()

    def refused() -> list[Any]:
        again = columns(["pump-1"] * ROWS)
        again.share(layouts.known("a", again.layout))
        return judge(body(again), Circumstances(NOW, known)).refused

    assert refused() == refused() == []
    known.learn("signals", "pump-1/flow", "l/min", change_seq=2)
    assert {refusal.reason_code for refusal in refused()} == {"unit_mismatch"}


TIMES = st.lists(st.one_of(st.none(), st.integers(-9, 9)), min_size=1, max_size=6)


@given(TIMES)
def test_order_is_told_by_times(seconds: list[int | None]) -> None:
    items = [
        Reading(
            equipment_code="pump-1",
            metric="flow",
            value=1.0,
            event_time=None if second is None else NOW + timedelta(seconds=second),
        )
        for second in seconds
    ]
    given_times = [second for second in seconds if second is not None]
    assert of_readings(range(len(items)), items).is_in_order == (
        len(given_times) == len(seconds) and given_times == sorted(given_times)
    )
