"""Old runs of Dagster: forgotten, or reduced to what its pages still show. When that is done is in `defs`.

A load every half minute is a million runs and a hundred million events a year. Dagster keeps them for ever; it deletes
ticks by itself (dagster.yaml), but no runs.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import dagster as dg
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable, SqlEventLogStorageTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from sqlalchemy import Connection, and_, delete, func, not_, or_, select
from sqlalchemy.orm import aliased

from orchestration.errors import PruningUnsupported

# What a model came from is told for ever; MLflow links to its run.
KEPT_JOBS: Final = frozenset({"training", "rul_training"})
FINISHED: Final = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_MATERIALIZATION: Final = dg.DagsterEventType.ASSET_MATERIALIZATION.value
# What a run's page, its time line and the pages of its assets show. Logs, plans and evaluated checks go.
_SHOWN: Final = ("PIPELINE_", "STEP_START", "STEP_SUCCESS", "STEP_FAILURE", _MATERIALIZATION, "ASSET_OBSERVATION")
_PAGE: Final = 200
_PLANS: Final = 10_000


@dataclass(frozen=True)
class Pruned:
    """What was forgotten.

    Attributes:
        deleted: Runs that left nothing that is still the newest of its kind.
        reduced: Runs that did, and lost the events that no page needs.
        event_count: Events that the reduced runs lost.
        check_count: Evaluations of asset checks that newer ones had replaced.
        observation_count: Events of sensors, outside of any run, that newer ones had replaced: the lag of days gone by.
    """

    deleted: int = 0
    reduced: int = 0
    event_count: int = 0
    check_count: int = 0
    observation_count: int = 0


def prune(instance: dg.DagsterInstance, since: datetime, before: datetime) -> Pruned:
    """Go through the finished runs that were created from `since` until before `before` (both UTC), once.

    A run stays as long as a page or a sensor needs it: one that holds the newest materialization of an asset or of one
    of its partitions loses its logs only, and a training nothing.

    Args:
        instance: Dagster's, on PostgreSQL.
        since: Where the last pruning ended. What stayed then is not looked at again.
        before: Younger runs stay as they are.

    Raises:
        PruningUnsupported: Dagster's events are not in SQL tables.
    """
    storage = _sql_storage(instance)
    pruned = Pruned()
    for page in _pages(instance, since, before):
        with storage.index_connection() as connection:
            needed = _with_newest_materialization(connection, page)
            event_count = _reduce(connection, needed)
        for run_id in page:
            if run_id not in needed:
                instance.delete_run(run_id)
        pruned = Pruned(
            pruned.deleted + len(page) - len(needed), pruned.reduced + len(needed), pruned.event_count + event_count
        )
    with storage.index_connection() as connection:
        check_count = _forget_replaced_checks(connection, before)
        observation_count = _forget_runless_events(connection, before)
    return replace(pruned, check_count=check_count, observation_count=observation_count)


def forget_plans(instance: dg.DagsterInstance, before: datetime) -> int:
    """Delete the plans of checks that came to nothing, which the pages call "Skipped"; some at a time.

    A run over hours or days plans each of its checks once for every one of them, and each is evaluated once, without a
    partition, so that no evaluation ever replaces those plans. A plan that is the last word of its check stays: there
    the newest run ended before its turn.

    Args:
        instance: Dagster's, on PostgreSQL.
        before: UTC. Younger plans stay, as their runs may be under way.

    Returns:
        How many.

    Raises:
        PruningUnsupported: Dagster's events are not in SQL tables.
    """
    check, count, last = AssetCheckExecutionsTable.c, 0, 0
    ids: Sequence[int]
    with _sql_storage(instance).index_connection() as connection:
        newest = list(connection.scalars(select(func.max(check.id)).group_by(check.asset_key, check.check_name)))
        plans = (
            select(check.id)
            .where(check.execution_status == AssetCheckExecutionRecordStatus.PLANNED.value)
            # As with checks below.
            .where(check.create_timestamp < before.replace(tzinfo=None), check.id.not_in(newest))
            .order_by(check.id)
            .limit(_PLANS)
        )
        while ids := connection.scalars(plans.where(check.id > last)).all():
            count += connection.execute(delete(AssetCheckExecutionsTable).where(check.id.in_(ids))).rowcount
            last = ids[-1]
    return count


def _sql_storage(instance: dg.DagsterInstance) -> SqlEventLogStorage:
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        raise PruningUnsupported(
            f"Dagster keeps its events in {type(storage).__name__}, which has no SQL tables to prune"
        )
    return storage


def _pages(instance: dg.DagsterInstance, since: datetime, before: datetime) -> Iterator[list[str]]:
    """Ids of the runs to look at, oldest first, some at a time."""
    finished = dg.RunsFilter(statuses=FINISHED, created_after=since, created_before=before)
    records = instance.get_run_records(finished, limit=_PAGE, ascending=True)
    while records:
        # Dagster looks the last one of a page up to find the next page, so that is read before anything is deleted.
        last = records[-1].dagster_run.run_id
        following = instance.get_run_records(finished, limit=_PAGE, cursor=last, ascending=True)
        yield [record.dagster_run.run_id for record in records if record.dagster_run.job_name not in KEPT_JOBS]
        records = following


def _with_newest_materialization(connection: Connection, run_ids: Sequence[str]) -> set[str]:
    event, newer = SqlEventLogStorageTable, aliased(SqlEventLogStorageTable)
    same_partition = or_(
        newer.c.partition == event.c.partition, and_(newer.c.partition.is_(None), event.c.partition.is_(None))
    )
    replaced = (
        select(newer.c.id)
        .where(newer.c.asset_key == event.c.asset_key, newer.c.dagster_event_type == _MATERIALIZATION, same_partition)
        .where(newer.c.id > event.c.id)
        .exists()
    )
    newest = select(event.c.run_id).distinct().where(event.c.run_id.in_(run_ids))
    query = newest.where(event.c.dagster_event_type == _MATERIALIZATION, not_(replaced))
    return set(connection.scalars(query))


def _reduce(connection: Connection, run_ids: Collection[str]) -> int:
    """Delete the events that no page shows; return how many."""
    event = SqlEventLogStorageTable.c
    is_shown = or_(*(event.dagster_event_type.startswith(start, autoescape=True) for start in _SHOWN))
    unshown = or_(event.dagster_event_type.is_(None), not_(is_shown))
    return connection.execute(delete(SqlEventLogStorageTable).where(event.run_id.in_(run_ids), unshown)).rowcount


def _forget_runless_events(connection: Connection, before: datetime) -> int:
    """Delete old events that belong to no run but for the newest of each kind and partition; return how many."""
    event = SqlEventLogStorageTable.c
    newest = (
        select(func.max(event.id))
        .where(event.run_id == RUNLESS_RUN_ID)
        .group_by(event.asset_key, event.partition, event.dagster_event_type)
    )
    # As with checks.
    is_old = event.timestamp < before.replace(tzinfo=None)
    gone = delete(SqlEventLogStorageTable).where(event.run_id == RUNLESS_RUN_ID, is_old, event.id.not_in(newest))
    return connection.execute(gone).rowcount


def _forget_replaced_checks(connection: Connection, before: datetime) -> int:
    """Delete old evaluations of asset checks but for the newest of each; return how many."""
    check = AssetCheckExecutionsTable.c
    newest = select(func.max(check.id)).group_by(check.asset_key, check.check_name, check.partition)
    # Their time has no zone; it is the server's, which is UTC.
    is_old = check.create_timestamp < before.replace(tzinfo=None)
    return connection.execute(delete(AssetCheckExecutionsTable).where(is_old, check.id.not_in(newest))).rowcount
