"""Models as assets: trained, promoted, watched for drift. Mathematics and MLflow are in `ml`; scores, in `scoring`.

torch and mlflow are loaded where they are used, in the run's own process: see `ml`.
See https://docs.dagster.io/guides/build/assets and https://docs.dagster.io/guides/automate/sensors
"""

from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import dagster as dg
from pydantic import Field

from ml.anomaly_model import FORMAT
from ml.cause import Cause
from ml.settings import MlSettings
from orchestration.attempts import FAILED, is_done, is_under_way, succeeded_steps
from orchestration.columns import table_metadata
from orchestration.defs.resources import WarehouseResource
from orchestration.described import sensor
from orchestration.history import History, Watch
from orchestration.pending import old_hours_pending, unanswered_episodes
from orchestration.rolled_up_hours import classes_without_champion
from orchestration.settings import OrchestrationSettings
from orchestration.work import Work, ask_for

if TYPE_CHECKING:
    from ml.rul.train import RulOutcome
    from ml.train import TrainingOutcome

TRAINING_POOL: Final = "training"
CLASS_TAG: Final = "millrace/equipment_class"
TRIGGER_TAG: Final = "millrace/trigger"
_OWNERS = ["team:ml"]
_FEATURES = ["marts", "features_equipment_readings"]
_settings = OrchestrationSettings()


class TrainingConfig(dg.Config):
    """Which model is trained, and why."""

    equipment_class: str = Field(description="Of the registry, such as pump")
    trigger: str = Field(default="manual", description="Why: MLflow and ml.promotions keep it")
    episode_id: str | None = Field(
        default=None, description="The drift episode that this answers, of ml.drift_episodes"
    )


@dg.multi_asset(
    name="train",
    group_name="ml",
    pool=TRAINING_POOL,
    specs=[
        dg.AssetSpec(
            ["ml", "anomaly_models"],
            deps=[_FEATURES],
            kinds={"mlflow", "pytorch"},
            owners=_OWNERS,
            description="Registered models `anomaly-<equipment class>` in MLflow; alias `champion` scores, `challenger`"
            " scores beside it for a while.",
        ),
        dg.AssetSpec(
            ["ml", "promotions"],
            deps=[["ml", "anomaly_models"]],
            kinds={"python", "postgres"},
            owners=_OWNERS,
            description="Every challenger, and what became of it and why. One row per decision.",
            metadata=table_metadata("ml", "promotions"),
        ),
    ],
)
def models(
    context: dg.AssetExecutionContext, config: TrainingConfig, warehouse: WarehouseResource
) -> Iterator[dg.MaterializeResult[Any]]:
    """Train a challenger of one equipment class; the gate in `ml` decides whether it becomes champion."""
    from ml.train import train

    outcome = train(
        warehouse.engine(MlSettings().warehouse_url),
        config.equipment_class,
        cause_of(context, config.trigger, config.episode_id),
        progress=lambda stage, share: context.log.info(f"{stage}: {share:.0%}"),
    )
    metadata = told(outcome, config.trigger)
    for table in ("anomaly_models", "promotions"):
        yield dg.MaterializeResult(asset_key=["ml", table], metadata=metadata)


def cause_of(context: dg.AssetExecutionContext, trigger: str, episode_id: str | None = None) -> Cause:
    """Why a run trains, and where MLflow finds that run."""
    run_id = context.run.run_id
    url = f"{_settings.dagster_base_url()}/runs/{run_id}"
    return Cause(trigger=trigger, episode_id=episode_id, dagster_run_id=run_id, dagster_url=url)


def told(outcome: "TrainingOutcome | RulOutcome", trigger: str) -> dict[str, Any]:
    """What came of a training, as metadata with links to MLflow."""
    from ml.tracking import page_of

    mlflow = _settings.mlflow_base_url()
    run_page, experiment_page = page_of(outcome.mlflow_run_id, mlflow)
    links = {
        "mlflow_run": run_page,
        "mlflow_experiment": experiment_page,
        "mlflow_model": model_page(outcome.model_name, outcome.version),
    }
    urls = {name: dg.MetadataValue.url(link) for name, link in links.items()}
    # Dagster stores no enumerations but its own.
    figures = {name: found.value if isinstance(found, Enum) else found for name, found in asdict(outcome).items()}
    # The links before the figures: those fill the page.
    return {"trigger": trigger, **urls, **figures}


def model_page(name: str, version: int) -> str:
    """MLflow's page of a registered model: it leads to the run, its data and its trigger."""
    return f"{_settings.mlflow_base_url()}/#/models/{quote(name, safe='')}/versions/{version}"


