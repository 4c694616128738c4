"""Sensors that drift with their surroundings are told from those that follow the machine."""

import numpy as np

from ml.sensor_choice import _slow_share, drifting_sensors
from ml.windows import cut


def windows(*columns: np.ndarray) -> np.ndarray:
    """All windows of some sensors, shape (window, time, sensor)."""
    matrix = np.stack(columns, axis=1)
    return cut(matrix, np.arange(29, len(matrix)))


def test_the_share_between_quarters_by_hand() -> None:
    """Quarters 0, 0 | 2, 2 | 4, 4 | 6, 6 lie all between; -1, 1 four times, all within."""
    values = np.array([[0.0, -1], [0, 1], [2, -1], [2, 1], [4, -1], [4, 1], [6, -1], [6, 1]])
    assert _slow_share(values).tolist() == [1.0, 0.0]


def test_a_thermometer_that_follows_the_day_is_left_out() -> None:
    """Issue 5: feature choice that drops sensors drifting with ambience. A load cycle stays."""
    rng, steps = np.random.default_rng(5), np.arange(800)
    day, load, noise = steps / 400, np.sin(steps / 20), rng.standard_normal(800)
    found = windows(day + 0.1 * noise, load + 0.1 * noise, noise)
    assert drifting_sensors(found, np.zeros(len(found), dtype=np.int64)).tolist() == [True, False, False]


def test_one_machine_of_three_that_drifts_does_not_decide() -> None:
    rng = np.random.default_rng(6)
    steady = [windows(*rng.standard_normal((2, 400))) for _ in range(2)]
    drifting = windows(np.linspace(0, 9, 400), rng.standard_normal(400))
    together = np.concatenate([drifting, *steady])
    assert not drifting_sensors(together, np.repeat([0, 1, 2], len(drifting))).any()


def test_where_all_drift_none_is_left_out() -> None:
    ramp = np.linspace(0, 1, 400)
    found = windows(ramp, -ramp)
    assert not drifting_sensors(found, np.zeros(len(found), dtype=np.int64)).any()
