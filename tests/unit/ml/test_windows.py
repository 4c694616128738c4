"""Causal windows of 30 steps (S2-019)."""

import numpy as np
import pytest

from ml.errors import SensorMismatch
from ml.windows import check_shape, cut, window_ends


def test_windows_end_from_the_thirtieth_complete_step_on() -> None:
    matrix = np.zeros((33, 2))
    np.testing.assert_array_equal(window_ends(matrix), [29, 30, 31, 32])
    assert len(window_ends(matrix[:29])) == 0


def test_a_hole_in_any_sensor_breaks_every_window_that_would_contain_it() -> None:
    matrix = np.zeros((100, 2))
    matrix[40, 1] = np.nan
    np.testing.assert_array_equal(window_ends(matrix), [*range(29, 40), *range(70, 100)])


def test_a_window_holds_its_end_and_the_29_steps_before_and_nothing_later() -> None:
    matrix = np.column_stack([np.arange(100.0), -np.arange(100.0)])
    (window,) = cut(matrix, np.array([50]))
    np.testing.assert_array_equal(window[:, 0], np.arange(21.0, 51.0))
    np.testing.assert_array_equal(window[:, 1], -np.arange(21.0, 51.0))
    assert window.dtype == np.float32
    assert cut(matrix, np.empty(0, dtype=np.int64)).shape == (0, 30, 2)


@pytest.mark.parametrize("shape", [(5, 29, 3), (5, 30, 2), (30, 3)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(SensorMismatch, match="cut them with"):
        check_shape(np.zeros(shape), 3)


def test_where_enough_sensors_are_whole_a_hole_breaks_nothing() -> None:
    """Issue 5: gaps and missing sensors."""
    matrix = np.zeros((100, 4))
    matrix[:, 0] = np.nan
    matrix[50, 1] = np.nan
    assert not len(window_ends(matrix))
    np.testing.assert_array_equal(window_ends(matrix, least_sensors=2), np.arange(29, 100))
    np.testing.assert_array_equal(window_ends(matrix, least_sensors=3), [*range(29, 50), *range(80, 100)])
