"""Hours without scores, remembered between two looks."""

from datetime import UTC, datetime, timedelta

from orchestration.unscored import Gap, Unscored, join

HOUR = timedelta(hours=1)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_a_first_look_goes_back_as_far_as_it_is_told() -> None:
    assert Unscored.read(None, first=NINE) == Unscored(NINE)
    assert Unscored.read("", first=NINE) == Unscored(NINE)


def test_a_look_goes_on_where_the_last_one_ended_and_a_little_before() -> None:
    memory = Unscored(NINE, (Gap(NINE - 3 * HOUR, NINE, 7),))
    again = Unscored.read(memory.cursor(), first=NINE + 9 * HOUR)
    assert again.gaps == memory.gaps
    assert NINE - HOUR < again.since < NINE


def test_a_thousand_runs_that_left_the_same_hours_are_one_gap() -> None:
    """MLflow is away over a weekend: the open hour is rolled up again and again."""
    runs = [Gap(NINE + number // 60 * HOUR, NINE + (number // 60 + 1) * HOUR, number) for number in range(1_000)]
    assert join(runs) == [Gap(NINE, NINE + 17 * HOUR, 999)]


def test_hours_apart_are_gaps_of_their_own() -> None:
    apart, last = Gap(NINE, NINE + HOUR, 1), Gap(NINE + 2 * HOUR, NINE + 3 * HOUR, 2)
    assert join([last, apart]) == [apart, last]
    assert join([]) == []
