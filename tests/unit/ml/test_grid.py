"""The time grid (C27), with numbers worked out by hand."""

from datetime import UTC, datetime

import numpy as np
import pytest

from ml.grid import (
    datetime_of,
    forward_fill,
    infer_grid_s,
    microseconds_of,
    resample,
    sampling_interval_s,
    step_of,
)

NAN = np.nan
SECOND = 1_000_000


def test_times_survive_the_way_there_and_back_to_the_microsecond() -> None:
    at = datetime(2026, 3, 1, 12, 30, 15, 123_457, tzinfo=UTC)
    assert datetime_of(microseconds_of(at)) == at
    assert microseconds_of(datetime(1970, 1, 1, 0, 0, 1, tzinfo=UTC)) == SECOND


@pytest.mark.parametrize(("seconds", "step"), [(59.999999, 1), (60, 1), (60.000001, 2), (0, 0), (-1, 0)])
def test_a_step_holds_the_readings_up_to_its_end(seconds: float, step: int) -> None:
    assert step_of(round(seconds * SECOND), 60 * SECOND) == step


def test_the_interval_is_the_median_and_shrugs_off_gaps_and_jitter() -> None:
    steady = np.array([0, 60, 120, 180, 9_000]) * SECOND
    jittery = np.array([0.0, 60.02, 119.97, 180.01]) * SECOND
    assert sampling_interval_s([steady]) == 60.0
    assert infer_grid_s([sampling_interval_s([jittery.astype(np.int64)]) or 0]) == 60.0
    assert sampling_interval_s([np.array([5])]) is None


def test_the_grid_is_the_median_over_metrics_in_two_digits() -> None:
    assert infer_grid_s([1.004, 1.0, 60.0]) == 1.0
    assert infer_grid_s([299.8]) == 300.0
    assert infer_grid_s([0.0996]) == 0.1


def test_readings_of_a_step_are_averaged() -> None:
    times = np.array([30, 60, 61, 200]) * SECOND
    sensors = np.array([0, 0, 1, 0])
    values = np.array([1.0, 3.0, 7.0, 9.0])
    found = resample(times, sensors, values, grid_us=60 * SECOND, first_step=1, shape=(3, 2))
    np.testing.assert_array_equal(found, [[2.0, NAN], [NAN, 7.0], [NAN, NAN]])


def test_resampling_does_not_depend_on_the_order_of_readings_in_any_bit() -> None:
    rng = np.random.default_rng(0)
    times = np.sort(rng.choice(600 * SECOND, 5_000, replace=False))
    sensors, values = rng.integers(0, 3, 5_000), rng.normal(1e6, 1e-3, 5_000)
    shape = {"grid_us": 60 * SECOND, "first_step": 0, "shape": (11, 3)}
    shuffled = rng.permutation(5_000)
    one = resample(times, sensors, values, **shape)
    other = resample(times[shuffled], sensors[shuffled], values[shuffled], **shape)
    assert one.tobytes() == other.tobytes()


def test_values_are_carried_forward_only_so_far() -> None:
    column = np.array([[NAN], [1.0], [NAN], [NAN], [NAN], [2.0], [NAN]])
    np.testing.assert_array_equal(forward_fill(column, 2)[:, 0], [NAN, 1.0, 1.0, 1.0, NAN, 2.0, 2.0])
