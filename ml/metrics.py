"""Figures of merit as small pure functions. What they are computed on is decided in `ml.evaluate`.

Nothing is point-adjusted: a fault found in one step of a hundred counts as one step found.
"""

import math
import warnings
from collections.abc import Callable

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray

VUS_WINDOW = 60
"""Longest buffer around an anomaly, steps."""

VUS_THRESHOLDS = 250
BOOTSTRAP_DRAWS = 2_000


def operating_points(is_anomaly: BoolArray, scores: FloatArray) -> tuple[IntArray, IntArray]:
    """Hits and false alarms at each threshold that the scores know, from the strictest on, shape (threshold,) each.

    Args:
        is_anomaly: Truth, shape (window,).
        scores: Higher is stranger, shape (window,); equal scores are flagged together, so that a detector which calls
            everything equally strange has one point and no curve.
    """
    order = np.argsort(-scores, kind="stable")
    last_of_equals = np.flatnonzero(np.append(np.diff(scores[order]) != 0, True))
    hits = np.cumsum(is_anomaly[order], dtype=np.int64)[last_of_equals]
    return hits, last_of_equals + 1 - hits


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
    hits, false_alarms = operating_points(is_anomaly, scores)
    recall_added = np.diff(hits, prepend=0) / total
    return float((hits / (hits + false_alarms) * recall_added).sum())


