"""What hours of receipt hold back: hours that are judged by other windows than what holds them (C47, C48)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse import ledger
from warehouse.ledger import HourRange

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
NEXT = HOUR + AN_HOUR
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)

Validate = Callable[..., dict[str, Any]]


@pytest.fixture
def two_hours(plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine) -> None:
    """Two bad items of the first fifteen of the second hour hold it, and the first. The day is good."""
    plant.batch(10_000, received_at=HOUR - 3 * AN_HOUR)
    plant.batch(15, quarantined_count=2, received_at=NEXT)
    touch(0, 1, received=[1])
    validate(HOUR, NEXT + AN_HOUR)
    assert held(warehouse_engine) == [HOUR, NEXT]


def held(engine: Engine) -> list[datetime]:
    with engine.connect() as connection:
        return list(connection.scalars(text("select hour from ops.holds where released_at is null order by hour")))


def pending(engine: Engine) -> list[HourRange]:
    return ledger.pending_ranges(engine, "rolled_up")


@pytest.mark.usefixtures("two_hours")
def test_rows_of_a_held_hour_say_nothing_of_what_was_refused_in_another(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """Its run looks at the first hour and at both of receipt. It is held with the new row, and pending for nobody."""
    plant.readings([50.0], start=HOUR)
    touch(0, minute=1)
    # Half of an hour is not judged.
    validate(HOUR, HOUR + AN_HOUR / 2)
    assert pending(warehouse_engine) == [HourRange(HOUR, NEXT)]
    assert not validate(HOUR, NEXT)["invalid_rate_is_low"].is_success
    assert held(warehouse_engine) == [HOUR, NEXT]
    assert pending(warehouse_engine) == []


@pytest.mark.usefixtures("two_hours")
def test_an_hour_of_receipt_that_passes_lets_all_go_that_it_held(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """A minute later a thousand good items come, all about the second hour: nobody looks at the first one again."""
    plant.batch(1_000, received_at=NEXT + timedelta(minutes=1))
    touch(1, minute=1)
    validate(NEXT, NEXT + AN_HOUR)
    assert held(warehouse_engine) == []
    assert pending(warehouse_engine) == [HourRange(HOUR, NEXT + AN_HOUR)]


@pytest.mark.usefixtures("two_hours")
def test_an_hour_that_two_hours_of_receipt_hold_waits_for_both(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    plant.batch(100, quarantined_count=50, received_at=HOUR)
    touch(0, minute=1)
    validate(HOUR, NEXT)
    plant.batch(1_000, received_at=HOUR)
    validate(HOUR, NEXT)
    assert held(warehouse_engine) == [HOUR, NEXT]
    plant.batch(1_000, received_at=NEXT)
    validate(NEXT, NEXT + AN_HOUR)
    assert held(warehouse_engine) == []


def test_a_batch_that_comes_a_day_later_holds_the_hours_that_it_changes(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """C47: nine of ten items were refused; what is left of it must not change an hour of yesterday."""
    plant.batch(10_000, received_at=HOUR)
    plant.batch(100, quarantined_count=90, received_at=HOUR + DAY)
    touch(0, 3, received=[24])
    touch(1, 2)
    results = validate(HOUR, HOUR + 4 * AN_HOUR)
    assert not results["invalid_rate_is_low"].is_success
    assert held(warehouse_engine) == [HOUR, HOUR + 3 * AN_HOUR]
    # Enough comes for its hour of receipt, and its day, to pass: whoever looks at one of the hours lets both go.
    plant.batch(1_000, received_at=HOUR + DAY + timedelta(minutes=1))
    validate(HOUR, NEXT)
    assert held(warehouse_engine) == []
    assert pending(warehouse_engine) == [HourRange(HOUR, HOUR + 4 * AN_HOUR)]


def test_an_hour_of_receipt_that_holds_nothing_here_is_not_looked_at(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """Of another site, of another day, or of hours that are rolled up."""
    plant.batch(100, quarantined_count=90, received_at=HOUR + DAY)
    plant.batch(100, received_at=HOUR + 2 * DAY)
    touch(0)
    touch(0, site="other", received=[24])
    touch(0, received=[48], minute=1)
    touch(1, received=[24])
    before = ledger.seen(warehouse_engine, "rolled_up", NEXT, NEXT + AN_HOUR)
    ledger.settle(warehouse_engine, "rolled_up", before)
    assert validate(HOUR, NEXT + AN_HOUR)["invalid_rate_is_low"].is_success
    assert held(warehouse_engine) == []


@pytest.mark.parametrize(("zone", "is_same_day"), [("UTC", False), ("America/Los_Angeles", True)])
def test_the_day_of_receipt_holds_by_the_calendar_of_the_site(
    zone: str, is_same_day: bool, plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """C48: the hour of receipt is good, its day is not. In UTC midnight lies between, there it is four o'clock."""
    plant.register("sites", "demo", name="Demo", time_zone=zone)
    evening = HOUR.replace(day=4, hour=23)
    plant.batch(1_000, quarantined_count=900, received_at=evening)
    plant.batch(100, received_at=evening + AN_HOUR)
    touch(0, received=[(evening + AN_HOUR - HOUR) // AN_HOUR])
    assert validate()["invalid_rate_is_low"].is_success is not is_same_day
    assert bool(held(warehouse_engine)) is is_same_day


@pytest.mark.parametrize(("quarantined_count", "is_by_its_hour"), [(90, True), (5, False)])
def test_midnight_within_an_hour_of_receipt_hides_nothing(
    quarantined_count: int, is_by_its_hour: bool, plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """In Kolkata the day begins at half past six in the evening, UTC: the batch came after it, its hour before."""
    plant.register("sites", "demo", name="Demo", time_zone="Asia/Kolkata")
    evening = HOUR.replace(day=4, hour=18)
    plant.batch(100, quarantined_count=quarantined_count, received_at=evening + timedelta(minutes=45))
    if not is_by_its_hour:
        plant.batch(1_000, quarantined_count=900, received_at=evening + 5 * AN_HOUR)
    touch(0, received=[(evening - HOUR) // AN_HOUR])
    validate()
    assert held(warehouse_engine) == [HOUR]


def test_a_day_of_an_old_time_zone_holds_nothing_any_more(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """No day begins when it did: the hour waits for that of the new calendar instead."""
    afternoon = HOUR.replace(day=3, hour=15)
    plant.batch(1_000, quarantined_count=900, received_at=afternoon)
    plant.batch(100, received_at=afternoon + AN_HOUR)
    received = [(afternoon + AN_HOUR - HOUR) // AN_HOUR]
    touch(0, received=received)
    validate()
    plant.register("sites", "demo", name="Demo", time_zone="Europe/Berlin")
    touch(0, received=received, minute=1)
    validate()
    assert held(warehouse_engine) == [HOUR]
    plant.batch(10_000, received_at=afternoon + AN_HOUR)
    validate()
    assert held(warehouse_engine) == []
