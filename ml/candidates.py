"""Turns training data into candidate models, all by the same steps. Choosing among them belongs to `ml.gate`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.anomaly_model import AnomalyModel
from ml.calibration import Calibration, Reliability, brier_score
from ml.dataset import TrainingData
from ml.detectors.protocol import Detector, Progress
from ml.evaluate import (
    Evaluation,
    TestScores,
    TestSeries,
    TestWindows,
    evaluate,
    with_faults,
    with_faults_in_order,
)
from ml.scaling import MinMaxScaler
from ml.stand_in import StandIn
from ml.threshold import normal_equipment, threshold_at


@dataclass(frozen=True)
class Candidate:
    """A model and how it did.

    Attributes:
        curves: Loss by epoch, where the detector has epochs.
        evaluation: On the later stretches.
        scores: Of the later stretches.
        brier: Of the calibrated probabilities on the later stretches with faults; 0 is perfect.
        reliability: Of the same; None where no fault could be injected.
    """

    model: AnomalyModel
    curves: Mapping[str, list[float]]
    evaluation: Evaluation
    scores: TestScores
    brier: float
    reliability: Reliability | None

    def figures(self) -> dict[str, float]:
        """All figures by name, as MLflow records them."""
        own = {"threshold": self.model.threshold, "brier_score": self.brier}
        if self.reliability:
            own["expected_calibration_error"] = self.reliability.expected_calibration_error
        return self.evaluation.figures() | own


@dataclass(frozen=True)
class Judges:
    """What candidates are finished and judged by, the same for all of them.

    Attributes:
        held_out: Sets threshold and calibration.
        later: Judges.
    """

    held_out: TestWindows
    later: TestSeries

    @classmethod
    def of(cls, data: TrainingData, seed: int) -> "Judges":
        """Inject faults into the held-out windows and the later stretches, differently."""
        return cls(
            with_faults(data.held_out.windows, data.held_out.equipment, data.spread, seed + 1),
            with_faults_in_order(data.later, data.spread, seed),
        )


def build(
    detector: Detector, data: TrainingData, judges: Judges, *, seed: int, percentile: float, progress: Progress
) -> Candidate:
    """Fit a detector, set its threshold, calibrate and evaluate it.

    Args:
        detector: Unfitted.
        data: Its `fit` part teaches scaler and detector.
        judges: Of the same data.
        seed: Of the detector's chance.
        percentile: Of the held-out normal scores, which becomes the threshold (S2-023, C28).
        progress: Told how far the fitting is.
    """
    scaler = MinMaxScaler.fit(data.fit.windows)
    teaching = scaler.scale(data.fit.windows)
    curves = detector.fit(teaching, seed=seed, progress=progress)
    stand_in = StandIn.fit(teaching, detector.score(teaching))
    held_out = judges.held_out
    scores = detector.score(scaler.scale(held_out.windows))
    normal = ~held_out.is_anomaly
    sound = normal_equipment(scores[normal], held_out.equipment[normal], percentile)
    threshold = threshold_at(scores[normal][sound], percentile)
    calibrated_on = np.isin(held_out.equipment, np.unique(held_out.equipment[normal][sound]))
    calibration = Calibration.fit(scores[calibrated_on], held_out.is_anomaly[calibrated_on])
    model = AnomalyModel(data.sensors, data.grid_s, scaler, detector, threshold, calibration, stand_in)
    return examine(model, data.sensors, judges.later, curves)


def examine(
    model: AnomalyModel, sensors: tuple[str, ...], later: TestSeries, curves: Mapping[str, list[float]] | None = None
) -> Candidate:
    """Let a model, new or the present champion, judge the later stretches.

    Args:
        model: Fitted.
        sensors: What the columns of the stretches hold.
        later: The test.
        curves: Of the model's training.

    Raises:
        SensorMismatch: The stretches lack a sensor of the model.
    """
    scores = later.judged_by(lambda windows: model.judge(windows).score, model.columns_in(sensors))
    probability = model.calibration.probability(scores.faulty)
    return Candidate(
        model=model,
        curves=curves or {},
        evaluation=evaluate(scores, model.threshold, later),
        scores=scores,
        brier=brier_score(probability, later.is_anomaly),
        reliability=Reliability.of(probability, later.is_anomaly) if later.faults else None,
    )
