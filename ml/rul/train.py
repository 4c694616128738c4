"""Trains the models of remaining life of an equipment class and decides about a champion.

Reading lives, fitting, recording: each step is in a module of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from sqlalchemy import Connection, Engine

from ml import promotions, registry
from ml.cause import Cause
from ml.detectors.protocol import Progress
from ml.promote import carry_out
from ml.rul import tracking
from ml.rul.boosting import BoostedTrees
from ml.rul.cross_fit import CrossFit, cross_fit
from ml.rul.histories import History, Samples, samples_of, sha256
from ml.rul.lives import lives_of, read_history, sensors_of
from ml.rul.metrics import coverage, mean_width, rmse
from ml.rul.model import RemainingLifeModel
from ml.rul.protocol import Estimator
from ml.rul.sensors import informative
from ml.rul.sequence.estimator import SequenceModel
from ml.settings import MlSettings
from ml.tracking import connect, training_run

PREFIX: Final = "rul-"
FOLDS: Final = 5
CAP_OF_MEAN_LIFE: Final = 0.6
NAIVE: Final = "mean life minus age"


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


@dataclass(frozen=True)
class TrainingLives:
    """All that one training sees; samples have the informative sensors only."""

    samples: Samples
    sensors: tuple[str, ...]
    step_s: float
    cap: float
    stride: int
    sha256: str


def train(
    engine: Engine,
    equipment_class: str,
    cause: Cause,
    *,
    progress: Progress | None = None,
    settings: MlSettings | None = None,
) -> RulOutcome:
    """Cross-fit both estimators, register the better one, and make it champion if it beats the naive baseline.

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
            is_promoted, reason = decide(figures[best], best)
            before = next((one for one in registry.champions(settings, prefix=PREFIX) if one.model_name == name), None)
            decision = promotions.Decision(
                model_name=name,
                challenger_version=version,
                champion_version=before.version if before else None,
                is_promoted=is_promoted,
                reason=reason,
                trigger=cause.trigger,
                mlflow_run_id=run_id,
                episode_id=cause.episode_id,
                dagster_run_id=cause.dagster_run_id,
                metrics={"challenger": figures[best], "candidates": figures},
            )
            carry_out(engine, decision, settings)
    return RulOutcome(name, version, is_promoted, reason, figures[best], run_id)


def read_lives(connection: Connection, equipment_class: str, settings: MlSettings) -> TrainingLives:
    """Read the lives that ended, and settle sensors, cap and stride by them.

    Raises:
        NotEnoughData: No life ended.
    """
    sensors = sensors_of(connection, equipment_class)
    ended = [life for life in lives_of(connection, equipment_class) if life.ended_at is not None]
    histories = [read_history(connection, life, sensors, settings.rul_step_s) for life in ended]
    total = sum(len(history.values) for history in histories)
    stride = max(1, -(-total // settings.max_windows))
    columns = informative(histories) if histories else []
    chosen = [History(one.owner, one.values[:, columns]) for one in histories]
    samples = samples_of(chosen, settings.rul_window_steps, stride)
    mean_life = total / len(histories)
    cap = settings.rul_cap_h * 3_600 / settings.rul_step_s if settings.rul_cap_h else CAP_OF_MEAN_LIFE * mean_life
    return TrainingLives(
        samples, tuple(sensors[column] for column in columns), settings.rul_step_s, cap, stride, sha256(chosen)
    )


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


def decide(figures: Mapping[str, float], estimator: str) -> tuple[bool, str]:
    """Promote what beats the naive baseline on held-out equipment; returns the decision and its reason."""
    own, naive = figures["rmse"], figures["naive_rmse"]
    is_better = own < naive
    verb = "beats" if is_better else "does not beat"
    return is_better, f"{estimator} {verb} {NAIVE!r} on held-out equipment: RMSE {own:.1f} against {naive:.1f} steps."


def _kinds(settings: MlSettings) -> tuple[Callable[[], Estimator], ...]:
    return (lambda: SequenceModel(settings.rul_epochs), BoostedTrees)


def _params(lives: TrainingLives, model: RemainingLifeModel, settings: MlSettings) -> dict[str, object]:
    return {
        "estimator": model.estimator,
        "data_sha256": lives.sha256,
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
