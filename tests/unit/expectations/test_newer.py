"""What newer validations have judged."""

from datetime import UTC, datetime, timedelta

from expectations.newer import NewerJudgements
from expectations.window import Window

NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
NEWER = NewerJudgements({"ledger": [Window(NINE, NINE + HOUR), Window(NINE + HOUR, NINE + 2.5 * HOUR)]})


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
