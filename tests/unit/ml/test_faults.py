"""Injected faults."""

import numpy as np
import pytest

from ml.faults import FAULT_STEPS, FAULTS, KINDS, LATEST_ONSET, QUIET_STEPS, inject, inject_in_order

SPREAD = np.array([1.0, 2.0, 0.0])


@pytest.fixture
def windows() -> np.ndarray:
    return np.random.default_rng(5).normal(size=(80, 30, 3)).astype(np.float32)


def test_every_window_gets_a_fault_of_the_kinds_in_turn_and_sound_sensors_stay_sound(windows: np.ndarray) -> None:
    faulty, kinds = inject(windows, SPREAD, np.random.default_rng(1))
    changed = faulty != windows
    assert changed.any(axis=(1, 2)).all()
    np.testing.assert_array_equal(kinds, np.arange(80) % len(KINDS))
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


def test_in_order_faults_are_apart_and_as_long_as_they_say() -> None:
    values, ends = np.random.default_rng(5).normal(size=(2_029, 3)), np.arange(29, 2_029)
    faulty, faults = inject_in_order(values, ends, SPREAD, 2, np.random.default_rng(1))
    assert [kind for _, _, kind in faults] == [(2 + n) % len(KINDS) for n in range(len(faults))]
    assert len(faults) > 10
    lengths = [last - first + 1 for first, last, _ in faults]
    quiet = [
        first - before for before, (first, _, _) in zip([0, *(last + 1 for _, last, _ in faults)], faults, strict=False)
    ]
    assert FAULT_STEPS[0] <= min(lengths) <= max(lengths) <= FAULT_STEPS[1]
    assert QUIET_STEPS[0] <= min(quiet) <= max(quiet) <= QUIET_STEPS[1]
    during = np.zeros(2_029, dtype=bool)
    for first, last, _ in faults:
        during[ends[first] : ends[last] + 1] = True
    changed = (faulty != values).any(axis=1)
    assert not changed[~during].any()
    assert changed[during].mean() > 0.95
    assert not (faulty[:, 2] != values[:, 2]).any()


@pytest.mark.parametrize("seed", range(20))
def test_the_shortest_stretch_holds_a_fault(seed: int) -> None:
    values, ends = np.ones((209, 1)), np.arange(29, 209)
    _, faults = inject_in_order(values, ends, np.ones(1), 0, np.random.default_rng(seed))
    assert len(faults) >= 1
    assert inject_in_order(values, ends, np.zeros(1), 0, np.random.default_rng(seed))[1] == []
