"""What a validation holds back and lets go, as the ledger of touched hours then tells it."""

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import IntegrityError

from expectations.errors import NothingHeld, ReleaseInvalid, WindowInvalid
from expectations.holds import open_holds, release
from expectations.validate import validate_window
from tests.integration.expectations.held import AN_HOUR, HOUR, ONE, Validate, bad_readings, held, outcomes
from warehouse import ledger
from warehouse.engine import create_engine
from warehouse.ledger import HourRange
from warehouse.roles import EXPECTATIONS, LOADER


def test_a_held_hour_is_pending_for_nobody_until_newer_rows_come(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """S0-059. Nor does a run settle it whose snapshot is older than the hold."""
    bad_readings(plant)
    touch(0, 1)
    touch(0, 1, site="other")
    before = ledger.seen(warehouse_engine, "rolled_up", HOUR, HOUR + 2 * AN_HOUR)
    validate(HOUR, HOUR + 2 * AN_HOUR)
    assert held(warehouse_engine) == [(0, "values_are_present")]
    assert [str(line) for line in ledger.held(warehouse_engine)] == [
        "1 hour of site demo from 2026-03-02 09:00 held back by values_are_present"
    ]
    after = ledger.seen(warehouse_engine, "rolled_up", HOUR, HOUR + 2 * AN_HOUR)
    assert set(zip(before.site_codes, before.hours, strict=True)) - set(
        zip(after.site_codes, after.hours, strict=True)
    ) == {("demo", HOUR)}

    ledger.settle(warehouse_engine, "rolled_up", before)
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []


def test_the_local_dates_of_a_held_hour_wait_at_its_site(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """Nine in UTC is the evening of the same date in Auckland, which ends at eleven UTC."""
    plant.register("sites", "demo", name="Demo", time_zone="Pacific/Auckland")
    bad_readings(plant)
    touch(-1, 0, 1, 2, 20)
    touch(0, site="other")
    validate()
    ledger.settle(
        warehouse_engine, "rolled_up", ledger.seen(warehouse_engine, "rolled_up", HOUR - AN_HOUR, HOUR + 21 * AN_HOUR)
    )
    waiting = ledger.seen(warehouse_engine, "summarized", HOUR - AN_HOUR, HOUR + 21 * AN_HOUR)
    numbers = [(hour - HOUR) // AN_HOUR for hour in waiting.hours]
    assert list(zip(waiting.site_codes, numbers, strict=True)) == [("demo", 2), ("demo", 20), ("other", 0)]
    with warehouse_engine.connect() as connection:
        dates = connection.execute(text("select first_date, last_date from ops.held_hours")).one()
    assert tuple(dates) == (date(2026, 3, 2), date(2026, 3, 2))


def test_events_hold_the_hours_that_they_reach_into(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """C12: the first ends the state before it, at ten to nine; the last lasts until half past eleven."""
    plant.events({"confidence": 1.5, "duration_s": 9_000})
    touch(-1, 0, 1, 2, 3)
    validate()
    assert held(warehouse_engine) == [(number, "confidences_are_ratios") for number in (-1, 0, 1, 2)]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == [HourRange(HOUR + 3 * AN_HOUR, HOUR + 4 * AN_HOUR)]
    release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == [HourRange(HOUR - AN_HOUR, HOUR + 4 * AN_HOUR)]


def test_a_neighbour_that_is_held_with_an_hour_lets_both_go(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """All messages count the neighbours as held, so their hours are what a person names."""
    plant.events({"confidence": 1.5, "duration_s": 9_000})
    touch(-1, 0, 1, 2)
    validate()
    with pytest.raises(NothingHeld):
        release(warehouse_engine, "demo", HOUR + 3 * AN_HOUR, HOUR + 4 * AN_HOUR, by="Ada", reason="known")
    # The second is bad by itself too: it stays, and nothing of it is said to be let go.
    plant.readings([float("nan")], start=HOUR + AN_HOUR)
    validate(HOUR + AN_HOUR, HOUR + 2 * AN_HOUR, suites=["readings"])
    hours = release(warehouse_engine, "demo", HOUR - AN_HOUR, HOUR, by="Ada", reason="known")
    assert hours == [HOUR - AN_HOUR, HOUR, HOUR + 2 * AN_HOUR]
    assert held(warehouse_engine) == [(1, "values_are_present")]


def test_a_source_that_is_refused_too_much_holds_its_site(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """S0-064, S0-065, C48. What is released is not held again by what nobody can mend, such as items refused."""
    plant.batch(100, quarantined_count=10, duplicate_count=5, received_at=HOUR + AN_HOUR)
    touch(0, 1, received=[1])
    window = (HOUR, HOUR + 2 * AN_HOUR)
    validate(*window)
    both = ("duplicate_rate_is_low", "invalid_rate_is_low")
    assert held(warehouse_engine) == [(number, name) for number in (0, 1) for name in both]
    # Nor is it let go by whoever looks at the first hour alone.
    validate(HOUR, HOUR + AN_HOUR)
    assert len(held(warehouse_engine)) == 4

    assert release(warehouse_engine, "demo", *window, by=" Ada ", reason="a test rig") == [HOUR, HOUR + AN_HOUR]
    results = validate(*window)
    assert not results["invalid_rate_is_low"].is_success
    assert held(warehouse_engine) == []
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == [HourRange(*window)]
    assert {by for _, by in outcomes(warehouse_engine)} == {"Ada"}


def test_a_hold_ends_where_the_same_rows_pass(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """As after a change of a limit: the hour is rolled up once more, though nothing was loaded."""
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    plant.readings([90.0])
    touch(0)
    # Fewer than 20 readings: one bad one is forgiven, two are not.
    plant.readings([91.0, 92.0], start=HOUR + AN_HOUR / 2)
    validate()
    assert held(warehouse_engine) == [(0, "values_are_within_registered_limits")]
    validate(HOUR, HOUR + AN_HOUR, suites=["events", "ledger"])
    validate(HOUR + AN_HOUR / 4, HOUR + AN_HOUR)
    assert len(held(warehouse_engine)) == 1

    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=100)
    validate()
    assert held(warehouse_engine) == []
    assert outcomes(warehouse_engine) == [("values_are_within_registered_limits", "validation")]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == ONE
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    validate()
    assert len(held(warehouse_engine)) == 1


def test_what_is_loaded_anew_and_fails_is_held_on_and_what_was_released_is_held_again(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """An hour into which bad rows keep coming is one hold, not one a load."""
    bad_readings(plant)
    for minute in range(3):
        touch(0, minute=minute)
        assert len(held(warehouse_engine)) == min(minute, 1)
        validate()
        assert len(held(warehouse_engine)) == 1
    assert outcomes(warehouse_engine) == [("values_are_present", None)]
    (hold,) = open_holds(warehouse_engine)
    assert (hold.site_code, hold.hour, hold.observed["subjects"]) == ("demo", HOUR, ["P1"])

    release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    validate()
    assert held(warehouse_engine) == []
    touch(0, minute=4)
    validate()
    assert outcomes(warehouse_engine) == [("values_are_present", "Ada"), ("values_are_present", None)]


def test_new_scores_neither_let_a_held_hour_go_nor_hold_a_released_one_again(
    plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    bad_readings(plant)
    touch(0)
    validate()
    ledger.reopen(warehouse_engine, HOUR, HOUR + AN_HOUR)
    assert len(held(warehouse_engine)) == 1
    release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    ledger.reopen(warehouse_engine, HOUR, HOUR + AN_HOUR)
    validate()
    assert held(warehouse_engine) == []


def test_an_hour_that_the_ledger_does_not_know_cannot_be_held(plant: Any, validate: Validate) -> None:
    """Then the run must not go on: its result says so."""
    bad_readings(plant)
    assert validate()["values_are_present"].unheld == (HOUR,)


def test_what_is_no_release_is_refused(plant: Any, touch: Any, validate: Validate, warehouse_engine: Engine) -> None:
    bad_readings(plant)
    touch(0)
    validate()
    hour = (HOUR, HOUR + AN_HOUR)
    with pytest.raises(NothingHeld, match="hours are held of demo"):
        release(warehouse_engine, "other", *hour, by="Ada", reason="known")
    with pytest.raises(NothingHeld, match="no hour of site 'demo'"):
        release(warehouse_engine, "demo", HOUR + AN_HOUR, HOUR + 2 * AN_HOUR, by="Ada", reason="known")
    with pytest.raises(ReleaseInvalid, match="needs a name"):
        release(warehouse_engine, "demo", *hour, by="", reason="known")
    with pytest.raises(ReleaseInvalid, match="needs a reason"):
        release(warehouse_engine, "demo", *hour, by="Ada", reason=" ")
    with pytest.raises(ReleaseInvalid, match="name of a person"):
        release(warehouse_engine, "demo", *hour, by="validation", reason="known")
    with pytest.raises(WindowInvalid):
        release(warehouse_engine, "demo", HOUR, HOUR, by="Ada", reason="known")
    assert len(open_holds(warehouse_engine)) == 1
    with warehouse_engine.begin() as connection, pytest.raises(IntegrityError, match="released_for_a_reason"):
        connection.execute(text("update ops.holds set released_at = now(), released_by = 'nobody'"))


def test_holds_and_releases_by_its_own_login(
    warehouse_url: str, as_role: Callable[[str, str], str], plant: Any, touch: Any, tmp_path: Path
) -> None:
    """DESIGN 4: who validates holds and releases; who runs the sensors sees what waits."""
    bad_readings(plant)
    touch(0)
    own = as_role(EXPECTATIONS, warehouse_url)
    validate_window(own, HOUR, HOUR + AN_HOUR, docs_dir=tmp_path)
    loader, engine = create_engine(as_role(LOADER, warehouse_url)), create_engine(own)
    assert [line.hour_count for line in ledger.held(loader)] == [1]
    release(engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    assert ledger.pending_ranges(loader, "rolled_up") == ONE
    loader.dispose()
    engine.dispose()
