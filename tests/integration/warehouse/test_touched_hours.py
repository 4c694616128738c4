"""Which hours a load touches (D6): all whose figures may change, and no other."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse.load import load_site

T0 = datetime(2026, 3, 1, 6, tzinfo=UTC)
RECEIVED = datetime(2026, 3, 9, 12, 34, tzinfo=UTC)
RECEIVED_HOUR = RECEIVED.replace(minute=0)


def touches(engine: Engine) -> dict[datetime, int]:
    with engine.connect() as connection:
        rows = connection.execute(text("select hour, touch_count from raw.touched_hours"))
        return {hour: count for hour, count in rows}  # noqa: C416 - a row is no tuple to mypy


def hours(*offsets: int) -> dict[datetime, int]:
    return {T0 + timedelta(hours=offset): 1 for offset in offsets}


def load(engine: Engine, inbox: Any, kind: str, *items: dict[str, Any]) -> dict[datetime, int]:
    """Load one batch and return how often each event hour was touched by it."""
    before = touches(engine)
    inbox.add(kind, items, received_at=RECEIVED)
    load_site(engine, inbox, "demo")
    after = touches(engine)
    assert after[RECEIVED_HOUR] == before.get(RECEIVED_HOUR, 0) + 1, "data quality is reckoned by received hour"
    grown = {hour: count - before.get(hour, 0) for hour, count in after.items() if hour != RECEIVED_HOUR}
    return {hour: count for hour, count in grown.items() if count}


def at(minutes: float, **more: Any) -> dict[str, Any]:
    return {"event_time": T0 + timedelta(minutes=minutes), **more}


def test_readings_touch_the_hour_of_their_event(warehouse_engine: Engine, inbox: Any) -> None:
    items = [at(0, value=1.0), at(59.9, value=1.0), at(120, value=1.0)]
    assert load(warehouse_engine, inbox, "readings", *items) == hours(0, 2)


def test_duplicates_touch_no_event_hour_and_revisions_do(warehouse_engine: Engine, inbox: Any) -> None:
    load(warehouse_engine, inbox, "readings", at(0, value=1.0), at(60, value=1.0))
    assert load(warehouse_engine, inbox, "readings", at(0, value=1.0)) == {}
    assert load(warehouse_engine, inbox, "readings", at(0, value=1.0), at(60, value=2.0)) == hours(1)


@pytest.mark.parametrize(
    ("minute", "duration_s", "touched"),
    [
        (30, None, (0,)),
        (15, None, (0,)),
        (14, None, (-1, 0)),
        (45, None, (0,)),
        (46, None, (0, 1)),
        (30, 1800.0, (0,)),
        (30, 1800.001, (0, 1)),
        (30, 60.0, (0,)),
        (50, 60.0, (0, 1)),
        (0, 10800.0, (-1, 0, 1, 2)),
    ],
)
def test_events_touch_their_interval_and_the_one_before(
    minute: int, duration_s: float | None, touched: tuple[int, ...], warehouse_engine: Engine, inbox: Any
) -> None:
    """C12: an event ends the interval before it (15 minutes at most) and lasts itself, 15 minutes where not told."""
    assert load(warehouse_engine, inbox, "events", at(minute, duration_s=duration_s)) == hours(*touched)


def test_revised_event_touches_what_its_old_version_covered(warehouse_engine: Engine, inbox: Any) -> None:
    load(warehouse_engine, inbox, "events", at(30, duration_s=4 * 3600.0))
    assert load(warehouse_engine, inbox, "events", at(30, duration_s=60.0)) == hours(0, 1, 2, 3, 4)
    assert load(warehouse_engine, inbox, "events", at(30, duration_s=60.0)) == {}


def test_batch_without_items_touches_its_received_hour(warehouse_engine: Engine, inbox: Any) -> None:
    assert load(warehouse_engine, inbox, "readings") == {}


def received_hours(engine: Engine) -> dict[int, list[int]]:
    """By hour from T0 on, in which hours was received what waits in it, from RECEIVED_HOUR on."""
    with engine.connect() as connection:
        rows = connection.execute(
            text("select hour, received_hours from raw.touched_hours where hour < :received_hour"),
            {"received_hour": RECEIVED_HOUR},
        ).all()
    an_hour = timedelta(hours=1)
    return {(hour - T0) // an_hour: [(each - RECEIVED_HOUR) // an_hour for each in those] for hour, those in rows}


@pytest.mark.parametrize("kind", ["readings", "events"])
def test_hours_remember_in_which_hours_was_received_what_changed_them(
    kind: str, warehouse_engine: Engine, inbox: Any
) -> None:
    """C47: by these a batch about an hour long ago is held to its rates. One page has both batches."""
    what = {"value": 1.0} if kind == "readings" else {"duration_s": 60.0}
    inbox.add(kind, [at(30, **what), at(90, **what)], received_at=RECEIVED)
    inbox.add(kind, [at(90, **what), at(150, **what)], received_at=RECEIVED + timedelta(hours=2))
    load_site(warehouse_engine, inbox, "demo")
    assert received_hours(warehouse_engine) == {0: [0], 1: [0], 2: [2]}
    # A revision comes by its own hour of receipt, whatever it replaces; a repetition changes nothing.
    other = {name: value + 1 for name, value in what.items()}
    inbox.add(kind, [at(30, **what), at(90, **other)], received_at=RECEIVED + timedelta(hours=5))
    load_site(warehouse_engine, inbox, "demo")
    assert received_hours(warehouse_engine) == {0: [0], 1: [0, 5], 2: [2]}


def test_an_hour_of_receipt_is_held_to_what_was_received_in_it(warehouse_engine: Engine, inbox: Any) -> None:
    """Whether or not any of it was accepted: its figures of ingest quality wait for the same judgement."""
    load(warehouse_engine, inbox, "readings")
    with warehouse_engine.connect() as connection:
        assert connection.scalar(text("select received_hours from raw.touched_hours")) == [RECEIVED_HOUR]
