"""The gradient-boosted baseline of remaining life, on statistics of each window. Calibration does not belong here.

scikit-learn grows the trees; they are kept and walked as plain arrays, so that a stored model is no pickle.
"""

import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.detectors.protocol import Weights
from ml.errors import NotFitted, SensorMismatch
from ml.rul.histories import Samples
from ml.rul.protocol import LOWER_QUANTILE, UPPER_QUANTILE, Forecast

HEADS: Mapping[str, Mapping[str, Any]] = {
    "expected": {"loss": "squared_error"},
    "lower": {"loss": "quantile", "quantile": LOWER_QUANTILE},
    "upper": {"loss": "quantile", "quantile": UPPER_QUANTILE},
}
NODE_FIELDS = {"value": "value", "feature": "feature_idx", "split": "num_threshold", "left": "left", "right": "right"}
LAST_STEPS = (5, 10, 20)
SHAPE: Mapping[str, float | int] = {"learning_rate": 0.1, "max_leaf_nodes": 15, "min_samples_leaf": 40}
THINNED_BY = 3
"""Neighbouring windows are much the same: every third teaches as well, in a third of the time."""


class BoostedTrees:
    """Histogram gradient boosting (scikit-learn), one ensemble for the mean and one for each quantile.

    Args:
        trees: Of each ensemble.
        threads: Grow them. More than one only help on idle cores: each tree waits for the slowest, a hundred times.
    """

    name: ClassVar[str] = "boosted_trees"

    def __init__(self, trees: int = 80, threads: int = 1) -> None:
        self._trees, self._threads = trees, threads
        self._ensembles: dict[str, dict[str, Any]] = {}
        self._sensor_count = 0

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters."""
        return {"trees": self._trees, "thinned_by": THINNED_BY, **SHAPE}

    def fit(self, samples: Samples, *, cap: float, seed: int) -> None:
        """Grow the trees."""
        from sklearn.ensemble import HistGradientBoostingRegressor
        from threadpoolctl import threadpool_limits

        features = summarize(samples.windows[::THINNED_BY], samples.age[::THINNED_BY])
        target = np.minimum(samples.remaining[::THINNED_BY], cap)
        self._sensor_count = samples.windows.shape[2]
        with threadpool_limits(self._threads):
            for head, loss in HEADS.items():
                model = HistGradientBoostingRegressor(
                    max_iter=self._trees, early_stopping=False, random_state=seed, **SHAPE, **loss
                ).fit(features, target)
                self._ensembles[head] = _flatten(model)

    def predict(self, windows: FloatArray, age: FloatArray) -> Forecast:
        """Forecast, shape (window,) each."""
        if not self._ensembles:
            raise NotFitted("These trees have not been grown: call fit() or restore() first.")
        if windows.ndim != 3 or windows.shape[2] != self._sensor_count:
            raise SensorMismatch(f"Windows of shape {windows.shape} do not have {self._sensor_count} sensors.")
        features = summarize(windows, age)
        return Forecast(**{head: _walk(ensemble, features) for head, ensemble in self._ensembles.items()})

    def weights(self) -> Weights:
        """Return the trees."""
        named = {f"{head}.{name}": array for head, trees in self._ensembles.items() for name, array in trees.items()}
        return named | {"sensor_count": np.array(self._sensor_count)}

    @classmethod
    def restore(cls, weights: Weights) -> "BoostedTrees":
        """Build the fitted estimator again."""
        estimator = cls()
        estimator._sensor_count = int(weights["sensor_count"])
        for head in HEADS:
            prefix = f"{head}."
            estimator._ensembles[head] = {
                name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)
            }
        return estimator


def summarize(windows: FloatArray, age: FloatArray) -> FloatArray:
    """Statistics of each sensor in a window, and the age.

    Args:
        windows: Shape (window, time, sensor); NaN is left out.
        age: Shape (window,).

    Returns:
        Means of the last 5, 10 and 20 steps and of all, standard deviation, last value and slope per step of each
        sensor, then the age: shape (window, 7 * sensor + 1), float64; NaN where nothing is known.
    """
    values = windows.astype(np.float64)
    time = np.arange(values.shape[1])[None, :, None] + np.zeros_like(values)
    time[np.isnan(values)] = np.nan
    with warnings.catch_warnings():
        # A window without any value of a sensor has the mean NaN, which the trees know how to treat.
        warnings.simplefilter("ignore", RuntimeWarning)
        means = [np.nanmean(values[:, -steps:], axis=1) for steps in LAST_STEPS]
        mean, spread = np.nanmean(values, axis=1), np.nanstd(values, axis=1)
        centred = time - np.nanmean(time, axis=1, keepdims=True)
        variance = np.nansum(centred**2, axis=1)
        slope = np.nansum(centred * (values - mean[:, None]), axis=1) / np.where(variance > 0, variance, np.nan)
    features: FloatArray = np.concatenate([*means, mean, spread, values[:, -1], slope, age[:, None]], axis=1)
    return features


def _flatten(model: Any) -> dict[str, Any]:
    """All trees, padded to the same number of nodes; a leaf is its own child."""
    trees = [stage[0].nodes for stage in model._predictors]
    shape = (len(trees), max(len(nodes) for nodes in trees))
    flat: dict[str, Any] = {
        name: np.zeros(shape, dtype=np.float64 if name in {"value", "split"} else np.int64) for name in NODE_FIELDS
    }
    flat["is_nan_left"] = np.zeros(shape, dtype=np.bool_)
    for row, nodes in enumerate(trees):
        count = len(nodes)
        for name, field in NODE_FIELDS.items():
            flat[name][row, :count] = nodes[field]
        flat["is_nan_left"][row, :count] = nodes["missing_go_to_left"].astype(bool)
        leaf = np.flatnonzero(nodes["is_leaf"])
        flat["left"][row, leaf] = flat["right"][row, leaf] = leaf
    deepest = max(int(nodes["depth"].max()) for nodes in trees)
    return flat | {"scalars": np.array([float(np.ravel(model._baseline_prediction)[0]), deepest])}


def _walk(ensemble: Mapping[str, Any], features: FloatArray) -> FloatArray:
    """Walk every row of features down every tree, one level at a time."""
    baseline, deepest = float(ensemble["scalars"][0]), int(ensemble["scalars"][1])
    total, rows = np.full(len(features), baseline), np.arange(len(features))
    for tree in range(len(ensemble["value"])):
        feature, split, left, right, value, is_nan_left = (
            ensemble[name][tree] for name in ("feature", "split", "left", "right", "value", "is_nan_left")
        )
        node: IntArray = np.zeros(len(features), dtype=np.int64)
        for _ in range(deepest):
            seen = features[rows, feature[node]]
            goes_left = np.where(np.isnan(seen), is_nan_left[node], seen <= split[node])
            node = np.where(goes_left, left[node], right[node])
        total += value[node]
    return total
