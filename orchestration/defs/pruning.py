"""Dagster's own runs and events, forgotten once they are old. What stays is decided in `orchestration/pruning.py`.

See https://docs.dagster.io/guides/automate/schedules
"""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import dagster as dg

from orchestration.clock import clocked
from orchestration.described import schedule
from orchestration.pruning import forget_plans, prune
from orchestration.settings import OrchestrationSettings
from orchestration.work import BACKGROUND, Work

KEY: Final = dg.AssetKey(["dagster", "pruned_runs"])
_FIRST: Final = datetime(2020, 1, 1, tzinfo=UTC)
# No run lasts as long: dagster.yaml and `work.BACKGROUND` see to that.
_PLANS_STAY: Final = timedelta(days=1)


@dg.asset(key=KEY, group_name="operations", kinds={"dagster", "postgres"}, owners=["team:platform"])
def pruned_runs(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Old runs that Dagster has forgotten, and how many events it no longer keeps of those that stay."""
    now = datetime.now(UTC)
    before = now - timedelta(days=OrchestrationSettings().dagster_keep_days)
    since = _pruned_until(context.instance)
    # A day longer than need be: a run is looked at again that was created then and has ended since.
    pruned = prune(context.instance, since - timedelta(days=1), before)
    plan_count = forget_plans(context.instance, now - _PLANS_STAY)
    return dg.MaterializeResult(
        metadata={
            **asdict(pruned),
            "plan_count": plan_count,
            "pruned_until": dg.MetadataValue.timestamp(max(before, since)),
        }
    )


def _pruned_until(instance: dg.DagsterInstance) -> datetime:
    """How far the last pruning came, UTC."""
    newest = instance.get_latest_materialization_event(KEY)
    made = newest.asset_materialization if newest else None
    until = made.metadata.get("pruned_until") if made else None
    return datetime.fromtimestamp(until.value, UTC) if isinstance(until, dg.TimestampMetadataValue) else _FIRST


pruning = dg.define_asset_job(
    "pruning",
    dg.AssetSelection.assets(pruned_runs),
    description="Forget old runs of Dagster but for those that something newest came from.",
    tags=BACKGROUND,
)


@schedule(
    job=pruning,
    cron_schedule="30 3 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_pruning(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest]:
    """Prune every night."""
    work = Work(name="pruning", label="pruning of Dagster's runs")
    return [clocked(work, "daily_pruning", context.scheduled_execution_time).request()]
