"""Turns work that is due into run requests. What is due, each sensor says; whether it is tried now, `attempts`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg

from orchestration.attempts import WORK_TAG, Hold, judge

# On jobs that may take hours: dagster.yaml lets so few of them run at once that loads and rollups always have a slot.
BACKGROUND: Final = {"millrace/background": "true", "dagster/max_runtime": str(8 * 3_600)}


@dataclass(frozen=True, kw_only=True)
class Work:
    """One run that a sensor would like to have.

    Attributes:
        name: Names the work and its content: the same work on other data has another name.
        label: What a person calls it.
        job_name: Where the sensor asks for runs of several jobs.
        tags: Tags of the run, such as its range of partitions.
        partition_key: Of the run, where it has a single partition.
        run_config: Of the run.
        related: Finished runs about the same place with any content, newest first.
        max_attempts: How often this content is tried; None: for ever, at the longest delay.
    """

    name: str
    label: str
    job_name: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    partition_key: str | None = None
    run_config: Mapping[str, Any] = field(default_factory=dict)
    related: Sequence[dg.RunRecord] = ()
    max_attempts: int | None = None

    def request(self, after: str | None = None) -> dg.RunRequest:
        """The run, told apart from an earlier one about the same content."""
        return dg.RunRequest(
            run_key=self.name if after is None else f"{self.name}:after:{after}",
            job_name=self.job_name,
            partition_key=self.partition_key,
            run_config=self.run_config,
            tags={**self.tags, WORK_TAG: self.name},
        )


def ask_for(
    context: dg.SensorEvaluationContext,
    works: Iterable[Work],
    *,
    notes: Sequence[str] = (),
    most: int | None = None,
) -> dg.SensorResult:
    """Request the runs that are to be tried now; the tick, or its log where there are any, tells of everything else.

    Args:
        context: Of the tick; its instance remembers earlier runs.
        works: What is due, most urgent first.
        notes: What else the reader of the tick should know.
        most: How many runs one tick may ask for.
    """
    requests: list[dg.RunRequest] = []
    reasons = list(notes)
    for work in works:
        verdict = judge(
            context.instance, work.name, now=datetime.now(UTC), related=work.related, max_attempts=work.max_attempts
        )
        if isinstance(verdict, Hold):
            reasons.append(f"{work.label}: {verdict.reason}")
            continue
        requests.append(work.request(verdict.after))
        if len(requests) == most:
            break
    if requests:
        for reason in reasons:
            context.log.info(reason)
        return dg.SensorResult(run_requests=requests)
    return dg.SensorResult(skip_reason=dg.SkipReason("; ".join(reasons) or "nothing is due"))


def by_the_clock(works: Sequence[Work], otherwise: str) -> list[dg.RunRequest] | dg.SkipReason:
    """What a schedule asks for; `otherwise` is said where that is nothing. Dagster evaluates each tick of it once."""
    return [work.request() for work in works] or dg.SkipReason(otherwise)
