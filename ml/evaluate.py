"""How good a detector is on windows later than its training. Deciding what follows from it belongs to `ml.gate`.

Every detector sits the same test: the later windows as they are, called normal, and every second of them again with an
injected fault. Figures are computed for each piece of equipment and the median is taken, so that one machine which
really fails meanwhile, unlabelled, does not decide.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.faults import KINDS, inject
from ml.metrics import average_precision, confusion, f1, false_alarm_rate, missed_alarm_rate


@dataclass(frozen=True)
class TestWindows:
    """Windows with the truth about them.

    Attributes:
        windows: Shape (window, time, sensor), in the sensors' units.
        equipment: Index of each window's equipment, shape (window,).
        is_anomaly: Whether a fault was injected, shape (window,).
        kind: Index in `ml.faults.KINDS`, -1 for none, shape (window,).
    """

    __test__ = False

    windows: FloatArray
    equipment: IntArray
    is_anomaly: BoolArray
    kind: IntArray


@dataclass(frozen=True)
class Evaluation:
    """Figures of merit, medians over equipment.

    Attributes:
        average_precision: Area under the precision-recall curve, 0-1.
        f1: At the threshold.
        false_alarm_rate: Share of normal windows flagged.
        missed_alarm_rate: Share of faulty windows not flagged.
        detected: Share of faulty windows flagged, by kind of fault.
    """

    average_precision: float
    f1: float
    false_alarm_rate: float
    missed_alarm_rate: float
    detected: Mapping[str, float]

    def figures(self) -> dict[str, float]:
        """All figures by name, as MLflow records them."""
        single = {name: value for name, value in vars(self).items() if name != "detected"}
        return single | {f"detected_{kind}": value for kind, value in self.detected.items()}


def with_faults(windows: FloatArray, equipment: IntArray, spread: FloatArray, seed: int) -> TestWindows:
    """Add to normal windows a faulty copy of every second one.

    Args:
        windows: Shape (window, time, sensor), in the sensors' units.
        equipment: Shape (window,).
        spread: Normal standard deviation of each sensor, shape (sensor,).
        seed: Of the faults.
    """
    faulty, kinds = inject(windows[::2], spread, np.random.default_rng(seed))
    return TestWindows(
        windows=np.concatenate([windows, faulty]),
        equipment=np.concatenate([equipment, equipment[::2]]),
        is_anomaly=np.repeat([False, True], [len(windows), len(faulty)]),
        kind=np.concatenate([np.full(len(windows), -1, dtype=np.int64), kinds]),
    )


def evaluate(scores: FloatArray, threshold: float, test: TestWindows) -> Evaluation:
    """Compare scores with the truth.

    Args:
        scores: Of the test's windows, shape (window,).
        threshold: Scores above it are flagged.
        test: The truth.
    """
    flagged: BoolArray = np.asarray(scores > threshold)
    rows = []
    for member in np.unique(test.equipment):
        own = test.equipment == member
        truth, counts = test.is_anomaly[own], confusion(test.is_anomaly[own], flagged[own])
        precision = average_precision(truth, scores[own])
        rows.append((precision, f1(counts), false_alarm_rate(counts), missed_alarm_rate(counts)))
    medians = [float(median) for median in np.nanmedian(np.array(rows), axis=0)]
    occurring = np.unique(test.kind[test.is_anomaly])
    detected = {KINDS[index]: float(flagged[test.kind == index].mean()) for index in occurring}
    return Evaluation(medians[0], medians[1], medians[2], medians[3], detected)
