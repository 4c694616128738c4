"""What is said about the sensors behind a drift episode, and what they are compared with (issue 5, S4-027)."""

from datetime import UTC, datetime, timedelta

from ml.drift_features import MOST_BLOCKS, Explanation, Reference, as_markdown, blocks_of, sentence
from ml.shift import Shift

SUSPECT_FROM = datetime(2026, 3, 31, 9, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOVED = Shift(200, 100, 72.04, 80.51, 0.91, 1e-30, 4.2, 0.2, 0.1, True)
MOVED_LESS = Shift(200, 100, 2.8, 3.1, 0.45, 1e-30, 0.6, 0.2, 0.1, True)
STAYED = Shift(200, 100, 1.0, 1.0, 0.05, 0.9, 0.01, 0.2, 0.1, False)
UNKNOWN = Shift(200, 3, 1.0, 1.0)


def test_the_furthest_sensor_is_named_first() -> None:
    assert sentence({"a": MOVED_LESS, "b": MOVED, "c": STAYED}) == (
        "Confidence fell, and 2 of 3 sensors drifted: b (mean 72.04 to 80.51, KS 0.91), a (mean 2.8 to 3.1, KS 0.45)."
    )


def test_where_no_sensor_drifted_the_classifier_is_to_be_looked_at() -> None:
    assert sentence({"a": STAYED, "b": UNKNOWN}) == (
        "Confidence fell, none of 1 sensors drifted: look at the classifier and its labels."
        " Too few readings to tell: b."
    )


def test_where_nothing_can_be_compared_nothing_is_claimed() -> None:
    assert sentence({}) == "Confidence fell; no sensor could be compared."
    assert sentence({"b": UNKNOWN}) == "Confidence fell; no sensor could be compared. Too few readings to tell: b."


def test_of_many_sensors_five_are_named() -> None:
    said = sentence({f"s{number}": MOVED for number in range(8)})
    assert said.endswith("s4 (mean 72.04 to 80.51, KS 0.91) and 3 more.") and "s5" not in said


def test_blocks_are_at_the_same_hours_of_other_days() -> None:
    reference = Reference("champion", SUSPECT_FROM - 7 * DAY, SUSPECT_FROM - DAY)
    starts = blocks_of(reference, SUSPECT_FROM)
    # The day before ends with the reference, six others lie within.
    assert starts == [SUSPECT_FROM - number * DAY for number in range(2, 8)]


def test_of_many_days_twenty_are_taken_from_first_to_last() -> None:
    starts = blocks_of(Reference("champion", SUSPECT_FROM - 90 * DAY, SUSPECT_FROM), SUSPECT_FROM)
    assert len(starts) == MOST_BLOCKS
    assert (starts[0], starts[-1]) == (SUSPECT_FROM - DAY, SUSPECT_FROM - 90 * DAY)
    assert {start.hour for start in starts} == {9}


def test_a_short_reference_is_cut_into_blocks_of_any_hour() -> None:
    starts = blocks_of(Reference("champion", SUSPECT_FROM - 40 * HOUR, SUSPECT_FROM), SUSPECT_FROM)
    assert starts == [SUSPECT_FROM - 40 * HOUR + number * 3 * HOUR for number in range(13)]
    assert blocks_of(Reference("champion", SUSPECT_FROM - 2 * HOUR, SUSPECT_FROM), SUSPECT_FROM) == []


def test_dagster_shows_a_table_of_all_sensors() -> None:
    shifts = {"c": STAYED, "b": MOVED, "d": UNKNOWN}
    shown = as_markdown(Explanation("e", "Said.", Reference("champion", SUSPECT_FROM, SUSPECT_FROM), shifts))
    assert shown.splitlines()[0] == "Said."
    assert shown.splitlines()[4:] == [
        "| b | yes | 0.91 | 0.2 | 4.2 | 0.1 | 72 | 80.5 |",
        "| c | no | 0.05 | 0.2 | 0.01 | 0.1 | 1 | 1 |",
        "| d | too few readings | – | – | – | – | 1 | 1 |",
    ]
