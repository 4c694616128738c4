"""All candidates and naive baselines on the same data, by the same steps. Who wins is decided in `ml.gate`."""

from collections.abc import Mapping
from dataclasses import dataclass

from ml.candidates import Candidate, Judges, build
from ml.dataset import TrainingData
from ml.detectors.catalogue import candidates, naive_baselines
from ml.detectors.protocol import Detector, Progress
from ml.detectors.single_sensor import SingleSensorDetector
from ml.evaluate import Evaluation, TestScores
from ml.metrics import average_precision
from ml.scaling import MinMaxScaler
from ml.settings import MlSettings


@dataclass(frozen=True)
class Contest:
    """What came of training everything.

    Attributes:
        judges: What judged all of them.
        candidates: By detector name.
        baselines: Naive detectors by name.
    """

    judges: Judges
    candidates: Mapping[str, Candidate]
    baselines: Mapping[str, Candidate]

    def evaluations(self) -> dict[str, Evaluation]:
        """The candidates' evaluations by name."""
        return {name: candidate.evaluation for name, candidate in self.candidates.items()}

    def baseline_evaluations(self) -> dict[str, Evaluation]:
        """The baselines' evaluations by name."""
        return {name: candidate.evaluation for name, candidate in self.baselines.items()}

    def scores(self) -> dict[str, TestScores]:
        """Scores of the later stretches by everybody, by name."""
        return {name: found.scores for name, found in [*self.candidates.items(), *self.baselines.items()]}


def hold(data: TrainingData, settings: MlSettings, progress: Progress) -> Contest:
    """Train and judge all candidates and baselines.

    Args:
        data: Of one equipment class.
        settings: Seed, epochs, threads, percentile.
        progress: Told which candidate is being fitted and how far it is.
    """
    import torch

    torch.set_num_threads(settings.threads)
    judges = Judges.of(data, settings.seed)

    def built(detector: Detector) -> Candidate:
        return build(
            detector,
            data,
            judges,
            seed=settings.seed,
            percentile=settings.threshold_percentile,
            progress=progress,
        )

    return Contest(
        judges=judges,
        candidates={detector.name: built(detector) for detector in candidates(settings.epochs)},
        baselines={
            detector.name: built(detector) for detector in [*naive_baselines(), best_single_sensor(data, judges)]
        },
    )


def best_single_sensor(data: TrainingData, judges: Judges) -> SingleSensorDetector:
    """The sensor by which alone the held-out faults are found best; what judges later has no part in the choice."""
    scaler = MinMaxScaler.fit(data.fit.windows)
    taught, held_out = scaler.scale(data.fit.windows), scaler.scale(judges.held_out.windows)

    def skill(rule: SingleSensorDetector) -> float:
        rule.fit(taught, seed=0, progress=lambda stage, share: None)
        return average_precision(judges.held_out.is_anomaly, rule.score(held_out))

    return max((SingleSensorDetector(sensor) for sensor in range(len(data.sensors))), key=skill)
