"""The thresholds S0-064..066 on a real warehouse: strict, per source and hour, per site and day (C47, C48)."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, text

from warehouse import ledger

INVALID = "invalid_rate_is_low"
DUPLICATE = "duplicate_rate_is_low"
LATE = "late_arrival_p95_is_low"
HOUR = datetime(2026, 3, 2, 9, tzinfo=UTC)

Validate = Callable[..., dict[str, Any]]


@pytest.mark.parametrize(("quarantined", "is_success"), [(99, True), (100, False)])
def test_ten_percent_invalid_fails_and_less_passes(
    plant: Any, validate: Validate, quarantined: int, is_success: bool
) -> None:
    """S0-064: 9.9 % passes, exactly 10.0 % fails."""
    plant.batch(600, quarantined_count=quarantined)
    plant.batch(400)

    result = validate(suites=["ledger"])[INVALID]

    assert result.is_success is is_success
    assert result.severity == "critical"
    assert result.observed["worst"] == quarantined / 10
    assert result.observed["item_count"] == 1000


def test_the_failed_group_is_named(plant: Any, validate: Validate) -> None:
    plant.batch(100, credential="good")
    plant.batch(100, credential="bad", quarantined_count=50)

    observed = validate(suites=["ledger"])[INVALID].observed

    assert [(group["grain"], group["subject_code"], group["invalid_pct"]) for group in observed["failed_groups"]] == [
        ("day", "", 25.0),
        ("hour", "bad", 50.0),
    ]


def test_of_many_sites_those_are_shown_that_failed(plant: Any, validate: Validate) -> None:
    """Each result keeps so many and counts the rest; its totals are of all."""
    for number in range(60):
        plant.batch(100, site_code=f"s{number:02}", quarantined_count=50 if number >= 58 else 0)

    observed = validate(suites=["ledger"])[INVALID].observed

    assert (len(observed["sites"]), observed["other_site_count"]) == (50, 10)
    assert {site for site, fared in observed["sites"].items() if fared["failed_group_count"]} == {"s58", "s59"}
    assert (observed["item_count"], observed["failed_group_count"]) == (6000, 4)


def test_rates_are_judged_per_source_and_hour(plant: Any, validate: Validate) -> None:
    """C48: a flood of good batches from another source, or in another hour, hides nothing."""
    plant.batch(1000, credential="other")
    plant.batch(1000, received_at=HOUR + timedelta(hours=1))
    plant.batch(100, quarantined_count=10)

    result = validate(end=HOUR + timedelta(hours=2), suites=["ledger"])[INVALID]

    assert not result.is_success
    assert result.observed["failed_group_count"] == 1


def test_rates_are_judged_per_site_and_day_in_the_sites_time_zone(plant: Any, validate: Validate) -> None:
    """C48: single refused items hide in small hours; the day shows them. The day begins at local midnight (D5)."""
    plant.register("sites", "demo", site_code="demo", name="Demo", time_zone="UTC")
    plant.register("sites", "demo", site_code="demo", name="Demo", time_zone="Asia/Tokyo")
    midnight = datetime(2026, 3, 1, 15, tzinfo=UTC)
    for hour in range(24):
        plant.batch(9, received_at=midnight + timedelta(hours=hour), quarantined_count=1)

    result = validate(midnight, midnight + timedelta(hours=24), suites=["ledger"])[INVALID]

    assert [(group["grain"], group["item_count"]) for group in result.observed["failed_groups"]] == [("day", 216)]
    assert result.observed["failed_groups"][0]["period_start"] == midnight.isoformat()


@pytest.mark.parametrize(
    ("midnight", "length_h"),
    [
        (datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        (datetime(2026, 10, 24, 22, tzinfo=UTC), 25),
        (datetime(2026, 3, 1, 23, tzinfo=UTC), 24),
    ],
)
def test_a_day_is_judged_whole_however_little_of_it_the_window_shows(
    plant: Any, validate: Validate, midnight: datetime, length_h: int
) -> None:
    """C48, on days on which the clocks change too: 9 of 100 in the window, 10 of 100 on the day, all bad outside it."""
    plant.register("sites", "demo", name="Demo", time_zone="Europe/Berlin")
    minute, last_hour = timedelta(minutes=1), midnight + timedelta(hours=length_h - 1)
    for instant in (midnight - minute, midnight + timedelta(hours=length_h)):
        plant.batch(1000, quarantined_count=1000, received_at=instant)
    plant.batch(50, quarantined_count=6, received_at=midnight)
    plant.batch(50, quarantined_count=4, received_at=last_hour)

    result = validate(last_hour, last_hour + timedelta(hours=1), suites=["ledger"])[INVALID]

    (failed,) = result.observed["failed_groups"]
    assert (failed["grain"], failed["item_count"], failed["invalid_pct"]) == ("day", 100, 10.0)
    assert failed["period_start"] == midnight.isoformat()
    assert result.observed["item_count"] == 50
    # Better batches of the same day let it pass.
    plant.batch(1, received_at=midnight + timedelta(hours=3))
    assert validate(last_hour, last_hour + timedelta(hours=1), suites=["ledger"])[INVALID].is_success


def test_a_day_that_fails_holds_hours_until_it_passes(plant: Any, validate: Validate, warehouse_engine: Engine) -> None:
    """C48. The same rows of an hour are let go by a window that shows any part of the day."""
    with warehouse_engine.begin() as connection:
        ledger.touch(connection, "demo", {HOUR: [HOUR]}, HOUR)
    held = text("select count(*) from ops.held_hours")
    # At midnight, and the hour itself is clean.
    plant.batch(50, quarantined_count=10, received_at=HOUR.replace(hour=0))
    plant.batch(50)
    validate(suites=["ledger"])
    with warehouse_engine.connect() as connection:
        assert connection.scalar(held) == 1
    plant.batch(50, received_at=HOUR.replace(hour=20))
    validate(suites=["ledger"])
    with warehouse_engine.connect() as connection:
        assert connection.scalar(held) == 0


def held_hours(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return [f"{hour:%d %H}" for hour in connection.scalars(text("select hour from ops.held_hours order by hour"))]


def test_a_day_that_passes_lets_its_hours_go_whichever_hour_shows_it(
    plant: Any, validate: Validate, warehouse_engine: Engine
) -> None:
    """C48. At three in the afternoon nobody looks at eleven again: held hours are pending for nobody."""
    ten = HOUR + timedelta(hours=1)
    with warehouse_engine.begin() as connection:
        hours = [ten + timedelta(hours=number) for number in range(5)]
        ledger.touch(connection, "demo", {hour: [hour] for hour in hours}, HOUR)
    plant.batch(50, quarantined_count=10, received_at=ten)
    validate(ten, ten + timedelta(hours=4), suites=["ledger"])
    assert held_hours(warehouse_engine) == ["02 10", "02 11", "02 12", "02 13"]

    plant.batch(1000, received_at=ten + timedelta(hours=4))
    # Another day says nothing of this one, nor does the same day of another site.
    plant.batch(1000, received_at=HOUR.replace(day=3), site_code="other")
    validate(HOUR.replace(day=3), HOUR.replace(day=4), suites=["ledger"])
    assert len(held_hours(warehouse_engine)) == 4
    validate(ten + timedelta(hours=4), ten + timedelta(hours=5), suites=["ledger"])
    # Its own hour is as bad as it was.
    assert held_hours(warehouse_engine) == ["02 10"]
    (pending,) = ledger.pending_ranges(warehouse_engine, "rolled_up")
    assert pending == ledger.HourRange(ten + timedelta(hours=1), ten + timedelta(hours=5))

    plant.batch(1000, received_at=ten)
    validate(ten, ten + timedelta(hours=1), suites=["ledger"])
    assert held_hours(warehouse_engine) == []


def test_an_hour_that_two_days_hold_waits_for_both(plant: Any, validate: Validate, warehouse_engine: Engine) -> None:
    """What was received on the second may be about the first."""
    second, third = HOUR, HOUR.replace(day=3)
    with warehouse_engine.begin() as connection:
        ledger.touch(connection, "demo", {second: [day.replace(hour=12) for day in (second, third)]}, HOUR)
    for day in (second, third):
        plant.batch(50, quarantined_count=10, received_at=day.replace(hour=12))
    validate(second, third.replace(hour=13), suites=["ledger"])
    assert held_hours(warehouse_engine) == ["02 09"]
    for day in (second, third):
        plant.batch(1000, received_at=day.replace(hour=12))
        assert held_hours(warehouse_engine) == ["02 09"]
        validate(day, day.replace(hour=13), suites=["ledger"])
    assert held_hours(warehouse_engine) == []


@pytest.mark.parametrize(
    ("items", "quarantined", "is_success"), [(19, 1, True), (19, 2, False), (20, 2, False), (1, 1, True)]
)
def test_a_single_bad_item_in_a_small_group_does_not_trip_a_rate(
    plant: Any, validate: Validate, items: int, quarantined: int, is_success: bool
) -> None:
    plant.batch(items, quarantined_count=quarantined)

    assert validate(suites=["ledger"])[INVALID].is_success is is_success


@pytest.mark.parametrize(("duplicates", "is_success"), [(49, True), (50, False)])
def test_five_percent_duplicates_fail_and_less_passes(
    plant: Any, validate: Validate, duplicates: int, is_success: bool
) -> None:
    """S0-065: 4.9 % passes, exactly 5.0 % fails."""
    plant.batch(1000, duplicate_count=duplicates)

    result = validate(suites=["ledger"])[DUPLICATE]

    assert result.is_success is is_success
    assert result.severity == "critical"
    assert result.observed["worst"] == duplicates / 10


def test_replays_count_neither_as_duplicates_nor_in_their_denominator(plant: Any, validate: Validate) -> None:
    """C48: a store-and-forward backlog may repeat as much as it likes, and hides nobody else's repeats."""
    plant.batch(1000, is_replay=True, duplicate_count=1000, late_count=1000, lateness_p95_s=90_000)
    results = validate(suites=["ledger"])
    assert results[DUPLICATE].is_success
    assert results[LATE].is_success

    plant.batch(100, duplicate_count=5, late_count=6)
    results = validate(suites=["ledger"])
    assert results[DUPLICATE].observed["worst"] == 5.0
    assert not results[DUPLICATE].is_success
    assert not results[LATE].is_success


