"""Work that the clock asks for, and its second chances. Which schedules there are is in `defs`.

A failed run of a sensor's work is asked for again by that sensor. A schedule's tick is evaluated once: what it asked
for and failed would wait for the next tick, which may be a week away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import dagster as dg

from orchestration.attempts import LONGEST_MEMORY, WORK_TAG
from orchestration.work import Work

CLOCK_TAG: Final = "millrace/clock"
# What is away for hours, such as MLflow, is to be back by then: the waits add up to two and a half hours.
_MAX_ATTEMPTS: Final = 10
# Sorts as time does, and has no colon, which ends the name before it.
_TICK: Final = "%Y-%m-%dT%H%M"


def clocked(work: Work, schedule: str, tick: datetime) -> Work:
    """Work as a schedule asks for it at a tick (UTC): another tick is other work."""
    name = f"{schedule}:{work.name}:{tick:{_TICK}}"
    return replace(work, name=name, tags={**work.tags, CLOCK_TAG: schedule})


def second_chances(instance: dg.DagsterInstance, schedules: Sequence[str], now: datetime) -> Iterator[Work]:
    """What schedules asked for and failed, each with the configuration it had; a newer tick takes an older one's place.

    A run that somebody cancelled is not asked for again, and one that Dagster starts again by itself is not yet.

    Args:
        instance: Where runs are remembered.
        schedules: Names of the schedules.
        now: The present, UTC.
    """
    newest: dict[str, dg.DagsterRun] = {}
    of_clock = dg.RunsFilter(tags={CLOCK_TAG: list(schedules)}, created_after=now - LONGEST_MEMORY)
    # The newest first, so of each tick the last run.
    for record in instance.get_run_records(of_clock):
        run = record.dagster_run
        series, _, tick = run.tags[WORK_TAG].rpartition(":")
        known = newest.get(series)
        if known is None or tick > known.tags[WORK_TAG].rpartition(":")[2]:
            newest[series] = run
    for run in newest.values():
        if run.status == dg.DagsterRunStatus.FAILURE and not run.is_complete_and_waiting_to_retry:
            yield Work(
                name=run.tags[WORK_TAG],
                label=run.tags[WORK_TAG],
                job_name=run.job_name,
                tags={name: value for name, value in run.tags.items() if name.startswith("millrace/")},
                run_config=run.run_config,
                max_attempts=_MAX_ATTEMPTS,
            )
