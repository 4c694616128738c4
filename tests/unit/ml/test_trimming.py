"""What happened once in training is left out; what recurs or lasts is how the machine works."""

import numpy as np
import pytest

from ml.trimming import ordinary_windows
from ml.windows import cut

FAULT = np.array([6.0, 0.0, 0.0])


def ordinary(matrix: np.ndarray, stride: int = 1) -> np.ndarray:
    """Whether the window ending at each row may teach, by row; windows are `stride` apart."""
    ends = np.arange(29, len(matrix), stride)
    return ordinary_windows(cut(matrix, ends), np.zeros(len(ends), dtype=np.int64), stride)


@pytest.fixture
def machine() -> np.ndarray:
    """Three sensors of white noise, shape (time, sensor)."""
    return np.random.default_rng(4).standard_normal((1_000, 3))


def test_ordinary_noise_teaches_as_it_is(machine: np.ndarray) -> None:
    assert ordinary(machine).all()


@pytest.mark.parametrize("stride", [1, 5])
def test_a_fault_in_training_is_left_out_with_all_that_saw_it(machine: np.ndarray, stride: int) -> None:
    """Issue 5: contaminated training rows."""
    machine[300:330] += FAULT
    kept = np.arange(29, 1_000, stride)[ordinary(machine, stride)]
    assert not ((kept >= 300) & (kept < 355)).any()
    assert len(kept) > 0.85 * len(range(29, 1_000, stride))


def test_what_recurs_is_normal(machine: np.ndarray) -> None:
    for start in (100, 400, 700):
        machine[start : start + 30] += FAULT
    assert ordinary(machine).all()


def test_what_lasts_is_normal(machine: np.ndarray) -> None:
    machine[600:900] += FAULT
    assert ordinary(machine).all()


def test_each_machine_has_its_own_bulk(machine: np.ndarray) -> None:
    """A second machine at another level is no outlier of the first."""
    windows = cut(machine, np.arange(29, 1_000))
    both = np.concatenate([windows, windows[:200] + 50.0])
    assert ordinary_windows(both, np.repeat([0, 1], [len(windows), 200]), 1).all()


def test_sensors_that_follow_each_other_or_stand_still_are_borne(machine: np.ndarray) -> None:
    machine[:, 1], machine[:, 2] = 2 * machine[:, 0], 7.0
    machine[500:520, 0] += 9.0
    assert not ordinary(machine).all()
