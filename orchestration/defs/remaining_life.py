"""Models and forecasts of remaining life as assets, and when they run. Mathematics and MLflow are in `ml.rul`.

See https://docs.dagster.io/guides/build/assets and https://docs.dagster.io/guides/automate/schedules
"""

from dataclasses import asdict
from typing import Any, Final

import dagster as dg

from ml.settings import MlSettings
from orchestration.columns import table_metadata
from orchestration.defs.dbt_project import TRANSFORM_POOL
from orchestration.defs.ml import CLASS_TAG, TRAINING_POOL, TRIGGER_TAG, cause_of, told
from orchestration.defs.resources import WarehouseResource
from orchestration.described import schedule
from orchestration.pending import has_remaining_life_model
from orchestration.work import BACKGROUND, Work

_OWNERS: Final = ["team:ml"]
_SOURCES: Final = [["marts", "features_equipment_readings"], ["marts", "fct_equipment_failures"]]


class RulTrainingConfig(dg.Config):
    """Which model is trained, and why."""

    equipment_class: str
    trigger: str = "manual"


@dg.asset(
    key=["ml", "remaining_life_models"],
    group_name="ml",
    pool=TRAINING_POOL,
    deps=_SOURCES,
    kinds={"mlflow", "pytorch"},
    owners=_OWNERS,
)
def remaining_life_models(
    context: dg.AssetExecutionContext, config: RulTrainingConfig, warehouse: WarehouseResource
) -> dg.MaterializeResult[Any]:
    """Registered models `rul-<equipment class>` in MLflow; the alias `champion` forecasts."""
    from ml.rul.train import train

    outcome = train(
        warehouse.engine(MlSettings().warehouse_url),
        config.equipment_class,
        cause_of(context, config.trigger),
        progress=lambda stage, share: context.log.info(f"{stage}: {share:.0%}"),
    )
    return dg.MaterializeResult(metadata=told(outcome, config.trigger))


@dg.asset(
    key=["ml", "remaining_life"],
    group_name="ml",
    pool=TRANSFORM_POOL,
    deps=[*_SOURCES, ["ml", "remaining_life_models"]],
    kinds={"pytorch", "postgres"},
    owners=_OWNERS,
    metadata=table_metadata("ml", "remaining_life"),
)
def remaining_life(warehouse: WarehouseResource) -> dg.MaterializeResult[Any]:
    """How long running equipment will still run (S0-028). One row per equipment, newest reading and model version."""
    from ml.rul.predict import forecast_all

    return dg.MaterializeResult(metadata=asdict(forecast_all(warehouse.engine(MlSettings().warehouse_url))))


rul_training = dg.define_asset_job(
    "rul_training",
    dg.AssetSelection.assets(remaining_life_models),
    description="Train the model of remaining life of one equipment class.",
    tags=BACKGROUND,
)
forecast = dg.define_asset_job(
    "forecast",
    dg.AssetSelection.assets(remaining_life),
    description="Forecast the remaining life of all running equipment.",
)


@schedule(
    job=forecast,
    cron_schedule="20 * * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
)
def hourly_forecast(
    context: dg.ScheduleEvaluationContext, warehouse: WarehouseResource
) -> dg.RunRequest | dg.SkipReason:
    """Forecast every hour, once there is a model."""
    if not has_remaining_life_model(warehouse.engine()):
        return dg.SkipReason("no equipment class has a model of remaining life yet")
    return dg.RunRequest(run_key=f"{context.scheduled_execution_time:%Y-%m-%dT%H:%M}")


def rul_training_work(equipment_class: str, trigger: str, name: str) -> Work:
    """A training run of one equipment class."""
    config = {"equipment_class": equipment_class, "trigger": trigger}
    return Work(
        name=name,
        label=f"training of remaining life of {equipment_class}",
        tags={CLASS_TAG: equipment_class, TRIGGER_TAG: trigger},
        run_config={"ops": {"ml__remaining_life_models": {"config": config}}},
    )
