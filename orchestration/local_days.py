"""Turns hours into the sites' local dates and back. What is computed per day is dbt's."""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)


def local_dates(start: datetime, end: datetime, zones: Iterable[ZoneInfo]) -> tuple[date, date]:
    """The dates that the time from `start` until before `end` touches at any site, half-open."""
    first = min(start.astimezone(zone).date() for zone in zones)
    last = max((end - INSTANT).astimezone(zone).date() for zone in zones)
    return first, last + DAY


def hours_inside(start: date, end: date, zones: Iterable[ZoneInfo]) -> tuple[datetime, datetime]:
    """The whole UTC hours that lie within the dates at every site, half-open.

    An hour whose dates were all asked for (`local_dates`) lies inside, also where midnight is at half past the hour.
    """
    first = max(_midnight(start, zone) for zone in zones)
    last = min(_midnight(end, zone) for zone in zones)
    return -(-(first - _EPOCH) // HOUR) * HOUR + _EPOCH, (last - _EPOCH) // HOUR * HOUR + _EPOCH


def merge(ranges: Iterable[tuple[date, date]]) -> Sequence[tuple[date, date]]:
    """Join ranges of dates that overlap or touch, oldest first."""
    merged: list[tuple[date, date]] = []
    for start, end in sorted(ranges):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], end))
        else:
            merged.append((start, end))
    return merged


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, datetime.min.time(), zone).astimezone(UTC)
