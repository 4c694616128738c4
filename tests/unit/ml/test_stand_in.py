"""Silent sensors are stood in for by what the others lead one to expect."""

import numpy as np
import pytest

from ml.stand_in import StandIn


@pytest.fixture
def stand_in(earlier: np.ndarray) -> StandIn:
    """Of the machine whose sensors 0 and 1 follow the same load."""
    return StandIn.fit(earlier, np.arange(len(earlier)))


def test_windows_in_which_all_speak_stay_as_they_are(stand_in: StandIn, later: np.ndarray) -> None:
    np.testing.assert_array_equal(stand_in.mend(later), later)


@pytest.mark.parametrize("value", [np.nan, 10.0])
def test_a_missing_and_a_stuck_sensor_follow_their_like(stand_in: StandIn, later: np.ndarray, value: float) -> None:
    """Issue 5: robust to a stuck or missing sensor. Sensor 0 is half of sensor 1, but for noise."""
    broken = later.copy()
    broken[::2, :, 0] = value
    mended = stand_in.mend(broken)
    np.testing.assert_array_equal(mended[1::2], later[1::2])
    np.testing.assert_array_equal(mended[::2, :, 1:], later[::2, :, 1:])
    levels, truth = mended[::2, :, 0].mean(axis=1), later[::2, :, 0].mean(axis=1)
    assert np.corrcoef(levels, truth)[0, 1] > 0.95
    assert np.abs(levels - truth).max() < 0.5
    assert mended[::2, :, 0].std(axis=1).min() > 0.1  # as restless as a real one


def test_each_window_is_mended_by_its_own_silence(stand_in: StandIn, later: np.ndarray) -> None:
    """However windows are put together, each comes out the same."""
    broken = later[:4].copy()
    broken[0, 3, 0], broken[1, :, 2], broken[2, :, :2] = np.nan, 5.0, np.nan
    together = stand_in.mend(broken)
    assert np.isfinite(together).all()
    for one, mended in zip(broken, together, strict=True):
        np.testing.assert_allclose(stand_in.mend(one[None])[0], mended, rtol=1e-6)


def test_a_sensor_that_rests_in_training_may_rest(earlier: np.ndarray, later: np.ndarray) -> None:
    """A setpoint stands still for hours, and says something by it."""
    earlier, later = earlier.copy(), later.copy()
    earlier[:, :, 2], later[:, :, 2] = 3.0, 4.0
    stand_in = StandIn.fit(earlier, np.arange(len(earlier)))
    np.testing.assert_array_equal(stand_in.mend(later)[:, :, 2], later[:, :, 2])
