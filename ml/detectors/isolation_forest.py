"""Isolation Forest: the mandatory baseline (S0-026, C22). What is common to detectors does not belong here.

scikit-learn grows the trees; they are kept and walked as plain arrays, so that a stored model is no pickle.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.detectors.protocol import Progress, Weights
from ml.detectors.shares import shares_by_occlusion
from ml.detectors.summaries import SUMMARY_COUNT, summarize
from ml.errors import NotFitted
from ml.windows import check_shape

TREES = 100
SAMPLES_PER_TREE = 256
LEAF = -1


@dataclass(frozen=True)
class _Forest:
    """All trees, padded to the same number of nodes; a leaf is its own child."""

    feature: IntArray  # (tree, node)
    split: FloatArray  # (tree, node)
    left: IntArray  # (tree, node)
    right: IntArray  # (tree, node)
    path_length: FloatArray  # (tree, node): depth of the leaf plus what its samples would still need
    typical: FloatArray  # (feature,): the training median, which stands in for a sensor that is left out
    scalars: FloatArray  # (2,): normal path length, greatest depth


class IsolationForestDetector:
    """Scores a window by how few random splits isolate its summary: 2 ** (-path / normal path), 0-1."""

    name: ClassVar[str] = "isolation_forest"

    def __init__(self) -> None:
        self._forest: _Forest | None = None

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters."""
        return {"trees": TREES, "samples_per_tree": SAMPLES_PER_TREE}

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Grow the trees."""
        from sklearn.ensemble import IsolationForest

        summaries = summarize(windows)
        samples = min(SAMPLES_PER_TREE, len(summaries))
        forest = IsolationForest(n_estimators=TREES, max_samples=samples, random_state=seed).fit(summaries)
        typical: FloatArray = np.median(summaries, axis=0)
        trees = [estimator.tree_ for estimator in forest.estimators_]
        self._forest = _flatten(trees, typical, samples)
        progress(self.name, 1.0)
        return {}

    def score(self, windows: FloatArray) -> FloatArray:
        """Return 2 ** (-path / normal path), shape (window,)."""
        forest = self._fitted()
        check_shape(windows, len(forest.typical) // SUMMARY_COUNT)
        return _score(forest, summarize(windows))

    def explain(self, windows: FloatArray) -> FloatArray:
        """Return what each sensor adds to the score, against typical summaries, as shares, shape (window, sensor)."""
        forest = self._fitted()
        check_shape(windows, len(forest.typical) // SUMMARY_COUNT)
        return shares_by_occlusion(lambda values: _score(forest, values), summarize(windows), forest.typical)

    def weights(self) -> Weights:
        """Return the trees."""
        return dict(vars(self._fitted()))

    @classmethod
    def restore(cls, weights: Weights) -> "IsolationForestDetector":
        """Build the fitted detector again."""
        detector = cls()
        detector._forest = _Forest(**weights)
        return detector

    def _fitted(self) -> _Forest:
        if self._forest is None:
            raise NotFitted("This Isolation Forest has not been fitted: call fit() or restore() first.")
        return self._forest


def _normal_path(samples: IntArray) -> FloatArray:
    """Mean path length of an unsuccessful search in a binary tree of `samples` (Liu et al. 2008, equation 1)."""
    n = np.asarray(samples, dtype=np.float64)
    long = 2.0 * (np.log(np.maximum(n - 1.0, 1.0)) + np.euler_gamma) - 2.0 * (n - 1.0) / np.maximum(n, 1.0)
    return np.where(n > 2, long, np.where(n == 2, 1.0, 0.0))


def _flatten(trees: Sequence[Any], typical: FloatArray, samples: int) -> _Forest:
    """Copy scikit-learn's trees into arrays."""
    width = max(tree.node_count for tree in trees)
    itself = np.tile(np.arange(width), (len(trees), 1))
    feature, left, right = np.zeros((len(trees), width), dtype=np.int64), itself.copy(), itself.copy()
    split, path_length = np.zeros((len(trees), width)), np.zeros((len(trees), width))
    deepest = 0
    for index, tree in enumerate(trees):
        depth = np.zeros(tree.node_count)
        for node in range(tree.node_count):
            children = tree.children_left[node], tree.children_right[node]
            if children[0] == LEAF:
                continue
            depth[list(children)] = depth[node] + 1
            left[index, node], right[index, node] = children
            feature[index, node], split[index, node] = tree.feature[node], tree.threshold[node]
        path_length[index, : len(depth)] = depth + _normal_path(tree.n_node_samples)
        deepest = max(deepest, int(depth.max()))
    scalars = np.array([max(float(_normal_path(np.array(samples))), 1e-9), deepest])
    return _Forest(feature, split, left, right, path_length, typical, scalars)


def _score(forest: _Forest, summaries: FloatArray) -> FloatArray:
    """Walk every summary down every tree, one level at a time."""
    values = summaries.astype(np.float32)  # as scikit-learn compares
    total, rows = np.zeros(len(values)), np.arange(len(values))
    for feature, split, left, right, path in zip(
        forest.feature, forest.split, forest.left, forest.right, forest.path_length, strict=True
    ):
        node = np.zeros(len(values), dtype=np.int64)
        for _ in range(int(forest.scalars[1])):
            node = np.where(values[rows, feature[node]] <= split[node], left[node], right[node])
        total += path[node]
    scores: FloatArray = np.exp2(-total / len(forest.feature) / forest.scalars[0])
    return scores
