"""A window in two numbers per sensor, and shares of a score."""

import math

import numpy as np
import pytest

from ml.detectors.shares import shares_by_occlusion, to_shares
from ml.detectors.summaries import SPREAD_FLOOR, summarize


def test_level_and_spread_of_known_windows() -> None:
    ramp, constant = np.linspace(1.0, 3.0, 30), np.full(30, 5.0)
    alternating = np.tile([-1.0, 1.0], 15)
    (found,) = summarize(np.stack([ramp, constant, alternating], axis=1)[None])
    levels, spreads = found.reshape(2, 3)
    assert levels[0] == pytest.approx(3.0 - 2.0 / 29 * mean_age(30))
    assert levels[1] == pytest.approx(5.0)
    assert spreads[0] == pytest.approx(np.log(SPREAD_FLOOR), abs=0.01)
    assert spreads[1] == pytest.approx(np.log(SPREAD_FLOOR), abs=0.01)
    assert spreads[2] == pytest.approx(0.0, abs=0.01)


def mean_age(steps: int) -> float:
    """Of a value in the level, in steps, worked out by the sum."""
    weights = [math.exp(-age / 8) for age in range(steps)]
    return sum(age * weight for age, weight in enumerate(weights)) / sum(weights)


def test_the_level_follows_a_jump_and_forgets_it() -> None:
    """Eight steps after a jump, 1 - 1/e of it has arrived, beside what the window's beginning lacks."""
    jump = np.zeros(30)
    jump[22:] = 1.0
    (found,) = summarize(jump[None, :, None])
    assert found[0] == pytest.approx((1 - math.exp(-1)) / (1 - math.exp(-30 / 8)))


def test_shares_sum_to_one_and_leave_out_what_looks_normal() -> None:
    assert to_shares(np.array([[3.0, 1.0, -2.0]])).tolist() == [[0.75, 0.25, 0.0]]
    assert to_shares(np.zeros((1, 4))).tolist() == [[0.25] * 4]


def test_a_sensor_owns_what_it_adds_to_the_score() -> None:
    """Two sensors of two features; the score is the sum of all features."""
    summaries = np.array([[6.0, 2.0, 0.0, 0.0]])
    shares = shares_by_occlusion(lambda values: values.sum(axis=1), summaries, np.zeros(4))
    assert shares.tolist() == [[0.75, 0.25]]
