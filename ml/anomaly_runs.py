"""Merges anomalous windows that follow one another into one anomaly. Tables do not belong here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from ml.anomaly_model import Explanation
from ml.arrays import BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class AnomalyRun:
    """Consecutive anomalous windows of one equipment.

    Attributes:
        first_step: End of the first window, in grid steps.
        last_step: End of the last window, inclusive.
        peak_score: The highest score, of the first window that has it.
        peak: Why that window is strange.
    """

    first_step: int
    last_step: int
    peak_score: float
    peak: Explanation

    def joined(self, later: "AnomalyRun") -> "AnomalyRun":
        """This run and one that follows it, as one."""
        stranger = later if later.peak_score > self.peak_score else self
        return replace(stranger, first_step=self.first_step, last_step=later.last_step)


def stretches(steps: IntArray, scores: FloatArray, is_anomaly: BoolArray) -> list[tuple[int, int, int]]:
    """Find the stretches of consecutive anomalous windows.

    Args:
        steps: Ends of the windows, ascending, shape (window,).
        scores: Shape (window,).
        is_anomaly: Shape (window,).

    Returns:
        First, last and peak of each stretch, as indices of windows; the peak is the first of the highest.
    """
    strange = np.flatnonzero(is_anomaly)
    if not len(strange):
        return []
    breaks = np.flatnonzero(np.diff(steps[strange]) != 1) + 1
    return [(int(part[0]), int(part[-1]), int(part[np.argmax(scores[part])])) for part in np.split(strange, breaks)]


def merge(runs: Iterable[AnomalyRun]) -> list[AnomalyRun]:
    """Join runs that touch.

    Args:
        runs: In order of time, without overlap.
    """
    merged: list[AnomalyRun] = []
    for run in runs:
        if merged and run.first_step == merged[-1].last_step + 1:
            merged[-1] = merged[-1].joined(run)
        else:
            merged.append(run)
    return merged