def vus_pr(is_anomaly: BoolArray, scores: FloatArray, window: int = VUS_WINDOW) -> float:
    """Volume under the surface of range-based precision-recall curves (Paparrizos et al., PVLDB 15(11), 2022).

    One curve for each buffer length of 0 to `window` steps. Half a buffer lies on each side of every anomaly: there,
    labels fall off with the distance d as sqrt(1 - d / buffer), so that a detector is not punished for being a little
    early or late. Recall is multiplied by the share of anomalies found at all. The volume is the mean area.

    The figures are those of the authors' own code (`vus.metrics.get_metrics(..., slidingWindow=window)`), computed at
    once for all thresholds: a step counts from the first threshold on that its score reaches.

    Args:
        is_anomaly: Truth, shape (time,), in order of time.
        scores: Higher is stranger, shape (time,), finite.
        window: Longest buffer, steps.

    Returns:
        0-1; a detector without skill gets about the share of anomalies, with their buffers. NaN where there is no
        anomaly.
    """
    starts, ends = anomaly_ranges(is_anomaly)
    if not len(starts):
        return float("nan")
    thresholds = -np.sort(-scores)[np.linspace(0, len(scores) - 1, VUS_THRESHOLDS).astype(int)]
    passed = np.searchsorted(-thresholds, -scores, side="left")  # (time,): VUS_THRESHOLDS where none is reached

    def up_to_each(weights: FloatArray, of: IntArray | BoolArray) -> FloatArray:
        counts = np.bincount(passed[of], weights=weights, minlength=VUS_THRESHOLDS + 1)
        return np.cumsum(counts[:VUS_THRESHOLDS])

    flagged = up_to_each(np.ones(len(scores)), np.arange(len(scores)))
    hits = up_to_each(np.ones(int(is_anomaly.sum())), is_anomaly)
    near, nearest, is_shared = _distances(starts, ends, len(scores), window // 2)
    areas = []
    for buffer in range(window + 1):
        reach = buffer // 2
        inside = nearest <= reach
        distance = nearest[inside]
        weights = np.where(is_shared[inside] <= reach, 1.0, np.sqrt(1.0 - distance / max(buffer, 1)))
        partly = up_to_each(weights, near[inside])
        precision = (hits + partly) / flagged
        recall = np.minimum((hits + partly) / (is_anomaly.sum() + partly / 2), 1.0)
        recall *= _share_found(starts, ends, passed, reach)
        areas.append(float((np.diff(recall, prepend=0.0) * precision).sum()))
    return float(np.mean(areas))


def anomaly_ranges(is_anomaly: BoolArray) -> tuple[IntArray, IntArray]:
    """First and last step of each run of anomalous steps, shape (fault,) each, in order."""
    edges = np.diff(np.concatenate([[False], is_anomaly, [False]]).astype(np.int8))
    return np.flatnonzero(edges == 1), np.flatnonzero(edges == -1) - 1


def _distances(starts: IntArray, ends: IntArray, length: int, reach: int) -> tuple[IntArray, IntArray, IntArray]:
    """The steps outside anomalies within reach of one, with their distances to the nearest and to the second.

    Two labels at a step add up to more than one, hence to one: beyond the second nearest nobody matters.
    """
    far = length + reach + 1
    two = np.full((2, length), far, dtype=np.int64)
    for start, end in zip(starts, ends, strict=True):
        for steps in (np.arange(max(start - reach, 0), start), np.arange(end + 1, min(end + reach + 1, length))):
            distance = np.where(steps < start, start - steps, steps - end)
            two[:, steps] = np.sort(np.vstack([two[:, steps], distance]), axis=0)[:2]
    for start, end in zip(starts, ends, strict=True):
        two[:, start : end + 1] = far
    near = np.flatnonzero(two[0] <= reach)
    return near, two[0, near], two[1, near]


def _share_found(starts: IntArray, ends: IntArray, passed: IntArray, reach: int) -> FloatArray:
    """Share of anomalies, with buffers and merged where these meet, in which anything is flagged, by threshold."""
    is_apart = ends[:-1] + reach < starts[1:] - reach
    firsts = np.maximum(starts[np.append(True, is_apart)] - reach, 0)
    lasts = np.minimum(ends[np.append(is_apart, True)] + reach, len(passed) - 1)
    # Every other piece that reduceat makes lies between two ranges; the last step may stand for a piece of its own.
    borders = np.column_stack([firsts, lasts + 1]).ravel()
    earliest = np.minimum.reduceat(np.append(passed, VUS_THRESHOLDS), borders)[::2]
    counts = np.bincount(earliest, minlength=VUS_THRESHOLDS + 1)[:VUS_THRESHOLDS]
    share: FloatArray = np.cumsum(counts) / len(firsts)
    return share


def confusion(is_anomaly: BoolArray, is_flagged: BoolArray) -> IntArray:
    """Count hits, misses, false alarms and rightly quiet steps, shape (4,)."""
    return np.array(
        [
            (is_anomaly & is_flagged).sum(),
            (is_anomaly & ~is_flagged).sum(),
            (~is_anomaly & is_flagged).sum(),
            (~is_anomaly & ~is_flagged).sum(),
        ],
        dtype=np.int64,
    )


def f1(counts: IntArray) -> FloatArray:
    """Harmonic mean of precision and recall, of confusions of shape (..., 4); 0 where nothing is right."""
    hits, misses, false_alarms, _ = np.moveaxis(counts, -1, 0)
    return np.asarray(2 * hits / np.maximum(2 * hits + misses + false_alarms, 1))


def false_alarm_rate(counts: IntArray) -> FloatArray:
    """Share of normal steps that are flagged, 0-1, of confusions of shape (..., 4); NaN where no step is normal."""
    return _share(counts[..., 2], counts[..., 3])


def missed_alarm_rate(counts: IntArray) -> FloatArray:
    """Share of anomalous steps that are not flagged, 0-1, of confusions (..., 4); NaN where none is anomalous."""
    return _share(counts[..., 1], counts[..., 0])


def _share(part: IntArray, rest: IntArray) -> FloatArray:
    with np.errstate(invalid="ignore"):
        return np.asarray(part / (part + rest))


def steps_to_detect(is_anomaly: BoolArray, is_flagged: BoolArray) -> FloatArray:
    """Steps from the first step of each fault to the first flag within it.

    Args:
        is_anomaly: Truth, shape (time,), in order of time.
        is_flagged: Shape (time,).

    Returns:
        Shape (fault,), in order; 0 where the first step is flagged, NaN where none is.
    """
    delays = []
    for start, end in zip(*anomaly_ranges(is_anomaly), strict=True):
        flags = np.flatnonzero(is_flagged[start : end + 1])
        delays.append(float(flags[0]) if len(flags) else float("nan"))
    return np.array(delays)


def mean_over_groups(values: FloatArray) -> FloatArray:
    """Mean over groups, shape (..., group) to (...), without those that are NaN; NaN where all are."""
    with nothing_is_nan():
        return np.asarray(np.nanmean(values, axis=-1))


def median_over_groups(values: FloatArray) -> FloatArray:
    """Median over groups, shape (..., group) to (...), without those that are NaN; NaN where all are."""
    with nothing_is_nan():
        return np.asarray(np.nanmedian(values, axis=-1))


def nothing_is_nan() -> "warnings.catch_warnings[None]":
    """Let numpy answer NaN for a mean of nothing without a warning: here that is the answer."""
    return warnings.catch_warnings(action="ignore", category=RuntimeWarning)


def pooled(figure: Callable[[IntArray], FloatArray]) -> Callable[[IntArray], FloatArray]:
    """A figure of the sum of many confusions: of shape (..., group, 4) to (...), for `bootstrap_interval`."""
    return lambda counts: figure(counts.sum(axis=-2))


def bootstrap_interval(
    values: FloatArray | IntArray,
    rng: np.random.Generator,
    share: float = 0.95,
    statistic: Callable[..., FloatArray] = mean_over_groups,
    draws: int = BOOTSTRAP_DRAWS,
) -> tuple[float, float]:
    """Interval of a statistic by drawing whole groups (files, equipment) anew (percentile bootstrap, Efron 1979).

    Steps of one group are alike, so drawing steps would promise too much.

    Args:
        values: One entry per group, shape (group, ...): a figure each, or a confusion each.
        rng: Decides the draws.
        share: Of the draws that the interval holds, in the middle.
        statistic: From shape (draw, group, ...) to (draw,), such as `pooled(f1)`.
        draws: How many.

    Returns:
        Low and high; both the same with one group.
    """
    drawn = rng.integers(0, len(values), size=(draws, len(values)))
    with nothing_is_nan():
        low, high = np.nanquantile(statistic(np.asarray(values)[drawn]), [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def expanded(share: float, count: int) -> float:
    """The share to ask of a percentile bootstrap of few groups, for an interval that holds what `share` promises.

    Groups drawn anew vary less than groups do, by (n - 1) / n, and nothing tells them that their spread was measured on
    n: of six, one equal challenger in 14 had its whole interval above 0, and not one in 40 (the expanded percentile
    interval: Hesterberg, What Teachers Should Know About the Bootstrap, The American Statistician 69(4), 2015).

    Args:
        share: Wanted, 0-1.
        count: Of groups, at least two.
    """
    from scipy.special import ndtr, stdtrit

    quantile = math.sqrt(count / (count - 1)) * stdtrit(count - 1, (1 + share) / 2)
    return float(2 * ndtr(quantile) - 1)


def nested_interval(
    values: FloatArray,
    groups: IntArray,
    rng: np.random.Generator,
    share: float = 0.95,
    draws: int = BOOTSTRAP_DRAWS,
) -> tuple[float, float]:
    """Interval of the mean over groups of the mean within a group, by drawing groups and then members of each.

    With many groups it is the bootstrap by group. With one or two, which that could not tell apart from certainty,
    the members, such as stretches of time of a machine, carry the doubt (Davison and Hinkley 1997, section 3.8).

    Args:
        values: One figure per member, shape (member,); finite.
        groups: The group of each member, shape (member,).
        rng: Decides the draws.
        share: Of the draws that the interval holds, in the middle.
        draws: How many.

    Returns:
        Low and high.
    """
    _, owners, counts = np.unique(groups, return_inverse=True, return_counts=True)
    own = [values[owners == group] for group in range(len(counts))]
    padded = np.array([np.resize(members, counts.max()) for members in own])  # (group, member)
    totals = np.zeros(draws)
    for _ in counts:
        drawn = rng.integers(0, len(counts), size=draws)
        picks = (rng.random((draws, counts.max())) * counts[drawn, None]).astype(np.int64)
        is_member = np.arange(counts.max()) < counts[drawn, None]
        totals += (padded[drawn[:, None], picks] * is_member).sum(axis=1) / counts[drawn]
    low, high = np.quantile(totals / len(counts), [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)
