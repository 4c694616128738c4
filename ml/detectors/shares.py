"""From contributions to shares. How a detector finds contributions does not belong here."""

import numpy as np

from ml.arrays import FloatArray


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
