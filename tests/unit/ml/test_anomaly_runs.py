"""Consecutive anomalous windows become one anomaly (S2-026)."""

import numpy as np

from ml.anomaly_model import Explanation
from ml.anomaly_runs import AnomalyRun, merge, stretches


def explained(share: float) -> Explanation:
    """Of one sensor."""
    return Explanation(np.array([share]), np.array([7.0]), np.array([3.0]))


def run(first: int, last: int, score: float) -> AnomalyRun:
    return AnomalyRun(first, last, score, explained(score))


def test_stretches_break_at_normal_windows_and_at_missing_ones() -> None:
    steps = np.array([10, 11, 12, 13, 20, 21])
    scores = np.array([5.0, 7.0, 7.0, 1.0, 6.0, 8.0])
    assert stretches(steps, scores, scores > 2) == [(0, 2, 1), (4, 5, 5)]
    assert stretches(np.array([10, 11, 13]), np.ones(3), np.ones(3, dtype=bool)) == [(0, 1, 0), (2, 2, 2)]
    assert stretches(steps, scores, scores > 9) == []


def test_runs_that_touch_become_one_with_the_higher_peak() -> None:
    merged = merge([run(1, 3, 4.0), run(4, 6, 9.0), run(7, 7, 2.0), run(9, 9, 5.0)])
    assert [(one.first_step, one.last_step, one.peak_score, one.peak.shares.tolist()) for one in merged] == [
        (1, 7, 9.0, [9.0]),
        (9, 9, 5.0, [5.0]),
    ]


def test_of_equal_peaks_the_first_explains_the_anomaly() -> None:
    first, second = AnomalyRun(1, 1, 4.0, explained(1.0)), AnomalyRun(2, 2, 4.0, explained(0.0))
    assert merge([first, second])[0].peak.shares.tolist() == [1.0]
