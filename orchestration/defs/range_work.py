"""Runs over ranges of hours or days, held back and cut by what failed there before. Which are due, the sensors say."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import takewhile
from typing import Final, Generic

import dagster as dg

from orchestration.attempts import FAILED, succeeded_steps
from orchestration.defs.partitions import DAY, HOUR, Moment, day_tags, days_of, hour_tags, hours_of
from orchestration.work import Work
from warehouse.ledger import Snapshot

_LOOKED_AT: Final = 50


@dataclass(frozen=True)
class RangeJob(Generic[Moment]):
    """A job that builds ranges.

    Attributes:
        name: Of the job.
        step: The step that builds. Where it went well the range is built: what failed after it, such as the scoring
            while MLflow was away, neither holds back nor cuts.
        unit: The shortest range.
        tags_of: The run tags that ask for a range.
        range_of: The range that a run's tags ask for.
    """

    name: str
    step: str
    unit: timedelta
    tags_of: Callable[[Moment, Moment], Mapping[str, str]]
    range_of: Callable[[Mapping[str, str]], tuple[Moment, Moment] | None]


HOURLY: Final = RangeJob[datetime]("hourly_rollup", "dbt_hourly", HOUR, hour_tags, hours_of)
DAILY: Final = RangeJob[date]("daily_kpis", "dbt_daily", DAY, day_tags, days_of)


@dataclass(frozen=True)
class _Recent(Generic[Moment]):
    """A run of late, and its range."""

    record: dg.RunRecord
    start: Moment
    end: Moment


def range_works(
    instance: dg.DagsterInstance,
    job: RangeJob[Moment],
    ranges: Iterable[tuple[Moment, Moment]],
    seen: Callable[[Moment, Moment], Snapshot],
) -> Iterator[Work]:
    """The runs over ranges, each named for what the ledger says of every hour in it.

    A range that failed is cut in half, and a half that fails again, until the bad hour stands alone: it waits for a
    person, and the others are built.

    Args:
        instance: Where earlier runs are remembered.
        job: Builds the ranges.
        ranges: Half-open, most urgent first.
        seen: What the ledger says of a range.
    """
    recent = list(_recent(instance, job))

    def is_unbuilt(run: _Recent[Moment]) -> bool:
        status, run_id = run.record.dagster_run.status, run.record.dagster_run.run_id
        is_built = status in FAILED and job.step in succeeded_steps(instance, run_id)
        return status != dg.DagsterRunStatus.SUCCESS and not is_built

    def works(start: Moment, end: Moment) -> Iterator[Work]:
        overlapping = (run for run in recent if run.start < end and start < run.end)
        since_built = list(takewhile(is_unbuilt, overlapping))
        length = (end - start) // job.unit
        if length > 1 and _failed_within(since_built, end - start):
            middle = start + length // 2 * job.unit
            yield from works(start, middle)
            yield from works(middle, end)
            return
        tags, content = job.tags_of(start, end), hashlib.sha256(repr(seen(start, end)).encode()).hexdigest()[:16]
        label = " to ".join(tags.values())
        related = tuple(run.record for run in since_built)
        yield Work(name=f"{job.name}:{label}:{content}", label=label, tags=tags, related=related)

    for start, end in ranges:
        yield from works(start, end)


def _recent(instance: dg.DagsterInstance, job: RangeJob[Moment]) -> Iterator[_Recent[Moment]]:
    for record in instance.get_run_records(dg.RunsFilter(job_name=job.name), limit=_LOOKED_AT):
        if found := job.range_of(record.dagster_run.tags):
            yield _Recent(record, *found)


def _failed_within(runs: Sequence[_Recent[Moment]], length: timedelta) -> bool:
    """Whether a run failed over no more than this: one that failed over more says little of this part of it."""
    return any(run.record.dagster_run.status in FAILED and run.end - run.start <= length for run in runs)
