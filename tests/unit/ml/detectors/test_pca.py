"""T² and Q, on a plane that can be drawn."""

import numpy as np
import pytest

from ml.detectors.pca import _Plane, _statistics


def test_t2_counts_along_the_plane_and_q_away_from_it() -> None:
    diagonal = np.array([[1.0, 1.0]]) / np.sqrt(2)
    plane = _Plane(np.zeros(2), np.ones(2), diagonal, np.array([4.0]), np.ones(2))
    t2, q = _statistics(plane, np.array([[2.0, 2.0], [1.0, -1.0], [3.0, 1.0]]))
    # (2, 2) lies on the diagonal at distance √8: 8 / 4. (1, -1) stands on it. (3, 1) is at 2√2 along and √2 away.
    assert t2.tolist() == pytest.approx([2.0, 0.0, 2.0])
    assert q.tolist() == pytest.approx([0.0, 2.0, 2.0])
