"""T² and Q, on a plane that can be drawn, and the spread beside them."""

import numpy as np
import pytest

from ml.detectors.pca import SPREAD_MARGIN, _Plane, _score, _statistics


def plane() -> _Plane:
    """Normal is the diagonal of two sensors, with variance 4 along it."""
    diagonal = np.array([[1.0, 1.0]]) / np.sqrt(2)
    return _Plane(np.zeros(4), np.ones(4), diagonal, np.array([4.0]), np.array([2.0, 1.0, 4.0]))


def test_t2_counts_along_the_plane_and_q_away_from_it() -> None:
    spreads = np.array([[0.0, 0.0], [3.0, -1.0], [0.0, -2.0]])
    levels = np.array([[2.0, 2.0], [1.0, -1.0], [3.0, 1.0]])
    t2, q, spread = _statistics(plane(), np.hstack([levels, spreads]))
    # (2, 2) lies on the diagonal at distance √8: 8 / 4. (1, -1) stands on it. (3, 1) is at 2√2 along and √2 away.
    assert t2.tolist() == pytest.approx([2.0, 0.0, 2.0])
    assert q.tolist() == pytest.approx([0.0, 2.0, 2.0])
    assert spread.tolist() == [0.0, 9.0, 4.0]


def test_the_score_is_the_largest_relative_to_its_limit_and_spreads_count_less() -> None:
    level_only, spread_only = [2.0, 2.0, 0.0, 0.0], [0.0, 0.0, 0.0, -8.0]
    scores = _score(plane(), np.array([level_only, spread_only]))
    assert scores.tolist() == pytest.approx([2.0 / 2.0, 64.0 / 4.0 / SPREAD_MARGIN])
