"""Runs over ranges of hours or days, held back by failures on overlapping ranges. Which are due, the sensors say."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from itertools import takewhile
from typing import Final

import dagster as dg

from orchestration.attempts import FAILED, succeeded_steps
from orchestration.defs.partitions import overlaps
from orchestration.work import Work
from warehouse.ledger import Snapshot

_LOOKED_AT: Final = 20


def range_works(
    instance: dg.DagsterInstance, job_name: str, step: str, ranges: Iterable[tuple[Mapping[str, str], Snapshot]]
) -> Iterator[Work]:
    """Name a run over each range for what the ledger says of every hour in it.

    Args:
        instance: Where earlier runs are remembered.
        job_name: The job that builds ranges.
        step: The step that builds. Where it went well the range was built: what failed after it, such as the scoring
            while MLflow was away, holds nothing back.
        ranges: The tags that ask for a range, and the ledger there.
    """
    recent = instance.get_run_records(dg.RunsFilter(job_name=job_name), limit=_LOOKED_AT)

    def is_unbuilt(record: dg.RunRecord) -> bool:
        run = record.dagster_run
        return run.status not in FAILED or step not in succeeded_steps(instance, run.run_id)

    for tags, snapshot in ranges:
        content = hashlib.sha256(repr(snapshot).encode()).hexdigest()[:16]
        label = " to ".join(tags.values())
        overlapping = (record for record in recent if overlaps(record.dagster_run.tags, tags))
        yield Work(
            name=f"{job_name}:{label}:{content}",
            label=label,
            tags=tags,
            related=tuple(takewhile(is_unbuilt, overlapping)),
        )