@pytest.mark.parametrize(("late_by_60_min", "is_success"), [(0, True), (5, True), (6, False)])
def test_late_arrival_p95_is_under_sixty_minutes(
    plant: Any, validate: Validate, late_by_60_min: int, is_success: bool
) -> None:
    """S0-066: of 100 items the 95th is the p95; the ledger counts 60.0 min as late and 59.9 min as not."""
    plant.batch(100, late_count=late_by_60_min)

    result = validate(suites=["ledger"])[LATE]

    assert result.is_success is is_success
    assert result.severity == "warning"
    assert not result.blocks


def test_server_timed_items_do_not_count_as_punctual(plant: Any, validate: Validate) -> None:
    """C15: an item without a device time says nothing about lateness."""
    plant.batch(1000, device_timed_count=50, late_count=3)

    result = validate(suites=["ledger"])[LATE]

    assert not result.is_success
    assert (result.observed["worst"], result.observed["limit"]) == (60.0, "< 60")


def test_releases_from_quarantine_do_not_count_twice(plant: Any, validate: Validate) -> None:
    plant.batch(100, quarantined_count=10)
    plant.batch(1000, origin="release", late_count=1000)

    results = validate(suites=["ledger"])

    assert results[INVALID].observed["worst"] == 10.0
    assert results[LATE].is_success


def test_the_window_is_half_open_by_the_time_of_receipt(plant: Any, validate: Validate) -> None:
    plant.batch(100, quarantined_count=100, received_at=HOUR - timedelta(microseconds=1))
    plant.batch(100, received_at=HOUR)
    plant.batch(100, quarantined_count=100, received_at=HOUR + timedelta(hours=1))

    result = validate(suites=["ledger"])[INVALID]

    assert [group["grain"] for group in result.observed["failed_groups"]] == ["day"]
    assert result.observed["item_count"] == 100
