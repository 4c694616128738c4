"""Trains the candidates of an equipment class and decides about a new champion. Each step is in a module of its own."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine

from ml import promotions, registry, tracking
from ml.anomaly_model import FORMAT
from ml.candidates import Candidate, examine
from ml.cause import Cause
from ml.contest import Contest, hold
from ml.data_checks import failed_expectations
from ml.dataset import TrainingData, read_training_data
from ml.detectors.protocol import Progress
from ml.errors import ModelTooOld, SensorMismatch
from ml.evaluate import Evaluation
from ml.gate import Outcome, Rules, best_of, decide
from ml.promote import carry_out, reigning
from ml.settings import MlSettings


@dataclass(frozen=True)
class TrainingOutcome:
    """What came of a training.

    Attributes:
        version: Of the challenger, in the model registry.
        outcome: Whether it was promoted, kept, or scores beside the champion first.
        reason: Why it was promoted or not; one sentence with figures.
        metrics: The challenger's figures.
    """

    model_name: str
    version: int
    outcome: Outcome
    reason: str
    metrics: Mapping[str, float]
    mlflow_run_id: str

    @property
    def is_promoted(self) -> bool:
        """It is champion."""
        return self.outcome is Outcome.PROMOTED

    @classmethod
    def of(cls, decision: promotions.Decision) -> "TrainingOutcome":
        """Read it from the ledger."""
        return cls(
            decision.model_name,
            decision.challenger_version,
            decision.outcome,
            decision.reason,
            decision.metrics["challenger"],
            decision.mlflow_run_id,
        )


def train(
    engine: Engine,
    equipment_class: str,
    cause: Cause,
    *,
    progress: Progress | None = None,
    settings: MlSettings | None = None,
) -> TrainingOutcome:
    """Train all candidates, register the best as challenger and let it challenge the champion.

    Everything is recorded: in MLflow what was done, in `ml.promotions` what was decided. A drift episode is answered
    once: called again for the same episode, the first answer is returned.

    Args:
        engine: The warehouse.
        equipment_class: Whose model.
        cause: Why it is trained.
        progress: Told what is going on and how much of it is done.
        settings: Read from the environment where None.

    Raises:
        NotEnoughData: There is too little history.
        TrainingInProgress: The same model is being trained.
        TrackingUnavailable: MLflow does not answer.
    """
    settings = settings or MlSettings()
    tell = progress or (lambda stage, share: None)
    name = registry.model_name(equipment_class)
    with promotions.deciding(engine, name):
        answered = promotions.answer_to(engine, cause.episode_id) if cause.episode_id else None
        if answered:
            return TrainingOutcome.of(answered)
        tracking.connect(settings)
        with tracking.training_run(equipment_class, name, cause):
            tell("reading", 0.0)
            data, failed = _read(engine, equipment_class, settings)
            contest = hold(data, settings, tell)
            tell("recording", 0.0)
            challenger, run_id, version = _register(contest, data, settings, name, cause.trigger)
            champion = reigning(engine, registry.champion(equipment_class, settings))
            decision = promotions.Decision(
                model_name=name,
                challenger_version=version,
                champion_version=champion.challenger_version if champion else None,
                trigger=cause.trigger,
                mlflow_run_id=run_id,
                episode_id=cause.episode_id,
                dagster_run_id=cause.dagster_run_id,
                data_until=data.ended_at,
                **_decide(challenger, champion, contest, data, failed, settings),
            )
            carry_out(engine, decision, settings)
            tell("recording", 1.0)
    return TrainingOutcome.of(decision)


def _read(engine: Engine, equipment_class: str, settings: MlSettings) -> tuple[TrainingData, list[str]]:
    """What the training sees, and which expectations it broke, at one moment."""
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        data = read_training_data(
            connection,
            equipment_class,
            grid_s=settings.grid_s,
            history_days=settings.history_days,
            max_windows=settings.max_windows,
        )
        return data, failed_expectations(connection, data.started_at, data.ended_at)


def _register(
    contest: Contest, data: TrainingData, settings: MlSettings, name: str, trigger: str
) -> tuple[Candidate, str, int]:
    """Record everything and register the best candidate: the challenger, its run and its version."""
    truth = contest.judges.later.is_anomaly
    tracking.log_data(data, settings)
    tracking.log_comparison(contest.scores(), truth, contest.baseline_evaluations())
    runs = {
        detector: tracking.log_candidate(candidate, data, truth) for detector, candidate in contest.candidates.items()
    }
    best = best_of(contest.evaluations(), settings.false_alarm_cap)
    challenger = contest.candidates[best]
    model_uri = tracking.log_model(challenger, runs[best], data)
    tags = {"detector": best, "data_sha256": data.sha256, "grid_s": str(data.grid_s), "trigger": trigger}
    return challenger, runs[best], registry.register(name, model_uri, tags)


def _decide(
    challenger: Candidate,
    champion: promotions.Decision | None,
    contest: Contest,
    data: TrainingData,
    failed: list[str],
    settings: MlSettings,
) -> dict[str, Any]:
    """Ask the gate; returns the fields of the decision that follow from the figures."""
    present = _examine(champion, contest, data) if champion else None
    verdict = decide(
        challenger.evaluation,
        present,
        contest.baseline_evaluations(),
        failed,
        Rules(settings.false_alarm_cap, settings.shadow_h),
    )
    figures = {
        "format": FORMAT,
        "detector": challenger.model.detector.name,
        "challenger": challenger.figures(),
        "champion": present.figures() if isinstance(present, Evaluation) else None,
        "candidates": {name: found.figures() for name, found in contest.evaluations().items()},
        "baselines": {name: found.figures() for name, found in contest.baseline_evaluations().items()},
    }
    return {
        "is_promoted": verdict.outcome is Outcome.PROMOTED,
        "is_shadow": verdict.outcome is Outcome.SHADOW,
        "reason": verdict.reason,
        "metrics": figures,
    }


def _examine(champion: promotions.Decision, contest: Contest, data: TrainingData) -> Evaluation | str:
    """Let the champion judge the same later stretches; a sentence where it cannot."""
    version = f"version {champion.challenger_version}"
    try:
        model = registry.load(champion.model_name, champion.challenger_version)
    except ModelTooOld:
        return f"{version} was stored by an earlier release"
    if model.grid_s != data.grid_s:
        return f"{version} reads a grid of {model.grid_s:g} s, the data now have {data.grid_s:g} s"
    try:
        return examine(model, data.sensors, contest.judges.later).evaluation
    except SensorMismatch as error:
        return f"{version}: {error}"
