"""Which hours a failed group holds back. Holds are written and released in `holds.py`."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from expectations.window import Window

_HOUR = timedelta(hours=1)
_SHOWN_SUBJECTS = 20

Waiting = Mapping[str, Mapping[datetime, Collection[tuple[str, datetime]]]]
"""By site, the hours that wait for their rollup (UTC), and the periods in which was received what they wait with: its
grain, hour or day, and its first instant."""

Period = tuple[str, str, str, str]
"""Suite, expectation and site, and the first instant of an hour or a day, as `instant_of` has it."""


@dataclass(frozen=True)
class FailedGroup:
    """A group that breaks a critical expectation.

    Attributes:
        grain: hour or day.
        subject_code: Equipment or source; empty for the whole site.
        period_start: Of the group's hour, or of its day by the site's calendar; UTC.
        first_hour: First of the hours that the group's rows reach into; None where the group does not know.
        last_hour: Last of them.
        measured: What broke the bound.
    """

    suite: str
    expectation: str
    grain: str
    site_code: str
    subject_code: str
    period_start: datetime
    first_hour: datetime | None
    last_hour: datetime | None
    measured: float


@dataclass(frozen=True)
class Hold:
    """An hour of a site that an expectation holds back, and with it the hours from `first_hour` to `last_hour`.

    Attributes:
        period_start: Of the first group of an hour that failed, or else of a day.
        observed: Figures for people, as JSON; and what has to pass before the hour is let go: `hours` and `days`, the
            first instants of those whose groups failed.
    """

    suite: str
    expectation: str
    site_code: str
    hour: datetime
    first_hour: datetime
    last_hour: datetime
    period_start: datetime
    observed: dict[str, Any]


def holds_of(groups: Iterable[FailedGroup], window: Window, waiting: Waiting) -> list[Hold]:
    """What is held back because of failed groups, one for each site, hour and expectation.

    A group of readings or events holds its own hour. One of what was received in an hour or on a day holds all hours
    of its site that wait with something of it.

    Args:
        groups: That break a critical expectation.
        window: In which they were judged. Of an hour that is not wholly in it, too little is known.
        waiting: What waits for its rollup, and when it was received.
    """
    found: dict[tuple[str, str, str, datetime], list[tuple[FailedGroup, datetime, datetime]]] = {}
    for group in groups:
        for hour, first, last in _hours(group, waiting.get(group.site_code, {})):
            if window.start <= hour and hour + _HOUR <= window.end:
                key = (group.suite, group.expectation, group.site_code, hour)
                found.setdefault(key, []).append((group, first, last))
    return [_hold(key, of_hour) for key, of_hour in sorted(found.items())]


def failed_hours_of(groups: Iterable[FailedGroup]) -> set[Period]:
    """The hours whose groups failed: of readings and events, or of receipt."""
    return {
        (group.suite, group.expectation, group.site_code, instant_of(group.period_start))
        for group in groups
        if group.grain == "hour"
    }


def instant_of(period_start: datetime) -> str:
    """The first instant of an hour or a day as holds keep it."""
    return period_start.astimezone(UTC).isoformat()


def _hours(
    group: FailedGroup, waiting: Mapping[datetime, Collection[tuple[str, datetime]]]
) -> Iterable[tuple[datetime, datetime, datetime]]:
    if group.first_hour is not None and group.last_hour is not None:
        yield group.period_start, group.first_hour, group.last_hour
        return
    period = (group.grain, group.period_start)
    yield from ((hour, hour, hour) for hour, periods in waiting.items() if period in periods)


def _hold(key: tuple[str, str, str, datetime], of_hour: Sequence[tuple[FailedGroup, datetime, datetime]]) -> Hold:
    suite, expectation, site_code, hour = key
    hours = sorted({group.period_start for group, _, _ in of_hour if group.grain == "hour"})
    days = sorted({group.period_start for group, _, _ in of_hour if group.grain == "day"})
    subjects = sorted({group.subject_code for group, _, _ in of_hour if group.subject_code})
    return Hold(
        suite=suite,
        expectation=expectation,
        site_code=site_code,
        hour=hour,
        first_hour=min(first for _, first, _ in of_hour),
        last_hour=max(last for _, _, last in of_hour),
        period_start=min(hours or days),
        observed={
            "worst": max(group.measured for group, _, _ in of_hour),
            "subjects": subjects[:_SHOWN_SUBJECTS],
            "subject_count": len(subjects),
            "hours": [instant_of(hour) for hour in hours],
            "days": [instant_of(day) for day in days],
        },
    )
