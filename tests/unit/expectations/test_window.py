"""The half-open window."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from expectations.errors import WindowInvalid
from expectations.window import Window

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_bounds_are_put_into_the_query_in_utc() -> None:
    window = Window(NINE.astimezone(timezone(timedelta(hours=2))), NINE + timedelta(microseconds=1))

    assert window.bind("t >= {start} and t < {end} and unit = '{rpm}'") == (
        "t >= timestamptz '2026-03-02T09:00:00Z' and t < timestamptz '2026-03-02T09:00:00.000001Z' and unit = '{rpm}'"
    )


def test_it_reads_as_an_interval() -> None:
    assert str(Window(NINE, NINE + timedelta(hours=1))) == "2026-03-02T09:00:00Z--2026-03-02T10:00:00Z"


@pytest.mark.parametrize("end", [NINE, NINE - timedelta(seconds=1)])
def test_an_empty_or_reversed_window_is_refused(end: datetime) -> None:
    with pytest.raises(WindowInvalid, match="is not before"):
        Window(NINE, end)


def test_a_bound_without_time_zone_is_refused() -> None:
    with pytest.raises(WindowInvalid, match="end 2026-03-02T10:00:00 has no time zone"):
        Window(NINE, datetime(2026, 3, 2, 10))
