"""Shifts of a sensor's distribution (issue 5, S4-027), with figures worked out by hand."""

import math

import numpy as np
import pytest

from ml.shift import Shift, compare, psi


def blocks_of(count: int, size: int = 100, seed: int = 0, wandering: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Samples around 50 with a spread of 1; each block lies a bit off."""
    rng = np.random.default_rng(seed)
    levels = 50 + wandering * rng.standard_normal((count, 1))
    return (levels + rng.standard_normal((count, size))).ravel(), np.repeat(np.arange(count), size)


def test_psi_by_hand() -> None:
    """Ten bins of two in twenty: 2.5 of 25 each, with the half. All twenty after are in the last: 20.5, the others 0.5.

    (0.82 - 0.1) ln 8.2 + 9 (0.02 - 0.1) ln 0.2 = 1.5150 + 1.1588.
    """
    before = np.arange(1.0, 21.0)
    assert psi(before, np.full(20, 99.0)) == pytest.approx(0.72 * math.log(8.2) + 0.72 * math.log(5), abs=1e-12)
    assert psi(before, np.full(20, 99.0)) == pytest.approx(2.6738, abs=1e-4)
    assert psi(before, before[::-1]) == 0.0


def test_psi_of_two_bins_by_hand() -> None:
    """Half and half before; a quarter and three quarters after: (0.25) ln 1.5 + (-0.25) ln 0.5, less the halves."""
    before, after = np.repeat([1.0, 3.0], 5_000), np.repeat([1.0, 3.0], [2_500, 7_500])
    assert psi(before, after, bins=2) == pytest.approx(0.25 * math.log(1.5) + 0.25 * math.log(2), abs=1e-3)


def test_ks_by_hand() -> None:
    """Before 0..99, after 40..139: at 39, 40 % of the one and nothing of the other lie below."""
    shift = compare(np.arange(100.0), np.zeros(100, dtype=int), np.arange(40.0, 140.0))
    assert shift.ks == pytest.approx(0.40)
    assert (shift.count_before, shift.count_after, shift.mean_before, shift.mean_after) == (100, 100, 49.5, 89.5)
    # 2 exp(-2 d^2 n/2) bounds it from above (Massart 1990).
    assert 0 < shift.ks_p < 2 * math.exp(-2 * 0.4**2 * 50) < 1e-6
    assert (shift.usual_ks, shift.usual_psi) == (None, None)
    assert shift.is_drifted


@pytest.mark.parametrize(
    ("change", "is_drifted"),
    [
        (lambda x: x, False),
        (lambda x: x + 0.2, False),
        (lambda x: x + 1.0, True),
        (lambda x: x - 1.0, True),
        (lambda x: 50 + (x - 50) * 2.5, True),  # as many values to both sides: KS alone says 0.2
        (lambda x: np.full_like(x, 50.0), True),  # stuck
    ],
)
def test_what_has_drifted(change, is_drifted: bool) -> None:
    before, blocks = blocks_of(20)
    after, _ = blocks_of(1, 300, seed=1)
    assert compare(before, blocks, change(after)).is_drifted is is_drifted


def test_a_sensor_that_always_wanders_has_not_drifted() -> None:
    """KS and PSI are large, and so they are on other days."""
    before, blocks = blocks_of(20, wandering=1.0)
    after = blocks_of(1, 300, seed=1)[0] + 1.0
    shift = compare(before, blocks, after)
    assert shift.ks > 0.25 and shift.ks_p < 1e-6
    assert shift.usual_ks > shift.ks
    assert shift.is_drifted is False
    assert compare(before, blocks, after + 4.0).is_drifted


def test_one_odd_day_hides_nothing() -> None:
    """A fault within the samples before is one block in twenty, and the others say what is usual."""
    before, blocks = blocks_of(20)
    before[blocks == 3] += 20.0
    assert compare(before, blocks, blocks_of(1, 300, seed=1)[0] + 1.0).is_drifted


def test_seldom_does_noise_pass_for_drift() -> None:
    """Over what 95 % of twenty blocks keep to lies about one new block in ten: two of the 21 are furthest off.

    Of 100 sensors that wander by half their spread from day to day at most 16 are blamed, the 97.5 % point of chance.
    """
    blamed = 0
    for seed in range(100):
        values, blocks = blocks_of(21, size=60, seed=seed, wandering=0.5)
        is_last = blocks == 20
        blamed += bool(compare(values[~is_last], blocks[~is_last], values[is_last]).is_drifted)
    assert blamed <= 16


@pytest.mark.parametrize(("value", "is_drifted"), [(7.0, False), (6.9, True), (7.1, True)])
def test_a_constant_that_stays_and_one_that_moves(value: float, is_drifted: bool) -> None:
    """A setpoint, lowered or raised, with as many samples as an episode is looked at by."""
    constant, blocks = np.full(20 * 60, 7.0), np.repeat(np.arange(20), 60)
    shift = compare(constant, blocks, np.full(240, value))
    assert shift.is_drifted is is_drifted
    assert (shift.psi > 1.0) is is_drifted


def test_a_value_that_fills_several_bins_is_one_by_hand() -> None:
    """Seven, nine times in ten, and 1 to 10: bins up to 7, of 7 and above it hold 6.5, 91.5 and 3.5 of 101.5."""
    before = np.append(np.full(90, 7.0), np.arange(1.0, 11.0))
    shares = np.array([6.5, 91.5, 3.5]) / 101.5
    moved = np.array([0.5, 0.5, 50.5]) / 51.5
    assert psi(before, np.full(50, 9.0)) == pytest.approx(float(((moved - shares) * np.log(moved / shares)).sum()))


def test_too_few_samples_say_nothing() -> None:
    assert compare(np.arange(100.0), np.zeros(100, dtype=int), np.full(29, 9e9)) == Shift(100, 29, 49.5, 9e9)
    assert compare(np.array([]), np.array([], dtype=int), np.arange(100.0)) == Shift(0, 100, None, 49.5)
