"""A machine of three sensors for the ml tests: two follow a common load, the third is on its own."""

import numpy as np
import pytest
import torch

from ml.windows import WINDOW_STEPS, cut

SPREAD = np.array([1.0, 2.0, 0.5])


def machine(steps: int, seed: int) -> np.ndarray:
    """Readings of a healthy machine, shape (time, sensor)."""
    rng = np.random.default_rng(seed)
    load = np.sin(2 * np.pi * np.arange(steps) / 200)
    noise = 0.3 * rng.standard_normal((steps, 3))
    return np.array([10.0, 50.0, 5.0]) + SPREAD * (np.column_stack([load, load, np.zeros(steps)]) + noise)


def windows_of(matrix: np.ndarray, every: int = 3) -> np.ndarray:
    """Every third window, shape (window, time, sensor)."""
    return cut(matrix, np.arange(WINDOW_STEPS - 1, len(matrix), every))


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Threads that wait for each other spin, on a machine that has other things to do."""
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def earlier() -> np.ndarray:
    """Windows to learn from."""
    return windows_of(machine(3_000, seed=1))


@pytest.fixture(scope="session")
def later() -> np.ndarray:
    """Windows of the same machine afterwards."""
    return windows_of(machine(1_500, seed=2))
