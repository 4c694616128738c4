"""Runs' ranges as tags and back, and how long ranges are cut."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest

from orchestration.defs.partitions import (
    DAYS,
    HOURS,
    PARTITIONS_START,
    day_pieces,
    day_tags,
    days_of,
    hour_pieces,
    hour_tags,
    hours_of,
    overlaps,
    required,
    spans,
)

HOUR = timedelta(hours=1)
NINE = datetime(2026, 3, 2, 9, tzinfo=UTC)


def test_tags_name_the_first_and_the_last_partition() -> None:
    tags = hour_tags(NINE, NINE + 3 * HOUR)
    assert list(tags.values()) == ["2026-03-02-09:00", "2026-03-02-11:00"]
    assert all(HOURS.has_partition_key(key) for key in tags.values())
    assert hours_of(tags) == (NINE, NINE + 3 * HOUR)
    tags = day_tags(date(2026, 3, 2), date(2026, 3, 4))
    assert list(tags.values()) == ["2026-03-02", "2026-03-03"]
    assert days_of(tags) == (date(2026, 3, 2), date(2026, 3, 4))


def test_a_single_partition_is_a_range_of_one() -> None:
    assert hours_of({"dagster/partition": "2026-03-02-09:00"}) == (NINE, NINE + HOUR)
    assert days_of({"dagster/partition": "2026-03-02"}) == (date(2026, 3, 2), date(2026, 3, 3))


def test_a_run_without_hours_has_none() -> None:
    assert hours_of({}) is None
    assert hours_of({"dagster/partition": "demo"}) is None
    with pytest.raises(dg.Failure, match="has no partition"):
        required(hours_of({}))


def test_the_open_hour_and_every_sites_today_are_partitions() -> None:
    now = datetime.now(UTC)
    assert HOURS.has_partition_key(f"{now:%Y-%m-%d-%H:00}")
    assert DAYS.has_partition_key(f"{now + timedelta(hours=14):%Y-%m-%d}")
    assert DAYS.has_partition_key(f"{now - timedelta(hours=12):%Y-%m-%d}")


def test_long_ranges_are_cut_and_what_has_no_partition_is_left_out() -> None:
    assert list(hour_pieces(NINE, NINE + 170 * HOUR)) == [
        (NINE, NINE + 168 * HOUR),
        (NINE + 168 * HOUR, NINE + 170 * HOUR),
    ]
    assert list(hour_pieces(PARTITIONS_START - 5 * HOUR, PARTITIONS_START + HOUR)) == [
        (PARTITIONS_START, PARTITIONS_START + HOUR)
    ]
    assert list(hour_pieces(datetime.now(UTC) + 2 * HOUR, datetime.now(UTC) + 3 * HOUR)) == []
    week = timedelta(days=7)
    assert [end - start for start, end in day_pieces(date(2026, 1, 1), date(2026, 1, 11))] == [week, timedelta(days=3)]


@pytest.mark.parametrize(("start", "end", "shared"), [(0, 1, False), (2, 3, True), (4, 6, True), (5, 6, False)])
def test_ranges_overlap_when_they_share_an_hour(start: int, end: int, shared: bool) -> None:
    assert (
        overlaps(hour_tags(NINE + HOUR, NINE + 5 * HOUR), hour_tags(NINE + start * HOUR, NINE + end * HOUR)) is shared
    )
    assert not overlaps({}, hour_tags(NINE, NINE + HOUR))


def test_hours_a_day_apart_make_spans() -> None:
    hours = [NINE, NINE + HOUR, NINE + 5 * HOUR, NINE + 40 * HOUR]
    assert list(spans(hours)) == [(NINE, NINE + 6 * HOUR), (NINE + 40 * HOUR, NINE + 41 * HOUR)]
    assert list(spans([])) == []
