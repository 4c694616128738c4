"""Whether a piece of work is asked for now, later or not any more. What the work is, each sensor decides.

Dagster remembers a run key for ever, so a sensor that keys by content alone could never try again. Here each run
carries the content it is about in a tag, and what became of earlier runs with the same tag decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import dagster as dg
from dagster._core.storage.tags import ROOT_RUN_ID_TAG

from orchestration.settings import OrchestrationSettings

WORK_TAG: Final = "millrace/work"
LONGEST_DELAY: Final = timedelta(minutes=30)
LONGEST_MEMORY: Final = timedelta(days=14)
# More runs than any limit has tries, each with Dagster's two retries, and than it takes to reach the longest delay.
_LOOKED_AT: Final = 40
UNDER_WAY: Final = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
FAILED: Final = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True)
class Go:
    """Ask for the run; `after` is the id of the last run about the same content, which makes the run key unique.

    Counting would not: once old runs are deleted, a count comes back, and Dagster takes a run key it knows for done.
    """

    after: str | None = None


@dataclass(frozen=True)
class Hold:
    """Do not ask for the run now; `reason` is for the person who reads the tick."""

    reason: str


def is_under_way(instance: dg.DagsterInstance, job_name: str, tags: Mapping[str, str] | None = None) -> bool:
    """Whether a run of the job is queued or in progress. A run whose process is gone is failed by run monitoring."""
    return instance.get_runs_count(dg.RunsFilter(job_name=job_name, tags=tags, statuses=UNDER_WAY)) > 0


def is_done(instance: dg.DagsterInstance, work: str) -> bool:
    """Whether a run about exactly this content has succeeded."""
    done = dg.RunsFilter(tags={WORK_TAG: work}, statuses=[dg.DagsterRunStatus.SUCCESS])
    return instance.get_runs_count(done) > 0


def succeeded_steps(instance: dg.DagsterInstance, run_id: str) -> set[str]:
    """Keys of the steps of a run that went well."""
    stats = instance.get_run_step_stats(run_id)
    return {step.step_key for step in stats if step.status is not None and step.status.value == "SUCCESS"}


def failed_after(
    instance: dg.DagsterInstance, job_name: str, *, done: str, not_done: str, since: datetime
) -> list[dg.RunRecord]:
    """Runs of a job that failed since a moment (UTC), in which one step succeeded and another did not."""
    failed = dg.RunsFilter(job_name=job_name, statuses=FAILED, updated_after=since)
    found = []
    for record in instance.get_run_records(failed):
        succeeded = succeeded_steps(instance, record.dagster_run.run_id)
        if done in succeeded and not_done not in succeeded:
            found.append(record)
    return found


def judge(
    instance: dg.DagsterInstance,
    work: str,
    *,
    now: datetime,
    related: Sequence[dg.RunRecord] = (),
    max_attempts: int | None = None,
) -> Go | Hold:
    """Decide whether work is tried now.

    Args:
        instance: Where runs are remembered.
        work: Names the content: the same work with other data is other work.
        now: The present, UTC.
        related: Finished runs about the same place with any content, newest first. Each failure since the last
            success doubles the delay, so that content that changes every minute is not tried every minute.
        max_attempts: How often the same content is tried; None: for ever, at the longest delay.
            What Dagster started again by itself, because a process died, is no try of the sensor.
    """
    same = instance.get_run_records(dg.RunsFilter(tags={WORK_TAG: work}), limit=_LOOKED_AT)
    if any(record.dagster_run.status in UNDER_WAY for record in same):
        return Hold("is under way")
    failures = _since_last_success(related or same)
    tries = _first_runs(same)
    if max_attempts is not None and tries >= max_attempts:
        last = same[0].dagster_run
        return Hold(
            f"failed {tries} times on the same data; look at run {last.run_id}, mend the cause, "
            f"then launch {last.job_name} for it by hand"
        )
    if failures:
        count = max(_first_runs(failures), 1)
        due = _ended_at(failures[0]) + _delay(count)
        if due > now:
            run_id = failures[0].dagster_run.run_id
            return Hold(f"failed {count} times in a row, last in run {run_id}; next try at {due:%H:%M:%S} UTC")
    return Go(after=same[0].dagster_run.run_id if same else None)


def _first_runs(records: Sequence[dg.RunRecord]) -> int:
    """How many of the runs are no retry of another."""
    return sum(ROOT_RUN_ID_TAG not in record.dagster_run.tags for record in records)


def _since_last_success(records: Sequence[dg.RunRecord]) -> list[dg.RunRecord]:
    failures = []
    for record in records:
        if record.dagster_run.status == dg.DagsterRunStatus.SUCCESS:
            break
        if record.dagster_run.status in FAILED:
            failures.append(record)
    return failures


def _delay(failures: int) -> timedelta:
    first = timedelta(seconds=OrchestrationSettings().retry_delay_s)
    return min(first * (1 << min(failures - 1, 10)), LONGEST_DELAY)


def _ended_at(record: dg.RunRecord) -> datetime:
    ended = record.end_time or record.update_timestamp.timestamp()
    return datetime.fromtimestamp(ended, UTC)
