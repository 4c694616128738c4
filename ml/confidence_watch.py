"""Watches one stream of hourly mean confidence for episodes of drift (D12). Tables do not belong here.

Three things open an episode, each only if it persists for three hours with enough samples:

- the level is critical (S1-059, S1-062);
- it fell by more than 10 % from one hour to the next (S1-063, C9);
- Page-Hinkley's test says that the mean has sunk, and the level is neither healthy nor about what it was.

Persistence is had by looking at the best of the last three hours: a glitch of half an hour spoils two hours at most.
An episode lasts until the mean of six hours is healthy again; for a day after that none opens.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import fmean, median
from typing import Final

CRITICAL_BELOW: Final = 0.75
HEALTHY_ABOVE: Final = 0.85
SUDDEN_FALL_RATIO: Final = 0.10
LEAST_SAMPLES: Final = 30
PERSISTENCE_HOURS: Final = 3
RECOVERY_HOURS: Final = 6
COOLDOWN: Final = timedelta(hours=24)
MEMORY_HOURS: Final = 72
HOUR: Final = timedelta(hours=1)

# Page-Hinkley's test (Page 1954, Hinkley 1971) adds up how far each hour lies below the usual level, less TOLERANCE,
# and signals above THRESHOLD. The usual level is the median of three days, and no hour counts for more than MOST_BELOW:
# neither a glitch nor a long gone past weighs. Figures of 30 days x 400 streams are in docs/model_health.md.
TOLERANCE: Final = 0.04
MOST_BELOW: Final = 0.06
THRESHOLD: Final = 0.065
WARM_UP_HOURS: Final = 12
LEAST_FALL: Final = 0.03


@dataclass(frozen=True)
class HourlyMean:
    """Mean confidence of one hour.

    Attributes:
        hour: Its start, UTC.
        mean: 0-1, over all samples, also those under the 0.7 gate (C8).
        sample_count: How many there were.
    """

    hour: datetime
    mean: float
    sample_count: int


@dataclass(frozen=True)
class Drift:
    """An episode of drift.

    Attributes:
        detected_at: End of the hour in which it became certain, UTC.
        band: Health at that time.
        mean_before: Median of the hours before it, up to three days.
        mean_after: Mean of the three hours that made it certain.
        sample_count: Samples in these three hours.
        recovered_at: When confidence had been healthy for six hours; None while it is not.
    """

    detected_at: datetime
    band: str
    mean_before: float
    mean_after: float
    sample_count: int
    recovered_at: datetime | None = None


def band_of(confidence: float) -> str:
    """Health by level: critical under 0.75, warning up to 0.85, healthy above (S1-059..061)."""
    if confidence < CRITICAL_BELOW:
        return "critical"
    return "warning" if confidence <= HEALTHY_ABOVE else "healthy"


def is_sudden_fall(hours: Sequence[HourlyMean]) -> bool:
    """Whether the mean fell by more than 10 %, relative, from one hour to the next and stayed there (C9).

    Args:
        hours: The hours before the fall and the three since, each with enough samples. The fall counts if the last
            four follow each other without a gap, and if it is one from the level of the hours before, too: the hour
            after a lucky one is no fall.
    """
    earlier, since = hours[:-PERSISTENCE_HOURS], hours[-PERSISTENCE_HOURS:]
    if since[-1].hour - earlier[-1].hour != PERSISTENCE_HOURS * HOUR:
        return False
    fallen_from = max(later.mean for later in since) / (1.0 - SUDDEN_FALL_RATIO)
    return fallen_from < earlier[-1].mean and fallen_from < median(past.mean for past in earlier[-RECOVERY_HOURS:])


class ConfidenceWatch:
    """Follows one stream, hour by hour.

    Args:
        last: The latest episode known; the watch goes on from there. None: from the beginning.
    """

    def __init__(self, last: Drift | None = None) -> None:
        self._open = last if last and last.recovered_at is None else None
        self._quiet_until = last.recovered_at + COOLDOWN if last and last.recovered_at else None
        self._start_over()

    def _start_over(self) -> None:
        self._fallen = 0.0
        self._hours: deque[HourlyMean] = deque(maxlen=MEMORY_HOURS)

    def update(self, hour: HourlyMean) -> Drift | None:
        """Take the next hour; returns the episode that it opened or closed, if any."""
        if hour.sample_count < LEAST_SAMPLES:
            return None
        self._hours.append(hour)
        if self._open:
            return self._look_for_recovery(self._open, hour)
        return self._look_for_drift(hour)

    def _look_for_recovery(self, drift: Drift, hour: HourlyMean) -> Drift | None:
        recent = list(self._hours)[-RECOVERY_HOURS:]
        if len(recent) < RECOVERY_HOURS or fmean(past.mean for past in recent) <= HEALTHY_ABOVE:
            return None
        closed = replace(drift, recovered_at=hour.hour + HOUR)
        self._open, self._quiet_until = None, hour.hour + HOUR + COOLDOWN
        self._start_over()
        return closed

    def _look_for_drift(self, hour: HourlyMean) -> Drift | None:
        hours = list(self._hours)
        recent, earlier = hours[-PERSISTENCE_HOURS:], hours[:-PERSISTENCE_HOURS]
        if len(recent) < PERSISTENCE_HOURS:
            return None
        before = median(one.mean for one in earlier or recent)
        if len(earlier) >= WARM_UP_HOURS:
            self._add_up(before - hour.mean)
        if not self._is_drift(hours, before) or (self._quiet_until and hour.hour < self._quiet_until):
            return None
        samples = sum(one.sample_count for one in recent)
        after = sum(one.mean * one.sample_count for one in recent) / samples
        self._open = Drift(hour.hour + HOUR, band_of(after), before, after, samples)
        self._start_over()
        return self._open

    def _add_up(self, below: float) -> None:
        """Page-Hinkley's sum. It is bounded, so that it is soon gone once confidence is what it was."""
        self._fallen = min(max(self._fallen + min(below, MOST_BELOW) - TOLERANCE, 0.0), 2 * THRESHOLD)

    def _is_drift(self, hours: list[HourlyMean], before: float) -> bool:
        best = max(one.mean for one in hours[-PERSISTENCE_HOURS:])
        if best < CRITICAL_BELOW:
            return True
        if self._fallen > THRESHOLD and best <= min(HEALTHY_ABOVE, before - LEAST_FALL):
            return True
        return len(hours) > PERSISTENCE_HOURS and is_sudden_fall(hours)


def find_drifts(hours: Iterable[HourlyMean], last: Drift | None = None) -> list[Drift]:
    """All episodes of a stream, each as it ended up; with `last`, that one too if it has recovered since.

    Args:
        hours: In order of time; those already judged when `last` was found are passed over.
        last: The latest episode known.
    """
    since = (last.recovered_at or last.detected_at) if last else None
    watch, found = ConfidenceWatch(last), {}
    for hour in hours:
        if since is None or hour.hour >= since:
            drift = watch.update(hour)
            if drift:
                found[drift.detected_at] = drift
    return list(found.values())
