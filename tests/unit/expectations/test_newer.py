"""What newer validations have judged."""

from datetime import UTC, datetime, timedelta

from expectations.newer import NewerJudgements
from expectations.window import Window

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
FIRST, SECOND = Window(NINE, NINE + HOUR), Window(NINE + HOUR, NINE + 2.5 * HOUR)
INVALID, DUPLICATE = ("ledger", "invalid_rate_is_low"), ("ledger", "duplicate_rate_is_low")
NEWER = NewerJudgements({INVALID: [(FIRST, True), (SECOND, False)], DUPLICATE: [(FIRST, True), (SECOND, True)]})


def test_an_hour_is_judged_as_a_whole() -> None:
    assert NEWER.of_hour("ledger", NINE)
    assert NEWER.of_hour("ledger", NINE + HOUR)
    assert not NEWER.of_hour("readings", NINE)
    # Of its second half nothing is known.
    assert not NEWER.of_hour("ledger", NINE + 2 * HOUR)


def test_a_day_is_judged_by_any_part_of_it() -> None:
    for midnight, is_judged in {
        "2026-03-02T00:00:00+00:00": True,
        "2026-03-01T11:00:00+00:00": True,
        "2026-03-02T11:00:00+00:00": True,
        "2026-03-02T11:30:00+00:00": False,
        "2026-03-01T09:00:00+00:00": False,
    }.items():
        assert NEWER.of_day("ledger", midnight) is is_judged, midnight
    assert not NEWER.of_day("readings", "2026-03-02T00:00:00+00:00")


def test_an_hour_or_a_day_passes_where_all_that_judged_it_say_so() -> None:
    nine, ten, eleven = ((NINE + number * HOUR).isoformat() for number in range(3))
    assert NEWER.hour_passed(*INVALID, nine)
    assert not NEWER.hour_passed(*INVALID, ten)
    assert NEWER.hour_passed(*DUPLICATE, ten)
    assert not NEWER.hour_passed(*DUPLICATE, eleven), "nobody judged it"
    assert not NEWER.day_passed(*INVALID, "2026-03-02T00:00:00+00:00")
    assert NEWER.day_passed(*DUPLICATE, "2026-03-02T00:00:00+00:00")
    assert not NEWER.day_passed(*DUPLICATE, "2026-03-03T00:00:00+00:00")
