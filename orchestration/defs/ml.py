"""Models as assets: trained, promoted, used for scoring, watched for drift. Mathematics and MLflow are in `ml`.

torch and mlflow are loaded where they are used, in the run's own process: see `ml`.
See https://docs.dagster.io/guides/build/assets and https://docs.dagster.io/guides/automate/sensors
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import dagster as dg
from sqlalchemy import Engine

from ml.anomaly_model import FORMAT
from ml.settings import MlSettings
from orchestration.attempts import failed_after, is_done, is_under_way
from orchestration.defs.dbt_project import TRANSFORM_POOL
from orchestration.defs.partitions import HOURS, RANGE_TAGS, hour_pieces, hour_tags, hours_of, required, spans
from orchestration.defs.resources import WarehouseResource
from orchestration.history import History, Watch
from orchestration.pending import (
    Promotion,
    classes_without_champion,
    hours_with_readings,
    newest_promotions,
    old_hours_pending,
    unanswered_episodes,
)
from orchestration.settings import OrchestrationSettings
from orchestration.work import Work, ask_for

TRAINING_POOL: Final = "training"
CLASS_TAG: Final = "millrace/equipment_class"
TRIGGER_TAG: Final = "millrace/trigger"
_OWNERS = ["team:ml"]
_FEATURES = ["marts", "features_equipment_readings"]
_settings = OrchestrationSettings()


class TrainingConfig(dg.Config):
    """Which model is trained, and why."""

    equipment_class: str
    trigger: str = "manual"
    episode_id: str | None = None


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
        trigger=config.trigger,
        episode_id=config.episode_id,
        dagster_run_id=context.run.run_id,
        dagster_url=page_of_run(context),
        progress=lambda stage, share: context.log.info(f"{stage}: {share:.0%}"),
    )
    links = mlflow_pages(outcome.model_name, outcome.version, outcome.mlflow_run_id)
    metadata = {**asdict(outcome), "trigger": config.trigger, **links}
    for table in ("anomaly_models", "promotions"):
        yield dg.MaterializeResult(asset_key=["ml", table], metadata=metadata)


@dg.multi_asset(
    name="score",
    group_name="ml",
    partitions_def=HOURS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    pool=TRANSFORM_POOL,
    specs=[
        dg.AssetSpec(
            ["ml", table],
            # The rollup of the same hours goes first: hours that failed a check are not scored either.
            deps=[_FEATURES, ["ml", "promotions"], ["marts", "fct_sensor_readings_hourly"]],
            kinds={"pytorch", "postgres"},
            owners=_OWNERS,
            description=description,
        )
        for table, description in {
            "scores": "Anomaly scores of champions, and of challengers beside them. One row per equipment, window end"
            " and model version.",
            "anomalies": "Where scores passed the threshold. One row per run of anomalous windows.",
        }.items()
    ],
)
def scores(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[Any]]:
    """Score a range of hours with the champions; decide about challengers whose time beside one is over."""
    from ml.score import score_range
    from ml.shadow import settle

    start, end = required(hours_of(context.run.tags))
    engine = warehouse.engine(MlSettings().warehouse_url)
    summary = score_range(engine, start, end)
    if summary.too_old:
        context.log.warning(f"of an earlier release, to be trained anew: {summary.too_old}")
    elif not summary.models:
        context.log.info("no equipment class has a champion yet: nothing to score")
    settled = {f"{made.model_name} v{made.challenger_version}": made.reason for made in settle(engine)}
    for table in ("scores", "anomalies"):
        yield dg.MaterializeResult(asset_key=["ml", table], metadata={**asdict(summary), "settled": settled})


@dg.multi_asset(
    name="drift",
    group_name="ml",
    specs=[
        dg.AssetSpec(["ml", table], deps=deps, kinds={"python", "postgres"}, owners=_OWNERS, description=description)
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
    """Bring the drift episodes up to date, look at the sensors behind the new ones, take back critical promotions."""
    from ml.drift import detect
    from ml.drift_features import as_markdown, explain
    from ml.rollback import roll_back_critical

    engine = warehouse.engine(MlSettings().warehouse_url)
    episodes, explained = detect(engine), explain(engine)
    taken_back = {f"{made.model_name} v{made.champion_version}": made.reason for made in roll_back_critical(engine)}
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


@dg.sensor(
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
        return ask_for(context.instance, [], notes=["history is still coming in"])
    ready = {name: hours for name, hours in history.hours.items() if hours >= _settings.training_min_hours}
    notes = [
        f"{name}: {hours} of {_settings.training_min_hours} hours of readings" for name, hours in history.hours.items()
    ]
    # Another day of data is a reason to try again after failures and after challengers that the gate refused.
    works = [training_work(name, "initial", f"initial:{name}:{FORMAT}:{hours // 24}") for name, hours in ready.items()]
    due = [work for work in works if not is_done(context.instance, work.name)]
    notes += [f"{work.label}: the gate refused it, see ml.promotions" for work in works if work not in due]
    return ask_for(context.instance, due, notes=notes or ["every equipment class has a champion"])


@dg.sensor(
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
    return ask_for(context.instance, works, notes=[] if works else ["no unanswered drift episode"])


@dg.sensor(
    job_name="scoring",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_promotion(context: dg.SensorEvaluationContext, warehouse: WarehouseResource) -> dg.SensorResult:
    """A model became champion: score the history of its equipment class with it, the newest first.

    One that only scores beside the champion catches up with the hours that came in while it was trained.
    """
    engine = warehouse.engine()
    scored: dict[str, int] = json.loads(context.cursor or "{}")
    due: list[Work] = []
    for promotion in newest_promotions(engine):
        if scored.get(promotion.role) == promotion.promotion_id:
            continue
        works = [work for work in scoring_works(engine, promotion) if not is_done(context.instance, work.name)]
        if not works:
            scored[promotion.role] = promotion.promotion_id
        due.extend(works)
    context.update_cursor(json.dumps(scored))
    notes = [] if due else ["every champion has scored its history"]
    return ask_for(context.instance, due, notes=notes, most=_settings.ranges_per_tick)


@dg.sensor(
    job_name="scoring",
    minimum_interval_seconds=_settings.sensor_interval_s,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def on_unscored_hours(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """A rollup went well and its scoring did not, because MLflow was away or the process died: score those hours."""
    works = [
        Work(
            name=f"rescoring:{run.run_id}",
            label=f"hours of run {run.run_id}",
            tags={name: value for name, value in run.tags.items() if name in RANGE_TAGS},
            max_attempts=None,
        )
        for run in failed_after(context.instance, "hourly_rollup", done="dbt_hourly", not_done="score")
    ]
    due = [work for work in works if not is_done(context.instance, work.name)]
    return ask_for(context.instance, due, notes=[] if due else ["every hour that was rolled up was scored"])


def page_of_run(context: dg.AssetExecutionContext) -> str:
    """Where a browser finds the Dagster run, for MLflow to link."""
    return f"{_settings.dagster_base_url()}/runs/{context.run.run_id}"


def mlflow_pages(model_name: str, version: int, mlflow_run_id: str) -> dict[str, dg.MetadataValue[Any]]:
    """Where a browser finds the MLflow run, its experiment and the model version, for Dagster to link."""
    from ml.tracking import page_of

    mlflow = _settings.mlflow_base_url()
    run_page, experiment_page = page_of(mlflow_run_id, mlflow)
    links = {
        "mlflow_run": run_page,
        "mlflow_experiment": experiment_page,
        "mlflow_model": f"{mlflow}/#/models/{model_name}/versions/{version}",
    }
    return {name: dg.MetadataValue.url(link) for name, link in links.items()}


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


def scoring_works(engine: Engine, promotion: Promotion) -> list[Work]:
    """Scoring runs over the hours with readings up to the promotion; later ones are scored as they come."""
    hours = hours_with_readings(engine, promotion.equipment_class, until=promotion.decided_at, since=promotion.since)
    return [
        Work(
            name=f"scoring:{promotion.promotion_id}:{end:%Y-%m-%dT%H}",
            label=f"{promotion.model_name} version {promotion.version} until {end:%F %H:%M}",
            tags=hour_tags(start, end),
        )
        for first, last in spans(hours)
        for start, end in hour_pieces(first, last)
    ]
