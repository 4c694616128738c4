"""How far a sensor's distribution has moved, by Kolmogorov-Smirnov and PSI. Reading samples does not belong here.

A sensor wanders in normal operation too: load, product and weather differ from day to day. So the samples of before
come in blocks, as long as the hours in question, and a sensor has drifted only if it lies further off than most of the
blocks lie off the others.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from ml.arrays import FloatArray, IntArray

LEAST_SAMPLES: Final = 30
LEAST_BLOCKS: Final = 5
USUAL_QUANTILE: Final = 0.95
LEAST_KS: Final = 0.2
LEAST_PSI: Final = 0.25
MOST_P_VALUE: Final = 0.01
PSI_BINS: Final = 10


@dataclass(frozen=True)
class Shift:
    """One sensor before and after; means are in its unit, all other figures dimensionless.

    Attributes:
        ks: Largest distance of the two distribution functions, 0-1.
        ks_p: Of `ks`, as if the samples were independent; they are not, so it alone proves nothing.
        psi: Population stability index; by custom 0.1 is a moderate shift and 0.25 a large one.
        usual_ks: What 95 % of the blocks of the samples before keep to, each against the others; None: too few blocks.
        usual_psi: The same of `psi`.
        is_drifted: None where there are too few samples to tell; the figures are None then too.
    """

    count_before: int
    count_after: int
    mean_before: float | None
    mean_after: float | None
    ks: float | None = None
    ks_p: float | None = None
    psi: float | None = None
    usual_ks: float | None = None
    usual_psi: float | None = None
    is_drifted: bool | None = None


def compare(before: FloatArray, blocks: IntArray, after: FloatArray) -> Shift:
    """Say whether a sensor has drifted.

    It has if KS is certain (p under 0.01), KS is over 0.2 or PSI over 0.25, and both are over what is usual.

    Args:
        before: Samples of normal operation, shape (sample,).
        blocks: Which block each of them is of, shape (sample,).
        after: Samples of the hours in question, shape (sample,).
    """
    means = [float(samples.mean()) if len(samples) else None for samples in (before, after)]
    shift = Shift(len(before), len(after), mean_before=means[0], mean_after=means[1])
    if min(len(before), len(after)) < LEAST_SAMPLES:
        return shift
    from scipy.stats import ks_2samp  # takes a second

    # The asymptotic p-value: the exact one takes seconds at these sizes and differs in the third digit.
    found = ks_2samp(before, after, method="asymp")
    ks, p_value, index = float(found.statistic), float(found.pvalue), psi(before, after)
    usual_ks, usual_psi = _usual(before, blocks)
    is_large = p_value < MOST_P_VALUE and (ks > LEAST_KS or index > LEAST_PSI)
    is_drifted = is_large and ks > (usual_ks or 0.0) and index > (usual_psi or 0.0)
    return replace(shift, ks=ks, ks_p=p_value, psi=index, usual_ks=usual_ks, usual_psi=usual_psi, is_drifted=is_drifted)


def psi(before: FloatArray, after: FloatArray, bins: int = PSI_BINS) -> float:
    """Population stability index: sum over bins of (a - b) ln(a / b), a and b the shares of after and before.

    The bins hold equal shares of `before`; a value that would fill several has one of its own, so that a constant may
    leave it to either side. Half a sample is added to each, so that an empty one is no infinity.

    Args:
        before: Shape (sample,), at least one.
        after: Shape (sample,), at least one.
        bins: How many; equal values may leave fewer.
    """
    borders, counts = np.unique(np.quantile(before, np.arange(1, bins) / bins), return_counts=True)
    edges = np.sort(np.append(borders, np.nextafter(borders[counts > 1], np.inf)))
    shares = []
    for samples in (before, after):
        found = np.bincount(np.searchsorted(edges, samples, side="right"), minlength=len(edges) + 1) + 0.5
        shares.append(found / found.sum())
    return float(np.sum((shares[1] - shares[0]) * np.log(shares[1] / shares[0])))


def _distance(before: FloatArray, after: FloatArray) -> float:
    """The Kolmogorov-Smirnov statistic alone, which is quick."""
    values = np.concatenate([before, after])
    below = [np.searchsorted(np.sort(samples), values, side="right") / len(samples) for samples in (before, after)]
    return float(np.abs(below[0] - below[1]).max())


def _usual(before: FloatArray, blocks: IntArray) -> tuple[float | None, float | None]:
    """What 95 % of the blocks keep to, each against all others: KS and PSI."""
    numbers, counts = np.unique(blocks, return_counts=True)
    large = numbers[counts >= LEAST_SAMPLES]
    if len(large) < LEAST_BLOCKS:
        return None, None
    pairs = [(before[blocks != number], before[blocks == number]) for number in large]
    found = [_distance(*pair) for pair in pairs], [psi(*pair) for pair in pairs]
    ks, index = (float(np.quantile(distances, USUAL_QUANTILE)) for distances in found)
    return ks, index
