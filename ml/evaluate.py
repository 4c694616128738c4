"""How good a detector is on time later than its training. Deciding what follows from it belongs to `ml.gate`.

Every detector sits the same test: stretches of the later part in order of time, once as they are, called normal, and
once with one injected fault after the other (`ml.faults`). False alarms are counted on the first, everything else on
the second. Headline figures are medians over equipment, so that one machine which really fails meanwhile, unlabelled,
does not decide; their intervals come from drawing the equipment anew.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.faults import KINDS, inject, inject_in_order
from ml.metrics import (
    bootstrap_interval,
    confusion,
    f1,
    false_alarm_rate,
    mean_over_groups,
    median_over_groups,
    missed_alarm_rate,
    steps_to_detect,
    vus_pr,
)
from ml.stretches import Stretch
from ml.windows import cut

BOOTSTRAP_SEED: Final = 20_221
"""Intervals of the same figures are the same, whatever the seed of a training."""


@dataclass(frozen=True)
class TestWindows:
    """Windows with the truth about them, for threshold and calibration.

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
class Fault:
    """An injected fault; windows are indices of the test's windows.

    Attributes:
        kind: One of `ml.faults.KINDS`.
    """

    equipment: int
    kind: str
    first_window: int
    last_window: int


@dataclass(frozen=True)
class TestSeries:
    """Stretches in order of time, with the truth about them; windows are those of all stretches, one after the other.

    Attributes:
        faulty: The values of each stretch with faults, shape (time, sensor).
        stretch: Index of each window's stretch, shape (window,).
        is_anomaly: Whether a fault was going on when the window ended, shape (window,).
    """

    __test__ = False

    stretches: tuple[Stretch, ...]
    faulty: tuple[FloatArray, ...]
    faults: tuple[Fault, ...]
    stretch: IntArray
    is_anomaly: BoolArray

    @property
    def equipment(self) -> IntArray:
        """Index of each stretch's equipment, shape (stretch,)."""
        return np.array([stretch.equipment for stretch in self.stretches], dtype=np.int64)

    def judged_by(self, score: Callable[[FloatArray], FloatArray], columns: Sequence[int]) -> "TestScores":
        """Score every window, one stretch in memory at a time.

        Args:
            score: From windows, shape (window, time, column), to scores.
            columns: Sensors that it reads.
        """
        normal = [score(cut(stretch.values[:, columns], stretch.ends)) for stretch in self.stretches]
        pairs = zip(self.stretches, self.faulty, strict=True)
        faulty = [score(cut(values[:, columns], stretch.ends)) for stretch, values in pairs]
        return TestScores(np.concatenate(normal), np.concatenate(faulty))


@dataclass(frozen=True)
class TestScores:
    """What a detector makes of a test.

    Attributes:
        normal: Of the windows without faults, shape (window,).
        faulty: Of the same windows with faults, shape (window,).
    """

    __test__ = False

    normal: FloatArray
    faulty: FloatArray


@dataclass(frozen=True)
class FoundFault:
    """How a fault was found.

    Attributes:
        delay_steps: Windows from its first to the first that was flagged; None: it was missed.
    """

    fault: Fault
    delay_steps: int | None


