"""Injected faults."""

import numpy as np
import pytest

from ml.faults import FAULTS, KINDS, LATEST_ONSET, inject

SPREAD = np.array([1.0, 2.0, 0.0])


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(80, 30, 3)).astype(np.float32)


def test_every_window_gets_a_fault_of_the_kinds_in_turn_and_sound_sensors_stay_sound(windows: np.ndarray) -> None:
    faulty, kinds = inject(windows, SPREAD, np.random.default_rng(1))
    changed = faulty != windows
    assert changed.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(kinds, np.tile(range(len(KINDS)), 20))
    assert not changed[:, :, 2].any()
    np.testing.assert_array_equal(changed.argmax(axis=1).max() <= LATEST_ONSET + 1, True)


def test_the_same_seed_gives_the_same_faults_and_the_input_is_left_alone(windows: np.ndarray) -> None:
    before = windows.copy()
    one, _ = inject(windows, SPREAD, np.random.default_rng(1))
    other, _ = inject(windows, SPREAD, np.random.default_rng(1))
    third, _ = inject(windows, SPREAD, np.random.default_rng(2))
    np.testing.assert_array_equal(one, other)
    assert (one != third).any()
    np.testing.assert_array_equal(windows, before)


def test_the_kinds_do_what_they_are_called() -> None:
    values, spread, rng = np.array([[1.0], [2.0], [4.0]]), np.array([1.0]), np.random.default_rng(1)
    np.testing.assert_array_equal(FAULTS["stuck"](values, spread, rng), [[1.0], [1.0], [1.0]])
    jump = FAULTS["offset"](values, spread, rng) - values
    assert np.ptp(jump) == pytest.approx(0.0)
    assert 2.0 <= abs(jump[0, 0]) <= 5.0
    wander = FAULTS["drift"](values, spread, rng) - values
    assert wander[0, 0] == 0.0
    assert wander[1, 0] == pytest.approx(wander[2, 0] / 2)
    assert np.ptp(FAULTS["noise"](np.zeros((200, 1)), spread, rng)) > 3.0


def test_sensors_that_never_move_cannot_fail(windows: np.ndarray) -> None:
    faulty, _ = inject(windows, np.zeros(3), np.random.default_rng(1))
    np.testing.assert_array_equal(faulty, windows)
