"""The named naive baseline, "mean life minus age": what a calendar would say. It sees no sensor."""

import numpy as np

from ml.arrays import FloatArray
from ml.rul.histories import Samples


def mean_life_minus_age(training: Samples, age: FloatArray) -> FloatArray:
    """Forecast the mean life of the training's lives less the age, at least 0.

    Args:
        training: Lives that ended.
        age: Steps lived, shape (window,).

    Returns:
        Remaining steps, shape (window,).
    """
    lives = (training.age + training.remaining)[training.remaining == 0]
    remaining: FloatArray = np.maximum(lives.mean() - age, 0.0)
    return remaining