@dg.multi_asset(
    name="drift",
    group_name="ml",
    specs=[
        dg.AssetSpec(
            ["ml", table],
            deps=deps,
            kinds={"python", "postgres"},
            owners=_OWNERS,
            description=description,
            metadata=table_metadata("ml", table),
        )
        for table, deps, description in (
            (
                "drift_episodes",
                [["marts", "fct_model_health_hourly"]],
                "Where a confidence stream sank and stayed low (ISO 13374 state detection). One row per episode.",
            ),
            (
                "drift_explanations",
                [["ml", "drift_episodes"], ["ml", "anomaly_models"], _FEATURES],
                "What the sensors say about a drift episode. One row per episode that was looked into.",
            ),
            (
                "drift_features",
                [["ml", "drift_episodes"], ["ml", "anomaly_models"], _FEATURES],
                "How far each sensor lay from what the champion learnt from. One row per episode and metric.",
            ),
        )
    ],
)
def drift_episodes(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[Any]]:
    """Bring the drift episodes up to date, take back critical promotions, look at the sensors behind new episodes."""
    from ml.drift import detect
    from ml.drift_features import as_markdown, explain
    from ml.rollback import roll_back_critical

    engine = warehouse.engine(MlSettings().warehouse_url)
    episodes = detect(engine)
    # What is urgent first: an episode that cannot be explained, as its champion's run is gone, must not hold it up.
    taken_back = {f"{made.model_name} v{made.champion_version}": made.reason for made in roll_back_critical(engine)}
    explained = explain(engine)
    said: dict[str, Any] = {found.episode_id: found.explanation for found in explained}
    yield dg.MaterializeResult(
        asset_key=["ml", "drift_episodes"],
        metadata={
            "unanswered": len(episodes),
            "episodes": [episode.episode_id for episode in episodes],
            "rolled_back": taken_back,
            **said,
        },
    )
    yield dg.MaterializeResult(asset_key=["ml", "drift_explanations"], metadata={"explained": len(explained), **said})
    yield dg.MaterializeResult(
        asset_key=["ml", "drift_features"],
        metadata={found.episode_id: dg.MetadataValue.md(as_markdown(found)) for found in explained},
    )


@sensor(
    job_name="training",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_missing_champion(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """A class has enough history, no more of it is coming in, and no champion, or one of an earlier release: train."""
    engine = warehouse.engine()
    history = History(hours=classes_without_champion(engine, FORMAT), backlog=old_hours_pending(engine))
    is_busy = history.backlog > 0 or is_under_way(context.instance, "load")
    watch = Watch.after(context.cursor, history, datetime.now(UTC))
    context.update_cursor(watch.cursor())
    if not watch.is_settled(is_busy=is_busy, now=datetime.now(UTC)):
        return ask_for(context, [], notes=["history is still coming in"])
    ready = {name: hours for name, hours in history.hours.items() if hours >= _settings.training_min_hours}
    notes = [
        f"{name}: {hours} of {_settings.training_min_hours} hours of readings" for name, hours in history.hours.items()
    ]
    # Another day of data is a reason to try again after failures and after challengers that the gate refused.
    works = [training_work(name, "initial", f"initial:{name}:{FORMAT}:{hours // 24}") for name, hours in ready.items()]
    due = [work for work in works if not is_done(context.instance, work.name)]
    notes += [f"{work.label}: the gate refused it, see ml.promotions" for work in works if work not in due]
    return ask_for(context, due, notes=notes or ["every equipment class has a champion"])


@sensor(
    job_name="training",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_confidence_drift(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """A drift episode is open and no training has answered it: train once for it (D12)."""
    works = [
        training_work(episode.equipment_class, "drift", episode.episode_id, episode.episode_id)
        for episode in unanswered_episodes(warehouse.engine())
    ]
    return ask_for(context, works, notes=[] if works else ["no unanswered drift episode"])


@sensor(
    job_name="drift_look",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_missed_drift_look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """The newest days were computed and the look for drift after them failed: look again, as a plant may rest now."""
    due: list[Work] = []
    for record in context.instance.get_run_records(dg.RunsFilter(job_name="daily_kpis"), limit=20):
        run = record.dagster_run
        steps = succeeded_steps(context.instance, run.run_id)
        if "dbt_daily" in steps:
            if run.status in FAILED and "drift" not in steps:
                # What keeps it from looking is away for a while, such as MLflow.
                due = [Work(name=f"drift_look:{run.run_id}", label="look for drift", max_attempts=None)]
            break
    due = [work for work in due if not is_done(context.instance, work.name)]
    return ask_for(context, due, notes=[] if due else ["drift was looked for after the newest days"])


def training_work(equipment_class: str, trigger: str, name: str, episode_id: str | None = None) -> Work:
    """A training run of one equipment class."""
    config = {"equipment_class": equipment_class, "trigger": trigger, "episode_id": episode_id}
    return Work(
        name=name,
        label=f"training of {equipment_class}",
        tags={CLASS_TAG: equipment_class, TRIGGER_TAG: trigger},
        run_config={"ops": {"train": {"config": config}}},
        # MLflow may be away for hours; a drift episode is to be answered all the same.
        max_attempts=10,
    )
