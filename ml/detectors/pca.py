"""PCA with Hotelling's T² and the residual Q: the linear candidate. What is common to detectors does not belong here.

T² and Q watch the smoothed levels; a third statistic watches how much the sensors vary within the window, and speaks
up where one does so far more, or far less, than ever in training.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.protocol import Progress, Weights
from ml.detectors.shares import shares_by_occlusion
from ml.detectors.summaries import SUMMARY_COUNT, summarize
from ml.errors import NotFitted
from ml.windows import check_shape

KEPT_VARIANCE = 0.99
LIMIT_PERCENTILE = 99.0
SPREAD_MARGIN = 4.0
"""How far past its limit a spread counts as much as T² or Q at theirs: spreads change with harmless noise, too."""


@dataclass(frozen=True)
class _Plane:
    """The plane of normal operation, in standardised levels, and what is normal of the spreads."""

    centre: FloatArray  # (feature,): of levels and spreads
    scale: FloatArray  # (feature,)
    components: FloatArray  # (component, sensor)
    variances: FloatArray  # (component,)
    limits: FloatArray  # (3,): T², Q and spread that LIMIT_PERCENTILE of training windows stay below


class PcaDetector:
    """Scores a window by the largest of T², Q and the spread, each relative to its limit in training."""

    name: ClassVar[str] = "pca"

    def __init__(self) -> None:
        self._plane: _Plane | None = None

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters."""
        return {"kept_variance": KEPT_VARIANCE, "limit_percentile": LIMIT_PERCENTILE, "spread_margin": SPREAD_MARGIN}

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Find the plane; `seed` does not matter."""
        summaries = summarize(windows)
        centre, scale = summaries.mean(axis=0), np.maximum(summaries.std(axis=0), 1e-6)
        standardised = (summaries - centre) / scale
        levels = standardised[:, : windows.shape[2]]
        _, singular, components = np.linalg.svd(levels, full_matrices=False)
        variances = np.square(singular) / max(len(windows) - 1, 1)
        kept = int(np.searchsorted(np.cumsum(variances) / variances.sum(), KEPT_VARIANCE)) + 1
        plane = _Plane(centre, scale, components[:kept], np.maximum(variances[:kept], 1e-12), np.ones(3))
        limits = np.maximum(np.percentile(_statistics(plane, standardised), LIMIT_PERCENTILE, axis=1), 1e-12)
        self._plane = _Plane(plane.centre, plane.scale, plane.components, plane.variances, limits)
        progress(self.name, 1.0)
        return {}

    def score(self, windows: FloatArray) -> FloatArray:
        """Return the largest statistic relative to its limit, shape (window,)."""
        plane, standardised = self._standardise(windows)
        return _score(plane, standardised)

    def explain(self, windows: FloatArray) -> FloatArray:
        """Return what each sensor adds to the score, against mean summaries, as shares, shape (window, sensor)."""
        plane, standardised = self._standardise(windows)
        return shares_by_occlusion(lambda values: _score(plane, values), standardised, np.zeros(len(plane.centre)))

    def weights(self) -> Weights:
        """Return the plane."""
        return dict(vars(self._fitted()))

    @classmethod
    def restore(cls, weights: Weights) -> "PcaDetector":
        """Build the fitted detector again."""
        detector = cls()
        detector._plane = _Plane(**weights)
        return detector

    def _fitted(self) -> _Plane:
        if self._plane is None:
            raise NotFitted("This PCA detector has not been fitted: call fit() or restore() first.")
        return self._plane

    def _standardise(self, windows: FloatArray) -> tuple[_Plane, FloatArray]:
        plane = self._fitted()
        check_shape(windows, len(plane.centre) // SUMMARY_COUNT)
        return plane, (summarize(windows) - plane.centre) / plane.scale


def _statistics(plane: _Plane, standardised: FloatArray) -> FloatArray:
    """T² (distance within the plane), Q (squared distance from it), the strangest spread; shape (3, window)."""
    sensors = plane.components.shape[1]
    levels, spreads = standardised[:, :sensors], standardised[:, sensors:]
    projected = levels @ plane.components.T
    t2 = (np.square(projected) / plane.variances).sum(axis=1)
    q = np.square(levels - projected @ plane.components).sum(axis=1)
    return np.stack([t2, q, np.square(spreads).max(axis=1)])


def _score(plane: _Plane, standardised: FloatArray) -> FloatArray:
    """The largest statistic relative to its limit, shape (window,)."""
    relative = _statistics(plane, standardised) / plane.limits[:, None]
    relative[2] /= SPREAD_MARGIN
    largest: FloatArray = relative.max(axis=0)
    return largest
