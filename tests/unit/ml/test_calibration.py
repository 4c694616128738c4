"""Calibrated probability and confidence (D11)."""

import numpy as np
import pytest

from ml.calibration import FAULT_PRIOR, Calibration, Reliability, brier_score, confidence


def test_the_curve_at_points_worked_out_by_hand() -> None:
    curve = Calibration(slope=2.0, intercept=0.0)
    # p = s² / (s² + 1)
    np.testing.assert_allclose(curve.probability(np.array([1.0, 3.0, 1 / 3])), [0.5, 0.9, 0.1])
    np.testing.assert_allclose(confidence(np.array([0.5, 0.9, 0.1])), [0.5, 0.9, 0.9])


def test_brier_score() -> None:
    assert brier_score(np.array([0.9, 0.2]), np.array([True, False])) == pytest.approx((0.01 + 0.04) / 2)


def test_a_fitted_curve_recovers_the_odds_it_was_made_with() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(40_000) < 0.5
    # ln(score) is normal around 0 and 2: the log odds at equal shares are 2 ln(score) - 2, and the prior shifts them.
    scores = np.exp(rng.standard_normal(40_000) + 2.0 * truth)
    curve = Calibration.fit(scores, truth)
    assert curve.slope == pytest.approx(2.0, abs=0.1)
    assert curve.intercept == pytest.approx(-2.0 + np.log(FAULT_PRIOR / (1 - FAULT_PRIOR)), abs=0.1)


def test_scores_without_skill_give_the_prior_and_never_a_falling_curve() -> None:
    truth = np.tile([True, False], 500)
    curve = Calibration.fit(np.where(truth, 1.0, 2.0), truth)
    assert curve.slope == 0.0
    np.testing.assert_allclose(curve.probability(np.array([0.1, 10.0])), FAULT_PRIOR)
    np.testing.assert_allclose(Calibration.fit(np.ones(1_000), truth).probability(np.ones(1)), FAULT_PRIOR, rtol=1e-3)


def test_extreme_scores_do_not_overflow() -> None:
    assert Calibration(50.0, 0.0).probability(np.array([0.0, 1e300])).tolist() == pytest.approx([0.0, 1.0])


def test_reliability_weighs_windows_to_the_assumed_share_of_faults() -> None:
    """Ten sure normal windows, ten faulty ones of which half are called improbable; faults weigh 5 %, together."""
    probability = np.array([0.02] * 10 + [0.95] * 5 + [0.02] * 5)
    truth = np.repeat([False, True], 10)
    curve = Reliability.of(probability, truth)
    np.testing.assert_allclose(curve.probability, [0.02, 0.95])
    np.testing.assert_allclose(curve.weight, [0.975, 0.025])
    np.testing.assert_allclose(curve.frequency, [0.025 / 0.975, 1.0])
    expected = 0.975 * (0.025 / 0.975 - 0.02) + 0.025 * 0.05
    assert curve.expected_calibration_error == pytest.approx(expected)


def test_a_calibration_that_fits_has_hardly_any_error() -> None:
    rng = np.random.default_rng(3)
    truth = rng.random(40_000) < 0.5
    scores = np.exp(rng.standard_normal(40_000) + 2.0 * truth)
    fitted = Calibration.fit(scores[::2], truth[::2])
    assert Reliability.of(fitted.probability(scores[1::2]), truth[1::2]).expected_calibration_error < 0.01
    assert Reliability.of(np.full(40_000, 0.9), truth).expected_calibration_error == pytest.approx(0.85)
