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
    """Find by how much the score falls when one sensor after the other is replaced by its typical summary.

    The terms of a score would smear a fault over all sensors that are correlated with the faulty one.

    Args:
        score: From summaries to scores, shape (window,).
        summaries: As `summarize` lays them out, shape (window, feature).
        typical: Stands in for a sensor, shape (feature,).

    Returns:
        Shares, shape (window, sensor); rows sum to 1.
    """
    sensor_count = summaries.shape[1] // SUMMARY_COUNT
    whole = score(summaries)
    falls = np.empty((len(summaries), sensor_count))
    for sensor in range(sensor_count):
        without = summaries.copy()
        without[:, sensor::sensor_count] = typical[sensor::sensor_count]
        falls[:, sensor] = whole - score(without)
    return to_shares(falls)
