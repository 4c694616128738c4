"""Turns work that is due into run requests. What is due, each sensor says; whether it is tried now, `attempts`."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from orchestration.attempts import MAX_ATTEMPTS, WORK_TAG, Hold, judge


@dataclass(frozen=True, kw_only=True)
class Work:
    """One run that a sensor would like to have.

    Attributes:
        name: Names the work and its content: the same work on other data has another name.
        label: What a person calls it.
        tags: Tags of the run, such as its range of partitions.
        partition_key: Of the run, where it has a single partition.
        run_config: Of the run.
        related: Finished runs about the same place with any content, newest first.
        max_attempts: How often this content is tried; None: for ever.
    """

    name: str
    label: str
    tags: Mapping[str, str] = field(default_factory=dict)
    partition_key: str | None = None
    run_config: Mapping[str, Any] = field(default_factory=dict)
    related: Sequence[dg.RunRecord] = ()
    max_attempts: int | None = MAX_ATTEMPTS


def ask_for(
    instance: dg.DagsterInstance, works: Iterable[Work], *, notes: Sequence[str] = (), most: int | None = None
) -> dg.SensorResult:
    """Request the runs that are to be tried now.

    Args:
        instance: Where earlier runs are remembered.
        works: What is due, most urgent first.
        notes: What else the reader of a tick without requests should know.
        most: How many runs one tick may ask for.
    """
    requests: list[dg.RunRequest] = []
    reasons = list(notes)
    for work in works:
        verdict = judge(
            instance, work.name, now=datetime.now(UTC), related=work.related, max_attempts=work.max_attempts
        )
        if isinstance(verdict, Hold):
            reasons.append(f"{work.label}: {verdict.reason}")
            continue
        request = dg.RunRequest(
            run_key=work.name if verdict.number == 1 else f"{work.name}:{verdict.number}",
            partition_key=work.partition_key,
            run_config=work.run_config,
            tags={**work.tags, WORK_TAG: work.name},
        )
        requests.append(request)
        if len(requests) == most:
            break
    if requests:
        return dg.SensorResult(run_requests=requests)
    return dg.SensorResult(skip_reason=dg.SkipReason("; ".join(reasons) or "nothing is due"))
