"""How assets are cut: by site, by hour, by local day. Which of the pieces are due is not decided here.

See https://docs.dagster.io/guides/build/partitions-and-backfills
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final, TypeVar

import dagster as dg

from orchestration.settings import OrchestrationSettings

HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
RANGE_START: Final = "dagster/asset_partition_range_start"
RANGE_END: Final = "dagster/asset_partition_range_end"
PARTITION: Final = "dagster/partition"
Moment = TypeVar("Moment", date, datetime)
_HOUR_KEY = "%Y-%m-%d-%H:%M"

_settings = OrchestrationSettings()
PARTITIONS_START: Final = datetime.combine(_settings.partitions_start, datetime.min.time(), UTC)

SITES = dg.StaticPartitionsDefinition(sorted(_settings.sites))
# The open hour counts, hence one partition beyond the last complete one.
HOURS = dg.HourlyPartitionsDefinition(start_date=PARTITIONS_START, end_offset=1)
# Local dates of the sites. Today is tomorrow already up to UTC+14, hence two partitions beyond the last complete one.
DAYS = dg.DailyPartitionsDefinition(start_date=PARTITIONS_START, end_offset=2)
# Local days reach from 14 hours before the UTC day (UTC+14) to 12 hours after it (UTC-12).
HOURS_OF_DAYS = dg.TimeWindowPartitionMapping(start_offset=-14, end_offset=12)


def hour_tags(start: datetime, end: datetime) -> dict[str, str]:
    """Run tags that ask for the hours from `start` until before `end`, UTC."""
    return {RANGE_START: f"{start:{_HOUR_KEY}}", RANGE_END: f"{end - HOUR:{_HOUR_KEY}}"}


def day_tags(start: date, end: date) -> dict[str, str]:
    """Run tags that ask for the local dates from `start` until before `end`."""
    return {RANGE_START: f"{start:%Y-%m-%d}", RANGE_END: f"{end - DAY:%Y-%m-%d}"}


def hours_of(tags: Mapping[str, str]) -> tuple[datetime, datetime] | None:
    """The hours a run is about, half-open, UTC; None where it has no hourly partition."""
    keys = _keys_of(tags)
    if keys is None or keys[0] in SITES.get_partition_keys():
        return None
    first, last = (datetime.strptime(key, _HOUR_KEY).replace(tzinfo=UTC) for key in keys)
    return first, last + HOUR


def days_of(tags: Mapping[str, str]) -> tuple[date, date] | None:
    """The local dates a run is about, half-open; None where it has no daily partition."""
    keys = _keys_of(tags)
    if keys is None:
        return None
    first, last = (date.fromisoformat(key) for key in keys)
    return first, last + DAY


def overlaps(tags: Mapping[str, str], other: Mapping[str, str]) -> bool:
    """Whether two runs of the same job share a partition."""
    keys, others = _keys_of(tags), _keys_of(other)
    # Keys of one kind sort as the times they stand for.
    return keys is not None and others is not None and keys[0] <= others[1] and others[0] <= keys[1]


def required(window: tuple[Moment, Moment] | None) -> tuple[Moment, Moment]:
    """The window of a run that cannot do without one.

    Raises:
        dagster.Failure: The run was launched without a partition.
    """
    if window is None:
        raise dg.Failure("this run has no partition; launch it for an hour, a day or a range of them")
    return window


def hour_pieces(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Cut the hours from `start` until before `end` into runs, oldest first; hours without a partition are left out."""
    start = max(start, PARTITIONS_START)
    end = min(end, _end_of(HOURS))
    yield from _cut(start, end, HOUR * _settings.hours_per_run)


def spans(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """Join hours that lie within a day of each other into half-open spans. Takes them oldest first."""
    span: tuple[datetime, datetime] | None = None
    for hour in hours:
        if span is not None and hour - span[1] > DAY:
            yield span
            span = None
        span = (span[0] if span else hour, hour + HOUR)
    if span is not None:
        yield span


def day_pieces(start: date, end: date) -> Iterator[tuple[date, date]]:
    """Cut the dates from `start` until before `end` into runs, oldest first; dates without a partition are left out."""
    start = max(start, PARTITIONS_START.date())
    end = min(end, _end_of(DAYS).date())
    yield from _cut(start, end, DAY * max(1, _settings.hours_per_run // 24))


def _cut(start: Moment, end: Moment, longest: timedelta) -> Iterator[tuple[Moment, Moment]]:
    while start < end:
        yield start, min(start + longest, end)
        start += longest


def _end_of(partitions: dg.TimeWindowPartitionsDefinition) -> datetime:
    last = partitions.get_last_partition_window()
    return PARTITIONS_START if last is None else last.end


def _keys_of(tags: Mapping[str, str]) -> tuple[str, str] | None:
    if RANGE_START in tags and RANGE_END in tags:
        return tags[RANGE_START], tags[RANGE_END]
    if PARTITION in tags:
        return tags[PARTITION], tags[PARTITION]
    return None
