"""The decision threshold, from a held-out normal part (C28). Fitting detectors does not belong here."""

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray

UNLIKE_OTHERS = 3.0
"""An equipment whose own percentile is this many times the median of all is not taken for normal."""


def normal_equipment(scores: FloatArray, equipment: IntArray, percentile: float) -> BoolArray:
    """Tell which windows belong to equipment that looks normal beside the others of its class.

    Held-out data carry no labels and one machine may really be failing; its scores must not set the threshold.

    Args:
        scores: Held-out scores, shape (window,).
        equipment: Index of each window's equipment, shape (window,).
        percentile: 50-100.

    Returns:
        Shape (window,); True for equipment whose percentile is at most three times the median over equipment.
    """
    members = np.unique(equipment)
    percentiles = np.array([np.percentile(scores[equipment == member], percentile) for member in members])
    kept = members[percentiles <= UNLIKE_OTHERS * np.median(percentiles)]
    return np.isin(equipment, kept)


def threshold_at(scores: FloatArray, percentile: float) -> float:
    """The score that `percentile` percent of held-out normal windows do not exceed (S2-023)."""
    return float(np.percentile(scores, percentile))
