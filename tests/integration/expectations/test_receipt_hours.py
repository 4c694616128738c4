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
NEXT = HOUR + AN_HOUR
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)

Validate = Callable[..., dict[str, Any]]


@pytest.fixture
def two_hours(plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine) -> None:
    """Two bad items of the first fifteen of the second hour hold it, and the first. The day is good."""
    plant.batch(10_000, received_at=HOUR - 3 * AN_HOUR)
    plant.batch(15, quarantined_count=2, received_at=NEXT)
    touch(0, 1)
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
    """Its run looks at the first hour only. Then the hour is held with the new row, and pending for nobody."""
    plant.readings([50.0], start=HOUR)
    touch(0, minute=1)
    # Half of an hour is not judged.
    validate(HOUR, HOUR + AN_HOUR / 2)
    assert pending(warehouse_engine) == [HourRange(HOUR, NEXT)]
    assert validate(HOUR, NEXT)["invalid_rate_is_low"].is_success
    assert held(warehouse_engine) == [HOUR, NEXT]
    assert pending(warehouse_engine) == []


@pytest.mark.usefixtures("two_hours")
def test_an_hour_of_receipt_that_passes_lets_all_go_that_it_held(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """A minute later a thousand good items come, all about the second hour: nobody looks at the first one again."""
    plant.batch(1_000, received_at=NEXT + timedelta(minutes=1))
    touch(1, minute=1)
    # Of the hour of receipt this sees a part.
    validate(HOUR, NEXT + AN_HOUR / 2)
    assert held(warehouse_engine) == [HOUR, NEXT]
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
