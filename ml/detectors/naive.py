"""Naive detectors that a champion has to beat. Candidates for champion do not belong here."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.protocol import Progress, Weights
from ml.detectors.shares import to_shares


class AlwaysOnDetector:
    """Calls every window equally strange."""

    name: ClassVar[str] = "always_on"
    params: Mapping[str, float | int | str] = {}

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Learn nothing."""
        return {}

    def score(self, windows: FloatArray) -> FloatArray:
        """Return ones, shape (window,)."""
        return np.ones(len(windows))

    def explain(self, windows: FloatArray) -> FloatArray:
        """Return even shares, shape (window, sensor)."""
        return to_shares(np.zeros((len(windows), windows.shape[2])))

    def weights(self) -> Weights:
        """Return nothing."""
        return {}

    @classmethod
    def restore(cls, weights: Weights) -> "AlwaysOnDetector":
        """Build it again."""
        return cls()


class RandomDetector(AlwaysOnDetector):
    """Scores by chance."""

    name: ClassVar[str] = "random"

    def __init__(self) -> None:
        self._seed = 0

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Remember the seed."""
        self._seed = seed
        return {}

    def score(self, windows: FloatArray) -> FloatArray:
        """Return chance, uniform 0-1, shape (window,)."""
        return np.random.default_rng(self._seed).random(len(windows))


class LastValueDetector(AlwaysOnDetector):
    """Predicts each value by the one before; scores the largest error in the window, over sensors and time."""

    name: ClassVar[str] = "last_value"

    def score(self, windows: FloatArray) -> FloatArray:
        """Return the largest step, in training ranges, shape (window,)."""
        largest: FloatArray = np.abs(np.diff(windows, axis=1)).max(axis=(1, 2))
        return largest
