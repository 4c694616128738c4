"""Plausibility and completeness of activity events on a real warehouse."""

from collections.abc import Callable
from typing import Any

import pytest

Validate = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(("missing", "is_success"), [(9, True), (10, False)])
def test_ten_percent_of_a_cameras_events_without_confidence_fail(
    plant: Any, validate: Validate, missing: int, is_success: bool
) -> None:
    """C47: events without confidence stay in the denominator."""
    plant.events(*[{}] * (100 - missing), *[{"confidence": None}] * missing)

    result = validate(suites=["events"])["confidences_are_present"]

    assert result.is_success is is_success
    assert result.observed["worst"] == missing


def test_a_source_that_knows_no_confidence_is_no_camera(plant: Any, validate: Validate) -> None:
    plant.events(
        *[{"source_code": "counter", "event_type": "product_count", "units_produced": 1, "confidence": None}] * 30
    )

    assert all(result.is_success for result in validate(suites=["events"]).values())


@pytest.mark.parametrize(("uncertain", "is_success"), [(24, True), (25, False)])
def test_many_uncertain_events_are_a_warning(plant: Any, validate: Validate, uncertain: int, is_success: bool) -> None:
    """C8: 0.7 is certain, less is not; missing confidences do not shrink the denominator."""
    plant.events(
        *[{"confidence": 0.69}] * uncertain, *[{"confidence": 0.7}] * (95 - uncertain), *[{"confidence": None}] * 5
    )

    result = validate(suites=["events"])["uncertain_events_are_few"]

    assert result.is_success is is_success
    assert not result.blocks


@pytest.mark.parametrize(
    ("row", "expectation"),
    [
        ({"confidence": 1.01}, "confidences_are_ratios"),
        ({"units_produced": -1}, "units_are_not_negative"),
        ({"duration_s": 86_400.001}, "durations_are_within_a_day"),
        ({"duration_s": -1}, "durations_are_within_a_day"),
        ({"event_type": "product_count"}, "counts_carry_units"),
        ({"event_type": "scrap_count"}, "counts_carry_units"),
    ],
)
def test_one_impossible_event_fails_its_expectation_and_no_other(
    plant: Any, validate: Validate, row: dict[str, Any], expectation: str
) -> None:
    plant.events(*[{"duration_s": 86_400, "confidence": 1, "units_produced": 0}] * 30, row)

    assert [name for name, result in validate(suites=["events"]).items() if not result.is_success] == [expectation]
