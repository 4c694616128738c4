"""Trains the models of remaining life of an equipment class and decides about a champion.

Reading lives, fitting, the gate, recording: each step is in a module of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Engine

from ml import promotions, registry
from ml.arrays import FloatArray
from ml.cause import Cause
from ml.detectors.protocol import Progress
from ml.errors import SensorMismatch
from ml.promote import carry_out, reigning
from ml.rul import tracking
from ml.rul.boosting import BoostedTrees
from ml.rul.cross_fit import CrossFit, cross_fit
from ml.rul.dataset import TrainingLives, read_lives
from ml.rul.gate import decide, leads
from ml.rul.histories import Samples
from ml.rul.metrics import coverage, mean_width, rmse
from ml.rul.model import RemainingLifeModel
from ml.rul.protocol import Estimator, Forecast
from ml.rul.sequence.estimator import SequenceModel
from ml.rul.tracking import PREFIX, load
from ml.settings import MlSettings
from ml.tracking import connect, training_run

FOLDS: Final = 5


@dataclass(frozen=True)
class RulOutcome:
    """What came of a training.

    Attributes:
        version: In the model registry.
        reason: Why it was promoted or not; one sentence with figures.
        metrics: Of the better estimator, on held-out equipment.
    """

    model_name: str
    version: int
    is_promoted: bool
    reason: str
    metrics: Mapping[str, float]
    mlflow_run_id: str


def train(
    engine: Engine,
    equipment_class: str,
    cause: Cause,
    *,
    progress: Progress | None = None,
    settings: MlSettings | None = None,
) -> RulOutcome:
    """Cross-fit both estimators, register the better one, and make it champion if the gate lets it pass.

    Args:
        engine: The warehouse.
        equipment_class: Whose model.
        cause: Why it is trained.
        progress: Told what is going on and how much of it is done.
        settings: Read from the environment where None.

    Raises:
        NotEnoughData: Too few pieces of equipment have readings up to a failure.
        TrainingInProgress: The same model is being trained.
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    tell = progress or (lambda stage, share: None)
    name = PREFIX + equipment_class
    with promotions.deciding(engine, name):
        connect(settings)
        with training_run(equipment_class, name, cause) as run_id:
            tell("reading", 0.0)
            with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
                lives = read_lives(connection, equipment_class, settings)
            fits = {
                make().name: cross_fit(
                    lives.samples, make, cap=lives.cap, fold_count=FOLDS, seeds=(settings.seed,), progress=tell
                )
                for make in _kinds(settings)
            }
            figures = {kind: figures_of(fit, lives.samples, lives.cap) for kind, fit in fits.items()}
            best = min(figures, key=lambda kind: figures[kind]["rmse"])
            fit = fits[best]
            model = RemainingLifeModel(
                lives.sensors, lives.step_s, settings.rul_window_steps, fit.members, fit.correction
            )
            tracking.log_training(lives.samples, fits, figures, _params(lives, model, settings))
            uri = tracking.log_model(model, lives.samples)
            about = {"estimator": best, "data_sha256": lives.sha256, "trigger": cause.trigger}
            version = registry.register(name, uri, about)
            champion = reigning(engine, registry.champion(equipment_class, settings, prefix=PREFIX))
            is_promoted, reason = decide(figures[best], best, _against(champion, lives, fit.held_out))
            decision = promotions.Decision(
                model_name=name,
                challenger_version=version,
                champion_version=champion.challenger_version if champion else None,
                is_promoted=is_promoted,
                reason=reason,
                trigger=cause.trigger,
                mlflow_run_id=run_id,
                episode_id=cause.episode_id,
                dagster_run_id=cause.dagster_run_id,
                data_until=lives.ended_at,
                metrics={"challenger": figures[best], "candidates": figures},
            )
            carry_out(engine, decision, settings)
    return RulOutcome(name, version, is_promoted, reason, figures[best], run_id)


def figures_of(fit: CrossFit, samples: Samples, cap: float) -> dict[str, float]:
    """Figures on held-out equipment; RMSEs of forecast, naive forecast and truth alike capped, in steps."""
    truth = np.minimum(samples.remaining, cap)
    found = fit.held_out
    return {
        "rmse": rmse(found.expected, truth),
        "naive_rmse": rmse(np.minimum(fit.naive, cap), truth),
        "coverage": coverage(found.lower, found.upper, samples.remaining),
        "mean_width": mean_width(found.lower, found.upper),
    }


def _against(champion: promotions.Decision | None, lives: TrainingLives, found: Forecast) -> FloatArray | str | None:
    """What the gate has to know of the champion: the challenger's leads over it, or why there are none."""
    if champion is None:
        return None
    version = f"version {champion.challenger_version}"
    if champion.data_until is None:
        return f"{version}: an earlier release did not record what it learnt from"
    try:
        return leads(load(champion.model_name, champion.challenger_version), champion.data_until, lives, found)
    except SensorMismatch as error:
        return f"{version}: {error}"


def _kinds(settings: MlSettings) -> tuple[Callable[[], Estimator], ...]:
    return (lambda: SequenceModel(settings.rul_epochs), lambda: BoostedTrees(threads=settings.threads))


def _params(lives: TrainingLives, model: RemainingLifeModel, settings: MlSettings) -> dict[str, object]:
    return {
        "estimator": model.estimator,
        "data_sha256": lives.sha256,
        "data_from": lives.started_at.isoformat(),
        "data_until": lives.ended_at.isoformat(),
        "as_of": lives.as_of.isoformat(),
        "equipment_count": len(lives.samples.owners),
        "window_count": len(lives.samples.age),
        "sensors": ",".join(lives.sensors),
        "step_s": lives.step_s,
        "window_steps": model.window_steps,
        "stride": lives.stride,
        "cap_steps": lives.cap,
        "folds": FOLDS,
        "seed": settings.seed,
        **model.members[0].params,
    }
