"""From scores to each sensor's share of them. The scores themselves do not belong here."""

from collections.abc import Callable

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.summaries import SUMMARY_COUNT


def to_shares(contributions: FloatArray) -> FloatArray:
    """Turn contributions into shares of one.

    Args:
        contributions: Shape (window, sensor); negative ones, sensors that look more normal than usual, count as none.

    Returns:
        Shape (window, sensor); rows sum to 1, evenly where nothing contributes.
    """
    positive = np.clip(contributions.astype(np.float64), 0.0, None)
    totals = positive.sum(axis=1, keepdims=True)
    even = np.full_like(positive, 1.0 / positive.shape[1])
    return np.where(totals > 0, positive / np.where(totals > 0, totals, 1.0), even)


def shares_by_occlusion(
    score: Callable[[FloatArray], FloatArray], summaries: FloatArray, typical: FloatArray
) -> FloatArray:
    """Find what a sensor adds to the score: as the last, to all others, and as the first, to typical summaries.

    The mean of the two is the simplest of Shapley's averages. The terms of a score would smear a fault over all sensors
    that are correlated with the faulty one.

    Args:
        score: From summaries to scores, shape (window,).
        summaries: As `summarize` lays them out, shape (window, feature).
        typical: Stands in for a sensor, shape (feature,).

    Returns:
        Shares, shape (window, sensor); rows sum to 1.
    """
    sensor_count = summaries.shape[1] // SUMMARY_COUNT
    whole, nothing = score(summaries), score(typical[None])
    added = np.empty((len(summaries), sensor_count))
    for sensor in range(sensor_count):
        own = slice(sensor, None, sensor_count)
        without, alone = summaries.copy(), np.tile(typical, (len(summaries), 1))
        without[:, own], alone[:, own] = typical[own], summaries[:, own]
        added[:, sensor] = (whole - score(without)) + (score(alone) - nothing)
    return to_shares(added)
