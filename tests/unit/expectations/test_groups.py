"""Which hours failed groups hold back."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from expectations.groups import FailedGroup, Hold, holds_of
from expectations.window import Window

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
AT_NINE = "2026-03-02T09:00:00+00:00"
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Window(NINE - HOUR, NINE + 3 * HOUR)
AT_TEN, TODAY, YESTERDAY = ("hour", NINE + HOUR), ("day", MIDNIGHT), ("day", MIDNIGHT - 24 * HOUR)
WAITING = {
    "north": {
        NINE - HOUR: {AT_TEN, TODAY},
        NINE: {("hour", NINE), AT_TEN, TODAY},
        NINE + HOUR: {("hour", MIDNIGHT), TODAY},
        NINE + 2 * HOUR: {("hour", MIDNIGHT - HOUR), YESTERDAY},
    },
    "south": {NINE: {AT_TEN, TODAY}},
}
READINGS = FailedGroup(
    suite="readings",
    expectation="values_are_present",
    grain="hour",
    site_code="north",
    subject_code="P1",
    period_start=NINE,
    first_hour=NINE,
    last_hour=NINE,
    measured=3.0,
)
LEDGER = replace(
    READINGS,
    suite="ledger",
    expectation="invalid_rate_is_low",
    subject_code="edge",
    period_start=NINE + HOUR,
    first_hour=None,
    last_hour=None,
)


def spans(holds: list[Hold]) -> list[tuple[str, datetime, datetime, datetime]]:
    return [(hold.site_code, hold.hour, hold.first_hour, hold.last_hour) for hold in holds]


def test_nothing_that_failed_holds_nothing() -> None:
    assert holds_of([], WINDOW, WAITING) == []


def test_a_group_of_readings_holds_its_hour_at_its_site_alone() -> None:
    """S0-064. Whether the hour waits or was rolled up before: what is rolled up again is held too."""
    assert spans(holds_of([READINGS], WINDOW, WAITING)) == [("north", NINE, NINE, NINE)]
    assert spans(holds_of([READINGS], WINDOW, {})) == [("north", NINE, NINE, NINE)]


def test_the_groups_of_an_hour_make_one_hold_of_an_expectation() -> None:
    """It tells of each subject, of the worst, and reaches as far as any."""
    other = replace(READINGS, subject_code="P2", first_hour=NINE - HOUR, last_hour=NINE + HOUR, measured=7.0)
    another = replace(READINGS, expectation="qualities_are_present")
    first, second = holds_of([other, READINGS, another], WINDOW, WAITING)
    assert (first.expectation, second.expectation) == ("qualities_are_present", "values_are_present")
    assert (second.first_hour, second.last_hour) == (NINE - HOUR, NINE + HOUR)
    assert second.observed == {
        "worst": 7.0,
        "subjects": ["P1", "P2"],
        "subject_count": 2,
        "hours": [AT_NINE],
        "days": [],
    }


def test_many_subjects_are_counted_and_some_are_named() -> None:
    groups = [replace(READINGS, subject_code=f"P{number:03}") for number in range(1_000)]
    (hold,) = holds_of(groups, WINDOW, WAITING)
    assert (len(hold.observed["subjects"]), hold.observed["subject_count"]) == (20, 1_000)


def test_a_source_holds_what_waits_of_its_site_with_something_of_the_hour_of_receipt() -> None:
    """C47: a batch may be about any hour."""
    assert spans(holds_of([LEDGER], WINDOW, WAITING)) == [
        ("north", NINE - HOUR, NINE - HOUR, NINE - HOUR),
        ("north", NINE, NINE, NINE),
    ]
    assert {hold.period_start for hold in holds_of([LEDGER], WINDOW, WAITING)} == {NINE + HOUR}


def test_a_day_of_receipt_holds_what_waits_of_its_site_with_something_of_that_day() -> None:
    """C48: by site and day. An hour of receipt that begins at midnight is no day."""
    day = replace(LEDGER, grain="day", subject_code="", period_start=MIDNIGHT)
    found = holds_of([day], WINDOW, WAITING)
    assert {hold.period_start for hold in found} == {MIDNIGHT}
    assert (found[0].observed["hours"], found[0].observed["days"]) == ([], ["2026-03-02T00:00:00+00:00"])
    assert [hold.hour for hold in found] == [NINE - HOUR, NINE, NINE + HOUR]
    assert found[0].observed["subjects"] == []
    hour = replace(LEDGER, period_start=MIDNIGHT)
    assert [hold.hour for hold in holds_of([hour], WINDOW, WAITING)] == [NINE + HOUR]


def test_an_hour_that_is_not_wholly_in_the_window_is_not_judged() -> None:
    half = timedelta(minutes=30)
    for window in (Window(NINE + half, NINE + 3 * HOUR), Window(NINE - HOUR, NINE + half)):
        assert holds_of([READINGS], window, WAITING) == []
    assert spans(holds_of([LEDGER], Window(NINE, NINE + 2 * HOUR), WAITING)) == [("north", NINE, NINE, NINE)]
