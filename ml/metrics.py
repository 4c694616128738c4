"""Figures of merit as small pure functions. What they are computed on is decided in `ml.evaluate`."""

import numpy as np

from ml.arrays import BoolArray, FloatArray


def average_precision(is_anomaly: BoolArray, scores: FloatArray) -> float:
    """Area under the precision-recall curve: the mean of the precisions, weighted by the recall each one adds.

    Args:
        is_anomaly: Truth, shape (window,).
        scores: Higher is stranger, shape (window,); equal scores count as found together.

    Returns:
        0-1; a detector without skill gets the share of anomalies. NaN where there is no anomaly.
    """
    total = int(is_anomaly.sum())
    if not total:
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    found = np.cumsum(is_anomaly[order])[last_of_equals]
    precision = found / (last_of_equals + 1)
    recall_added = np.diff(found, prepend=0) / total
    return float((precision * recall_added).sum())


def f1(is_anomaly: BoolArray, is_flagged: BoolArray) -> float:
    """Harmonic mean of precision and recall, without point adjustment; 0 where nothing is right."""
    hits = int((is_anomaly & is_flagged).sum())
    return 2 * hits / max(int(is_anomaly.sum()) + int(is_flagged.sum()), 1)


def false_alarm_rate(is_anomaly: BoolArray, is_flagged: BoolArray) -> float:
    """Share of normal windows that are flagged, 0-1; NaN where no window is normal."""
    normal = ~is_anomaly
    return float(is_flagged[normal].mean()) if normal.any() else float("nan")


def missed_alarm_rate(is_anomaly: BoolArray, is_flagged: BoolArray) -> float:
    """Share of anomalous windows that are not flagged, 0-1; NaN where none is anomalous."""
    return float((~is_flagged[is_anomaly]).mean()) if is_anomaly.any() else float("nan")
