"""Plausibility and completeness of readings on a real warehouse."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)

Validate = Callable[..., dict[str, Any]]


def test_ten_percent_outside_the_registered_limits_fail(plant: Any, validate: Validate) -> None:
    """S0-060: 9 of 100 pass, 10 of 100 fail; the limits themselves are inside."""
    plant.register("signals", "P1/bearing_temperature", low_limit=20, high_limit=90)
    plant.readings([20, 90] + [55] * 89 + [19.9, 90.1] + [300] * 7)
    assert validate(suites=["readings"])["values_are_within_registered_limits"].is_success

    plant.readings([55] * 90 + [300] * 10, start=HOUR + timedelta(hours=1))
    result = validate(end=HOUR + timedelta(hours=2), suites=["readings"])["values_are_within_registered_limits"]

    assert not result.is_success
    assert result.severity == "critical"
    assert [group["period_start"] for group in result.observed["failed_groups"]] == ["2026-03-02T10:00:00+00:00"]


def test_the_newest_registered_limits_hold(plant: Any, validate: Validate) -> None:
    plant.register("signals", "P1/bearing_temperature", low_limit=0, high_limit=1)
    plant.register("signals", "P1/bearing_temperature", low_limit=None, high_limit=90)
    plant.readings([55, -200] * 50)

    assert validate(suites=["readings"])["values_are_within_registered_limits"].is_success


def test_without_registered_limits_the_unit_tells_what_is_plausible(plant: Any, validate: Validate) -> None:
    plant.readings([55] * 50 + [-300] * 50)
    plant.readings([1e12] * 50, metric="unknown_unit", unit_code="furlong")

    results = validate(suites=["readings"])

    assert results["values_are_within_registered_limits"].is_success
    assert not results["values_are_plausible_for_their_unit"].is_success
    assert not results["values_are_plausible_for_their_unit"].blocks
    assert round(results["values_are_plausible_for_their_unit"].observed["worst"], 6) == round(5000 / 150, 6)


def test_a_value_that_is_no_number_is_missing(plant: Any, validate: Validate) -> None:
    plant.readings([55, float("nan"), float("inf")])

    result = validate(suites=["readings"])["values_are_present"]

    assert not result.is_success
    assert result.observed["worst"] == 2


def test_missing_values_fail_and_do_not_shrink_the_denominator(
    plant: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """C47: with 95 NULLs, 9 implausible values of 100 are 9 %, not 180 %."""
    with warehouse_engine.begin() as connection:
        connection.execute(text("alter table raw.readings alter value drop not null, alter quality drop not null"))
    plant.register("signals", "P1/bearing_temperature", low_limit=20, high_limit=90)
    plant.readings([300] * 9 + [55] * 91)
    with warehouse_engine.begin() as connection:
        connection.execute(text("update raw.readings set value = null, quality = null where value = 55"))

    results = validate(suites=["readings"])

    assert results["values_are_within_registered_limits"].observed["worst"] == 9.0
    assert results["values_are_within_registered_limits"].is_success
    assert results["values_are_present"].observed["worst"] == 91
    assert not results["values_are_present"].is_success
    assert not results["qualities_are_present"].is_success


def test_a_quality_outside_zero_to_one_fails(plant: Any, validate: Validate) -> None:
    plant.readings([55], quality=0)
    assert validate(suites=["readings"])["qualities_are_ratios"].is_success

    plant.readings([55], quality=1.01, start=HOUR + timedelta(minutes=1))
    assert not validate(suites=["readings"])["qualities_are_ratios"].is_success
