"""Figures worked out by hand."""

import numpy as np
import pytest

from ml.rul.metrics import coverage, mean_width, nasa_score, rmse


def test_the_nasa_score_by_hand() -> None:
    """Issue 5: 13 cycles early costs e - 1, 10 cycles late e - 1, exact nothing; late is dearer than early."""
    truth = np.array([50.0, 50.0, 50.0])
    assert nasa_score(np.array([37.0, 60.0, 50.0]), truth) == pytest.approx(2 * (np.e - 1))
    late, early = (nasa_score(np.array([50.0 + error]), np.array([50.0])) for error in (20, -20))
    assert late == pytest.approx(6.389056, abs=1e-6)
    assert early == pytest.approx(3.657501, abs=1e-2)
    assert late > early


def test_rmse_coverage_and_width_by_hand() -> None:
    assert rmse(np.array([1.0, 5.0]), np.array([4.0, 1.0])) == pytest.approx(np.sqrt(12.5))
    lower, upper, truth = np.array([0.0, 10, 10, 10]), np.array([4.0, 20, 20, 20]), np.array([4.0, 9, 15, 21])
    assert coverage(lower, upper, truth) == 0.5
    assert mean_width(lower, upper) == 8.5
