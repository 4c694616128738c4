"""Leaves out training windows that something strange happened in. Sensors are chosen in `ml.sensor_choice`.

History is taken for normal, but nobody has looked at it: a fault in it teaches that it is normal, and blows up the
threshold. What is far from the bulk of a machine's windows, by the minimum covariance determinant of their levels
(Rousseeuw and Van Driessen 1999), is left out where it happened once or twice and did not last. What recurs, such as
standing still every night, or lasts, such as another product, is how the machine works.
"""

from typing import Final

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.detectors.summaries import summarize
from ml.windows import WINDOW_STEPS

FAR: Final = 20.0
"""Squared robust distances, in medians, that are strange. Normal windows of the test beds reach 5 to 10."""

MOST_EPISODES: Final = 2
LONGEST_SHARE: Final = 0.25
BULK: Final = 0.75
LEAST_WINDOWS_PER_SENSOR: Final = 10


def ordinary_windows(windows: FloatArray, equipment: IntArray, stride: int) -> BoolArray:
    """Tell which windows may teach.

    Args:
        windows: Of training, in order of time within each equipment, shape (window, time, sensor), in any unit.
        equipment: Index of each window's equipment, shape (window,).
        stride: Steps between two windows: what shares a step with a strange window goes with it.

    Returns:
        Shape (window,).
    """
    is_ordinary = np.ones(len(windows), dtype=np.bool_)
    for member in np.unique(equipment):
        own = np.flatnonzero(equipment == member)
        is_ordinary[own] = ~_strange(windows[own], -(-WINDOW_STEPS // stride))
    return is_ordinary


def _strange(windows: FloatArray, reach: int) -> BoolArray:
    """Windows of one machine that are left out, shape (window,)."""
    nothing = np.zeros(len(windows), dtype=np.bool_)
    levels = summarize(windows)[:, : windows.shape[2]]
    levels = levels[:, levels.std(axis=0) > 0]
    if not levels.shape[1] or len(levels) < LEAST_WINDOWS_PER_SENSOR * levels.shape[1]:
        return nothing
    distances = _robust_distances(levels)
    is_far = distances > FAR * np.median(distances)
    strange: BoolArray = np.convolve(is_far, np.ones(2 * reach + 1), mode="full")[reach:-reach] > 0
    episodes = int(np.count_nonzero(np.diff(strange.astype(np.int8), prepend=0) == 1))
    return strange if episodes <= MOST_EPISODES and strange.mean() <= LONGEST_SHARE else nothing


def _robust_distances(levels: FloatArray) -> FloatArray:
    """Squared distances from the bulk, shape (window,)."""
    from sklearn.covariance import MinCovDet

    standardised = (levels - levels.mean(axis=0)) / levels.std(axis=0)
    # Sensors that follow each other exactly have no determinant; a trace of noise, always the same, gives them one.
    standardised += 1e-3 * np.random.default_rng(0).standard_normal(standardised.shape)
    bulk = MinCovDet(support_fraction=BULK, random_state=0).fit(standardised)
    return np.asarray(bulk.mahalanobis(standardised))
