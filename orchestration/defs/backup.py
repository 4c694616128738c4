"""Base backups of the embedded database, once a day. How they are taken and restored is in `warehouse/backup.py`.

See https://docs.dagster.io/guides/automate/schedules
"""

from typing import Any

import dagster as dg

from orchestration.clock import clocked
from orchestration.described import schedule
from orchestration.work import BACKGROUND, Work
from warehouse.backup import take, why_not
from warehouse.settings import WarehouseSettings


@dg.asset(
    key=["backup", "base_backups"],
    deps=[["raw", "batches"]],
    group_name="operations",
    kinds={"postgres"},
    owners=["team:platform"],
)
def base_backups(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
    """Verified copies of the whole database cluster; with the archived WAL they restore any moment (C29)."""
    settings = WarehouseSettings()
    if reason := why_not(settings):
        context.log.info(f"nothing to do: {reason}")
        return dg.MaterializeResult(metadata={"skipped": reason})
    taken = take(settings.embedded(), settings.backups_kept)
    size = sum(path.stat().st_size for path in taken.directory.rglob("*") if path.is_file())
    return dg.MaterializeResult(
        metadata={
            "directory": dg.MetadataValue.path(str(taken.directory)),
            "bytes": size,
            "kept": settings.backups_kept,
        }
    )


base_backup = dg.define_asset_job(
    "base_backup",
    dg.AssetSelection.assets(base_backups),
    description="Copy the embedded database, verified.",
    tags=BACKGROUND,
)


@schedule(
    job=base_backup,
    cron_schedule="0 2 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_base_backup(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """A base backup a day; says why where there is nothing to back up."""
    if reason := why_not(WarehouseSettings()):
        return dg.SkipReason(reason)
    work = Work(name="base_backup", label="base backup")
    return [clocked(work, "daily_base_backup", context.scheduled_execution_time).request()]
