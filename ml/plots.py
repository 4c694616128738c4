"""Pictures of a training for MLflow. Computing the figures they show belongs to `ml.evaluate`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import BoolArray, FloatArray

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SIZE_INCHES = (7.0, 4.0)
BINS = 60
LEAST_SCORE = 1e-9


def score_histogram(scores: FloatArray, is_anomaly: BoolArray, threshold: float) -> "Figure":
    """How scores of later windows with and without injected faults lie to both sides of the threshold.

    Args:
        scores: Shape (window,).
        is_anomaly: Truth, shape (window,).
        threshold: Drawn as a line.
    """
    from matplotlib.figure import Figure

    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    logarithms = np.log10(np.maximum(scores, LEAST_SCORE))
    edges = np.linspace(logarithms.min(), max(logarithms.max(), logarithms.min() + 1e-6), BINS).tolist()
    axes.hist(logarithms[~is_anomaly], edges, alpha=0.6, label="later windows")
    axes.hist(logarithms[is_anomaly], edges, alpha=0.6, label="with injected fault")
    axes.axvline(np.log10(max(threshold, LEAST_SCORE)), color="black", linestyle="--", label="threshold")
    axes.set(xlabel="log10 of the score", ylabel="windows")
    axes.legend()
    return figure


def precision_recall(scores: Mapping[str, FloatArray], is_anomaly: BoolArray) -> "Figure":
    """Precision over recall of several detectors on the same windows.

    Args:
        scores: By detector, shape (window,).
        is_anomaly: Truth, shape (window,).
    """
    from matplotlib.figure import Figure

    figure = Figure(SIZE_INCHES, layout="constrained")
    axes = figure.subplots()
    for name, values in scores.items():
        found = np.cumsum(is_anomaly[np.argsort(-values, kind="stable")])
        axes.plot(found / max(found[-1], 1), found / np.arange(1, len(found) + 1), label=name)
    axes.set(xlabel="recall", ylabel="precision", ylim=(0.0, 1.05))
    axes.legend()
    return figure
