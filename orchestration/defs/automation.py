"""Jobs, and what runs by the clock. Sensors stand beside the assets they serve; pools and limits are in dagster.yaml.

See https://docs.dagster.io/guides/build/jobs and https://docs.dagster.io/guides/automate/schedules
"""

from collections.abc import Sequence

import dagster as dg

from orchestration.clock import clocked
from orchestration.defs import dbt_project, expectations, ingestion_api, ml, remaining_life, scoring, storage
from orchestration.defs.model_report import model_performance_reports
from orchestration.defs.resources import WarehouseResource
from orchestration.described import schedule
from orchestration.pending import classes_with_failures, equipment_classes, has_signs_of_failure
from orchestration.work import BACKGROUND, Work, by_the_clock

_SCORES = dg.AssetSelection.assets(scoring.scores)

load = dg.define_asset_job(
    "load",
    dg.AssetSelection.assets(ingestion_api.raw).without_checks(),
    description="Pull one site: registry changes, readings, events, alarm changes.",
)
reference = dg.define_asset_job(
    "reference",
    dg.AssetSelection.assets(dbt_project.reference),
    description="Seeds, staging views, dimensions and features.",
)
hourly_rollup = dg.define_asset_job(
    "hourly_rollup",
    dg.AssetSelection.checks(expectations.raw_is_plausible) | dg.AssetSelection.assets(dbt_project.hourly) | _SCORES,
    description="A range of hours: check the raw data, roll it up, score it.",
)
daily_kpis = dg.define_asset_job(
    "daily_kpis",
    dg.AssetSelection.assets(dbt_project.daily, ml.drift_episodes),
    description="A range of local days: KPIs, model health, drift.",
)
drift_look = dg.define_asset_job(
    "drift_look",
    dg.AssetSelection.assets(ml.drift_episodes),
    description="Look for drift again, where the look after the daily KPIs failed.",
)
equipment_health = dg.define_asset_job(
    "equipment_health",
    dg.AssetSelection.assets(dbt_project.health),
    description="How each piece of equipment is, for dashboards (S0-036).",
)
training = dg.define_asset_job(
    "training",
    dg.AssetSelection.assets(ml.models),
    description="Train a challenger for one equipment class and let the gate decide.",
    tags=BACKGROUND,
)
model_report = dg.define_asset_job(
    "model_report",
    dg.AssetSelection.assets(model_performance_reports),
    description="Write the model performance report of a week (S1-064).",
)
scoring_job = dg.define_asset_job(
    "scoring", _SCORES, description="Score a range of hours again, after a promotion or a rollback."
)

care_of_storage = dg.define_asset_job(
    "care_of_storage",
    dg.AssetSelection.assets(
        storage.archived_days,
        storage.compressed_chunks,
        storage.dropped_chunks,
        storage.dropped_hours,
        storage.dropped_alarms,
        storage.dropped_validations,
    ),
    description="Archive and compress cold days of raw rows; drop what is past its retention where a setting says so.",
    tags=BACKGROUND,
)
hourly_aggregate = dg.define_asset_job(
    "hourly_aggregate",
    dg.AssetSelection.assets(storage.sensor_readings_hourly),
    description="Refresh the continuous aggregate, where there is one.",
    tags=BACKGROUND,
)
quarter_hourly_aggregate = dg.ScheduleDefinition(
    name="quarter_hourly_aggregate",
    description="Refresh the continuous aggregate every 15 minutes. Off until somebody turns it on.",
    job=hourly_aggregate,
    cron_schedule="*/15 * * * *",
    execution_timezone="UTC",
)


@schedule(
    job=model_report,
    cron_schedule="0 5 * * 2",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def weekly_model_report(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """Report the models on Tuesday, when what the last day of the week brought late has been summarized."""
    work = Work(name="model_report", label="model performance report")
    return _at_tick(context, "weekly_model_report", [work])


# Nothing is deleted unless MILLRACE_DROP_RAW says so; hence it runs by itself.
@schedule(
    job=care_of_storage,
    cron_schedule="30 1 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def daily_care_of_storage(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
    """Take care of storage every night."""
    return _at_tick(context, "daily_care_of_storage", [Work(name="care_of_storage", label="care of storage")])


@schedule(job=training, cron_schedule="0 3 * * 0", execution_timezone="UTC")
def weekly_training(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Train a challenger of every equipment class on what the week has brought. Off until somebody turns it on."""
    classes = equipment_classes(warehouse.engine())
    works = [ml.training_work(name, "schedule", name) for name in classes]
    return _at_tick(context, "weekly_training", works, otherwise="there is no equipment in the marts yet")


@schedule(
    job=remaining_life.rul_training,
    cron_schedule="0 4 * * 0",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def weekly_rul_training(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> list[dg.RunRequest] | dg.SkipReason:
    """Train for every equipment class of which enough pieces have failed."""
    classes = classes_with_failures(warehouse.engine())
    works = [remaining_life.rul_training_work(name, "schedule", name) for name in classes]
    return _at_tick(context, "weekly_rul_training", works, otherwise="of no equipment class have enough pieces failed")


def _at_tick(
    context: dg.ScheduleEvaluationContext, schedule: str, works: Sequence[Work], otherwise: str = ""
) -> list[dg.RunRequest] | dg.SkipReason:
    """What a schedule asks for at this tick, named so that it is asked for again where it fails."""
    return by_the_clock([clocked(work, schedule, context.scheduled_execution_time) for work in works], otherwise)


@schedule(
    job=equipment_health,
    cron_schedule="*/30 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def half_hourly_equipment_health(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Summarize the health of the equipment every 30 minutes (S0-036), once there is any."""
    if not equipment_classes(warehouse.engine()):
        return dg.SkipReason("there is no equipment in the marts yet")
    if not has_signs_of_failure(warehouse.engine()):
        return dg.SkipReason("no local day is computed yet")
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}")
