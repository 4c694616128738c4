"""A validation that looked earlier and is done later changes nothing about what a newer one has judged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine

from expectations import data_docs, results, thresholds
from expectations.evaluate import close_datasource, evaluate, open_datasource
from expectations.holds import release
from expectations.look import look
from expectations.suites import SUITES
from expectations.window import Window
from tests.integration.expectations.held import AN_HOUR, HOUR, Validate, bad_readings, held, outcomes
from warehouse import ledger


@contextmanager
def slow_validation(url: str, engine: Engine, suite: str, hours: int = 1) -> Iterator[None]:
    """Judges hours from HOUR on as they are, and stores what came of it after everything else that happens."""
    window, limits = Window(HOUR, HOUR + hours * AN_HOUR), thresholds.read()
    seen = look(engine, window)
    context = data_docs.open_context(limits)
    datasource = open_datasource(context, url)
    found = evaluate(context, datasource, SUITES[suite], limits, window)
    close_datasource(datasource)
    yield
    results.record(engine, window, [suite], found, seen, "slow")


def test_an_older_validation_lets_nothing_go_that_a_newer_one_held(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    plant.readings([20.0])
    touch(0)
    with slow_validation(warehouse_url, warehouse_engine, "readings"):
        bad_readings(plant, minute=1)
        touch(0, minute=1)
        validate()
    assert held(warehouse_engine) == [(0, "values_are_present")]
    assert outcomes(warehouse_engine) == [("values_are_present", None)]


def test_an_older_validation_lets_no_day_pass_that_a_newer_one_failed(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """It looked at the first hour only, and thereby at the day, of which the newer one held the third."""
    plant.batch(100)
    touch(0, 2)
    with slow_validation(warehouse_url, warehouse_engine, "ledger"):
        plant.batch(100, quarantined_count=50, received_at=HOUR + AN_HOUR)
        validate(HOUR + 2 * AN_HOUR, HOUR + 3 * AN_HOUR)
        assert held(warehouse_engine) == [(2, "invalid_rate_is_low")]
    assert held(warehouse_engine) == [(2, "invalid_rate_is_low")]


def test_an_older_validation_does_not_put_its_rows_in_the_place_of_newer_ones(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """A hold of older rows would have the hour judged for ever."""
    bad_readings(plant)
    touch(0)
    with slow_validation(warehouse_url, warehouse_engine, "readings"):
        touch(0, minute=1)
        validate()
    assert held(warehouse_engine) == [(0, "values_are_present")]
    assert ledger.pending_ranges(warehouse_engine, "rolled_up") == []


def test_an_older_validation_holds_only_what_no_newer_one_has_passed(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """As after a change of a limit: the newer one, of the first hour, had other limits for the same rows."""
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=80)
    for hour in (HOUR, HOUR + AN_HOUR):
        plant.readings([90.0, 91.0, 92.0], start=hour)
    touch(0, 1)
    with slow_validation(warehouse_url, warehouse_engine, "readings", hours=2):
        plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=100)
        validate()
    assert held(warehouse_engine) == [(1, "values_are_within_registered_limits")]


def test_an_older_validation_does_not_hold_what_a_person_has_let_go(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    bad_readings(plant)
    touch(0)
    validate()
    with slow_validation(warehouse_url, warehouse_engine, "readings"):
        release(warehouse_engine, "demo", HOUR, HOUR + AN_HOUR, by="Ada", reason="known")
    assert outcomes(warehouse_engine) == [("values_are_present", "Ada")]


def test_an_older_validation_neither_holds_nor_lets_go_by_hours_of_receipt_that_a_newer_one_has_judged(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """They lie a day after the window of either."""
    later = HOUR + timedelta(days=1)
    plant.batch(100, quarantined_count=50, received_at=later)
    touch(0, received=[24])
    with slow_validation(warehouse_url, warehouse_engine, "ledger"):
        plant.batch(1_000, received_at=later)
        validate()
    assert held(warehouse_engine) == []
    with slow_validation(warehouse_url, warehouse_engine, "ledger"):
        plant.batch(1_000, quarantined_count=900, received_at=later)
        validate()
    assert held(warehouse_engine) == [(0, "invalid_rate_is_low")]


def test_an_older_validation_does_not_hold_by_an_hour_of_receipt_that_has_passed_since(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """The newer one looked at that hour alone; nobody would come back to what the older one held."""
    later = HOUR + timedelta(days=1)
    plant.batch(100, quarantined_count=50, received_at=later)
    touch(0, 24, received=[24])
    with slow_validation(warehouse_url, warehouse_engine, "ledger"):
        plant.batch(1_000, received_at=later)
        touch(24, minute=1)
        validate(later, later + AN_HOUR)
    assert held(warehouse_engine) == []


def test_of_two_validations_that_a_day_fails_each_holds_its_hours(
    plant: Any, touch: Any, validate: Validate, warehouse_url: str, warehouse_engine: Engine
) -> None:
    """The hours of receipt are good. The newer one held its own hour, and knows nothing of that of the older one."""
    later = HOUR + timedelta(days=1)
    plant.batch(1_000, quarantined_count=900, received_at=later)
    plant.batch(100, received_at=later + AN_HOUR)
    touch(0, 25, received=[25])
    with slow_validation(warehouse_url, warehouse_engine, "ledger"):
        validate(later + AN_HOUR, later + 2 * AN_HOUR)
    assert held(warehouse_engine) == [(0, "invalid_rate_is_low"), (25, "invalid_rate_is_low")]
