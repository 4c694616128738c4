"""Merges anomalous windows that follow one another into one anomaly. Tables do not belong here."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ml.arrays import FloatArray


@dataclass(frozen=True)
class AnomalyRun:
    """Consecutive anomalous windows of one equipment.

    Attributes:
        first_step: End of the first window, in grid steps.
        last_step: End of the last window, inclusive.
        peak_score: The highest score, of the first window that has it.
        peak_shares: Each sensor's share of the peak score, shape (sensor,).
    """

    first_step: int
    last_step: int
    peak_score: float
    peak_shares: FloatArray

    def joined(self, later: "AnomalyRun") -> "AnomalyRun":
        """This run and one that follows it, as one."""
        peak = later if later.peak_score > self.peak_score else self
        return replace(peak, first_step=self.first_step, last_step=later.last_step)


def merge(runs: Iterable[AnomalyRun]) -> list[AnomalyRun]:
    """Join runs that touch.

    Args:
        runs: In order of time, single windows among them, without overlap.
    """
    merged: list[AnomalyRun] = []
    for run in runs:
        if merged and run.first_step == merged[-1].last_step + 1:
            merged[-1] = merged[-1].joined(run)
        else:
            merged.append(run)
    return merged
