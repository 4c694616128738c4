"""MinMax scaling (S2-020)."""

import numpy as np
import pytest

from ml.errors import NotEnoughData
from ml.scaling import MinMaxScaler


def test_the_training_range_becomes_0_to_1_and_later_values_may_lie_outside() -> None:
    scaler = MinMaxScaler.fit(np.array([[[10.0, 0.0], [20.0, 4.0]]]))
    np.testing.assert_allclose(
        scaler.scale(np.array([[[10.0, 1.0], [25.0, -4.0]]])), [[[0.0, 0.25], [1.5, -1.0]]], rtol=1e-6
    )


def test_unscaled_values_are_what_they_were() -> None:
    scaler = MinMaxScaler.fit(np.array([[[10.0, 7.0], [20.0, 7.0]]]))
    values = np.array([[12.0, 8.0], [25.0, 7.0]])
    np.testing.assert_allclose(scaler.unscale(scaler.scale(values)), values, rtol=1e-6)


def test_a_sensor_that_never_moved_is_measured_in_percent_of_its_value() -> None:
    scaler = MinMaxScaler.fit(np.full((1, 2, 1), 50.0))
    np.testing.assert_allclose(scaler.scale(np.array([[[50.0], [51.0]]])), [[[0.0], [2.0]]], rtol=1e-5)


def test_nothing_to_fit_is_an_error() -> None:
    with pytest.raises(NotEnoughData):
        MinMaxScaler.fit(np.empty((0, 30, 2)))
