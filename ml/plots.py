"""Pictures of a training for MLflow. Computing the figures they show belongs to `ml.evaluate`."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray
from ml.calibration import Reliability
from ml.evaluate import TestScores
from ml.metrics import anomaly_ranges, operating_points

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIZE_INCHES = (7.0, 4.0)
BINS = 60
DRAWN_WINDOWS = 4_000  # more are a blur
LEAST_SCORE = 1e-9


def score_histogram(scores: TestScores, is_anomaly: BoolArray, threshold: float) -> "Figure":
    """How scores of later windows without and with injected faults lie to both sides of the threshold.

    Args:
        scores: Of one detector.
        is_anomaly: Whether a fault was going on, shape (window,).
        threshold: Drawn as a line.
    """
    figure, axes = _figure()
    with_fault = scores.faulty[is_anomaly]
    logarithms = _logarithms(np.concatenate([scores.normal, with_fault]))
    edges = np.linspace(logarithms.min(), max(logarithms.max(), logarithms.min() + 1e-6), BINS).tolist()
    axes.hist(_logarithms(scores.normal), edges, alpha=0.6, label="later windows")
    axes.hist(_logarithms(with_fault), edges, alpha=0.6, label="with injected fault")
    axes.axvline(float(_logarithms(np.array([threshold]))[0]), color="black", linestyle="--", label="threshold")
    axes.set(xlabel="log10 of the score", ylabel="windows")
    axes.legend()
    return figure


def scores_over_time(scores: TestScores, is_anomaly: BoolArray, threshold: float) -> "Figure":
    """Scores in order of time, stretch after stretch, over the faults that were going on; arguments as above."""
    figure, axes = _figure()
    windows = slice(0, DRAWN_WINDOWS)
    axes.plot(_logarithms(scores.faulty[windows]), linewidth=0.6, label="with injected faults")
    axes.plot(_logarithms(scores.normal[windows]), linewidth=0.6, alpha=0.6, label="as measured")
    starts, ends = anomaly_ranges(is_anomaly[windows])
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        axes.axvspan(start, end + 1, color="red", alpha=0.15, label="fault" if index == 0 else None)
    axes.axhline(float(_logarithms(np.array([threshold]))[0]), color="black", linestyle="--", label="threshold")
    axes.set(xlabel="window, in order of time within each stretch", ylabel="log10 of the score")
    axes.legend(loc="upper right")
    return figure


def reliability(curve: Reliability) -> "Figure":
    """How often what was called probable came true; on the diagonal, probabilities mean what they say."""
    figure, axes = _figure()
    axes.plot([0, 1], [0, 1], color="black", linestyle="--", label="perfect")
    error = curve.expected_calibration_error
    axes.plot(curve.probability, curve.frequency, marker="o", label=f"expected calibration error {error:.3f}")
    axes.set(xlabel="calibrated probability of a fault", ylabel="share that was faulty", xlim=(0, 1), ylim=(0, 1))
    axes.legend()
    return figure


def precision_recall(scores: Mapping[str, TestScores], is_anomaly: BoolArray) -> "Figure":
    """Precision over recall of several detectors on the same windows.

    Args:
        scores: By detector.
        is_anomaly: Truth, shape (window,).
    """
    figure, axes = _figure()
    for name, found in scores.items():
        hits, false_alarms = operating_points(is_anomaly, found.faulty)
        axes.plot(hits / max(hits[-1], 1), hits / (hits + false_alarms), marker=marker_of(hits), label=name)
    axes.set(xlabel="recall", ylabel="precision", ylim=(0.0, 1.05))
    axes.legend()
    return figure


def roc(scores: Mapping[str, TestScores], is_anomaly: BoolArray) -> "Figure":
    """Share of faulty windows over share of normal ones flagged; arguments as in `precision_recall`."""
    figure, axes = _figure()
    for name, found in scores.items():
        hits, false_alarms = (np.append(0, counts) for counts in operating_points(is_anomaly, found.faulty))
        axes.plot(false_alarms / max(false_alarms[-1], 1), hits / max(hits[-1], 1), label=name)
    axes.set(xlabel="false alarm rate", ylabel="recall", ylim=(0.0, 1.05))
    axes.legend()
    return figure


def _figure() -> "tuple[Figure, Axes]":
    from matplotlib.figure import Figure

    figure = Figure(SIZE_INCHES, layout="constrained")
    return figure, figure.subplots()


def marker_of(points: IntArray) -> str | None:
    """A dot for a curve of one point, which is no line."""
    return "o" if len(points) == 1 else None


def _logarithms(scores: FloatArray) -> FloatArray:
    logarithms: FloatArray = np.log10(np.maximum(scores, LEAST_SCORE))
    return logarithms
