"""What tests of holds share: hours by number, and what is held of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from warehouse.ledger import HourRange

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)
AN_HOUR = timedelta(hours=1)
T0 = datetime(2026, 3, 2, 12, tzinfo=UTC)
ONE = [HourRange(HOUR, HOUR + AN_HOUR)]

Validate = Callable[..., dict[str, Any]]


def held(engine: Engine) -> list[tuple[int, str]]:
    """Numbers of held hours, and why."""
    query = text("select hour, expectation from ops.held_hours order by hour, expectation")
    with engine.connect() as connection:
        return [((hour - HOUR) // AN_HOUR, name) for hour, name in connection.execute(query)]


def outcomes(engine: Engine) -> list[tuple[str, str | None]]:
    query = text("select expectation, released_by from ops.holds order by hold_id")
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]  # type: ignore[misc]


def bad_readings(plant: Any, minute: int = 0) -> None:
    plant.readings([float("nan")], start=HOUR + timedelta(minutes=minute))
