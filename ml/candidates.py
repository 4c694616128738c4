"""Turns training data into candidate models, all by the same steps. Choosing among them belongs to `ml.gate`."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.anomaly_model import AnomalyModel
from ml.arrays import FloatArray
from ml.calibration import Calibration, brier_score
from ml.dataset import TrainingData
from ml.detectors.protocol import Detector, Progress
from ml.evaluate import Evaluation, TestWindows, evaluate, with_faults
from ml.scaling import MinMaxScaler
from ml.stand_in import StandIn
from ml.threshold import normal_equipment, threshold_at


@dataclass(frozen=True)
class Candidate:
    """A model and how it did.

    Attributes:
        curves: Loss by epoch, where the detector has epochs.
        evaluation: On the later windows.
        later_scores: Of the later test windows, shape (window,).
        brier: Of the calibrated probabilities on the later windows; 0 is perfect.
    """

    model: AnomalyModel
    curves: Mapping[str, list[float]]
    evaluation: Evaluation
    later_scores: FloatArray
    brier: float

    def figures(self) -> dict[str, float]:
        """All figures by name, as MLflow records them."""
        return self.evaluation.figures() | {"threshold": self.model.threshold, "brier_score": self.brier}


@dataclass(frozen=True)
class Judges:
    """The windows by which candidates are finished and judged, the same for all of them.

    Attributes:
        held_out: Sets threshold and calibration.
        later: Judges.
    """

    held_out: TestWindows
    later: TestWindows

    @classmethod
    def of(cls, data: TrainingData, seed: int) -> "Judges":
        """Inject faults into the held-out and the later windows, differently."""
        return cls(
            with_faults(data.held_out.windows, data.held_out.equipment, data.spread, seed + 1),
            with_faults(data.later.windows, data.later.equipment, data.spread, seed),
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
    model: AnomalyModel, sensors: tuple[str, ...], later: TestWindows, curves: Mapping[str, list[float]] | None = None
) -> Candidate:
    """Let a model, new or the present champion, judge the later windows.

    Args:
        model: Fitted.
        sensors: What the windows' last axis holds.
        later: The test.
        curves: Of the model's training.

    Raises:
        SensorMismatch: The windows lack a sensor of the model.
    """
    judgement = model.judge(later.windows[:, :, model.columns_in(sensors)])
    return Candidate(
        model=model,
        curves=curves or {},
        evaluation=evaluate(judgement.score, model.threshold, later),
        later_scores=judgement.score,
        brier=brier_score(judgement.probability, later.is_anomaly),
    )
