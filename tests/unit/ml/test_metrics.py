"""Figures of merit, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ml.metrics import average_precision, f1, false_alarm_rate, missed_alarm_rate

TRUTH = np.array([True, False, True, False])


def test_average_precision_weighs_precision_by_the_recall_it_adds() -> None:
    # Found in order: hit (precision 1, recall +1/2), miss, hit (precision 2/3, recall +1/2).
    assert average_precision(TRUTH, np.array([0.9, 0.8, 0.7, 0.6])) == pytest.approx((1 + 2 / 3) / 2)


def test_equal_scores_are_found_together() -> None:
    assert average_precision(np.array([True, False, False]), np.array([1.0, 1.0, 0.0])) == 0.5
    assert average_precision(TRUTH, np.ones(4)) == 0.5


def test_average_precision_of_nothing_to_find_is_not_a_number() -> None:
    assert np.isnan(average_precision(np.zeros(3, dtype=bool), np.arange(3.0)))


def test_rates_at_a_threshold() -> None:
    truth = np.array([True, True, True, False, False, False, False, False])
    flagged = np.array([True, True, False, True, False, False, False, False])
    assert f1(truth, flagged) == pytest.approx(2 * (2 / 3) * (2 / 3) / (2 / 3 + 2 / 3))
    assert false_alarm_rate(truth, flagged) == pytest.approx(1 / 5)
    assert missed_alarm_rate(truth, flagged) == pytest.approx(1 / 3)
    assert f1(truth, np.zeros(8, dtype=bool)) == 0.0


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=2, max_size=60))
def test_average_precision_agrees_with_scikit_learn(pairs: list[tuple[bool, int]]) -> None:
    from sklearn.metrics import average_precision_score

    truth = np.array([anomalous for anomalous, _ in pairs])
    scores = np.array([float(score) for _, score in pairs])
    if truth.any():
        assert average_precision(truth, scores) == pytest.approx(average_precision_score(truth, scores))
