"""Hours to local dates and back, across zones and clock changes."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestration.local_days import hours_inside, local_dates, merge

BERLIN, KOLKATA, AUCKLAND, LA = map(
    ZoneInfo, ("Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland", "America/Los_Angeles")
)
HOUR = timedelta(hours=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_hour_belongs_to_the_date_of_each_site() -> None:
    noon = utc("2026-03-02T12:00")
    assert local_dates(noon, noon + HOUR, [BERLIN]) == (date(2026, 3, 2), date(2026, 3, 3))
    assert local_dates(noon, noon + HOUR, [BERLIN, AUCKLAND]) == (date(2026, 3, 2), date(2026, 3, 4))


def test_an_hour_with_midnight_in_it_belongs_to_two_dates() -> None:
    """Midnight in Kolkata is at 18:30 UTC."""
    hour = utc("2026-03-02T18:00")
    assert local_dates(hour, hour + HOUR, [KOLKATA]) == (date(2026, 3, 2), date(2026, 3, 4))


@pytest.mark.parametrize(("day", "hours"), [(date(2026, 3, 28), 24), (date(2026, 3, 29), 23), (date(2026, 10, 25), 25)])
def test_a_day_has_the_hours_that_its_clock_gives_it(day: date, hours: int) -> None:
    """D5: the clock goes forward on 29 March and back on 25 October."""
    start, end = hours_inside(day, day + timedelta(days=1), [BERLIN])
    assert (end - start) / HOUR == hours


def test_only_hours_that_lie_inside_at_every_site_count() -> None:
    start, end = hours_inside(date(2026, 3, 2), date(2026, 3, 3), [AUCKLAND, LA])
    assert (start, end) == (utc("2026-03-02T08:00"), utc("2026-03-02T11:00"))


def test_a_half_hour_does_not_count() -> None:
    start, end = hours_inside(date(2026, 3, 2), date(2026, 3, 3), [KOLKATA])
    assert (start, end) == (utc("2026-03-01T19:00"), utc("2026-03-02T18:00"))


@given(
    first=st.integers(0, 24 * 800),
    length=st.integers(1, 100),
    zones=st.sets(st.sampled_from([BERLIN, KOLKATA, AUCKLAND, LA]), min_size=1),
)
def test_hours_lie_inside_the_dates_that_they_touch(first: int, length: int, zones: set[ZoneInfo]) -> None:
    """What a sensor asks for is what the run settles: otherwise it would ask again for ever."""
    start = utc("2026-01-01T00:00") + first * HOUR
    end = start + length * HOUR
    inside = hours_inside(*local_dates(start, end, zones), zones)
    assert inside[0] <= start
    assert end <= inside[1]


def test_dates_that_touch_are_one_range() -> None:
    def day(number: int) -> date:
        return date(2026, 3, number)

    assert merge([(day(5), day(7)), (day(1), day(2)), (day(2), day(3)), (day(6), day(9))]) == [
        (day(1), day(3)),
        (day(5), day(9)),
    ]
    assert merge([]) == []