@dataclass(frozen=True)
class Evaluation:
    """Figures of merit.

    Attributes:
        stretch_equipment: Index of each stretch's equipment, shape (stretch,).
        stretch_vus_pr: VUS-PR of each stretch, shape (stretch,); the same test gives the same stretches in order, so
            that two evaluations can be compared in pairs.
        confusions: Hits and misses with faults, false alarms and quiet without, shape (equipment, 4).
        faults: Every injected fault and how it was found.
    """

    stretch_equipment: IntArray
    stretch_vus_pr: FloatArray
    confusions: IntArray
    faults: tuple[FoundFault, ...]

    @property
    def equipment_vus_pr(self) -> FloatArray:
        """VUS-PR of each piece of equipment, the mean of its stretches, shape (equipment,)."""
        members = np.unique(self.stretch_equipment)
        own = [self.stretch_vus_pr[self.stretch_equipment == member] for member in members]
        return np.array([mean_over_groups(values) for values in own])

    @property
    def vus_pr(self) -> float:
        """Median over equipment, 0-1."""
        return float(median_over_groups(self.equipment_vus_pr))

    @property
    def false_alarm_rate(self) -> float:
        """Share of normal windows flagged, median over equipment."""
        return float(median_over_groups(false_alarm_rate(self.confusions)))

    def figures(self) -> dict[str, float]:
        """All figures by name, as MLflow records them; those that do not exist are left out."""
        by_equipment = {
            "vus_pr": self.equipment_vus_pr,
            "f1": f1(self.confusions),
            "false_alarm_rate": false_alarm_rate(self.confusions),
            "missed_alarm_rate": missed_alarm_rate(self.confusions),
        }
        found: dict[str, float] = {}
        for name, values in by_equipment.items():
            low, high = bootstrap_interval(values, np.random.default_rng(BOOTSTRAP_SEED), statistic=median_over_groups)
            found |= {name: float(median_over_groups(values)), f"{name}_low": low, f"{name}_high": high}
        found |= _detection("", self.faults)
        for kind in KINDS:
            found |= _detection(f"_{kind}", [fault for fault in self.faults if fault.fault.kind == kind])
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def fault_table(self) -> dict[str, list[Any]]:
        """One row for each injected fault, by column."""
        return {
            "equipment": [found.fault.equipment for found in self.faults],
            "kind": [found.fault.kind for found in self.faults],
            "window_count": [found.fault.last_window - found.fault.first_window + 1 for found in self.faults],
            "is_detected": [found.delay_steps is not None for found in self.faults],
            "delay_steps": [found.delay_steps for found in self.faults],
        }


def _detection(suffix: str, faults: Sequence[FoundFault]) -> dict[str, float]:
    """Share of faults detected, and the median delay of those."""
    delays = [found.delay_steps for found in faults if found.delay_steps is not None]
    if not faults:
        return {}
    delay = {f"steps_to_detect{suffix}": float(np.median(delays))} if delays else {}
    return {f"detected{suffix}": len(delays) / len(faults)} | delay


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


def with_faults_in_order(stretches: Sequence[Stretch], spread: FloatArray, seed: int) -> TestSeries:
    """Let one fault after the other come and go in every stretch.

    Args:
        stretches: Of the later part.
        spread: Normal standard deviation of each sensor, shape (sensor,).
        seed: Of the faults.
    """
    rng = np.random.default_rng(seed)
    faulty, faults, offset = [], list[Fault](), 0
    for stretch in stretches:
        values, injected = inject_in_order(stretch.values, stretch.ends, spread, len(faults), rng)
        faulty.append(values)
        faults += [
            Fault(stretch.equipment, KINDS[kind], offset + first, offset + last) for first, last, kind in injected
        ]
        offset += len(stretch.ends)
    is_anomaly = np.zeros(offset, dtype=bool)
    for fault in faults:
        is_anomaly[fault.first_window : fault.last_window + 1] = True
    owners = np.repeat(np.arange(len(stretches)), [len(stretch.ends) for stretch in stretches])
    return TestSeries(tuple(stretches), tuple(faulty), tuple(faults), owners, is_anomaly)


def evaluate(scores: TestScores, threshold: float, test: TestSeries) -> Evaluation:
    """Compare scores with the truth.

    Args:
        scores: Of the test's windows.
        threshold: Scores above it are flagged.
        test: The truth.
    """
    flags: BoolArray = np.asarray(scores.faulty > threshold)
    false_flags: BoolArray = np.asarray(scores.normal > threshold)
    stretch_vus_pr, confusions = [], []
    for index in range(len(test.stretches)):
        own = test.stretch == index
        truth = test.is_anomaly[own]
        stretch_vus_pr.append(vus_pr(truth, scores.faulty[own]))
        with_fault = confusion(truth, flags[own])
        without = confusion(np.zeros_like(truth), false_flags[own])
        confusions.append(np.concatenate([with_fault[:2], without[2:]]))
    counted = np.array(confusions)
    members = [test.equipment == member for member in np.unique(test.equipment)]
    return Evaluation(
        stretch_equipment=test.equipment,
        stretch_vus_pr=np.array(stretch_vus_pr),
        confusions=np.array([counted[own].sum(axis=0) for own in members]),
        faults=tuple(_found(fault, flags) for fault in test.faults),
    )


def _found(fault: Fault, flags: BoolArray) -> FoundFault:
    during = flags[fault.first_window : fault.last_window + 1]
    (delay,) = steps_to_detect(np.ones_like(during), during)
    return FoundFault(fault, None if np.isnan(delay) else int(delay))
