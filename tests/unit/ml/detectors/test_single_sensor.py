"""The best single-sensor rule."""

import numpy as np
import pytest

from ml.detectors.single_sensor import SingleSensorDetector
from ml.errors import NotFitted


def test_it_is_the_robust_z_score_of_one_sensors_last_value() -> None:
    windows = np.zeros((5, 30, 2))
    windows[:, -1, 1] = [1.0, 2.0, 3.0, 4.0, 100.0]  # median 3, absolute deviations 2, 1, 0, 1, 97: their median is 1
    rule = SingleSensorDetector(1)
    with pytest.raises(NotFitted):
        rule.score(windows)
    rule.fit(windows, seed=1, progress=lambda stage, share: None)
    np.testing.assert_allclose(rule.score(windows), np.array([2, 1, 0, 1, 97]) / 1.4826)
    np.testing.assert_array_equal(rule.explain(windows), [[0.0, 1.0]] * 5)
    again = SingleSensorDetector.restore(rule.weights())
    np.testing.assert_allclose(again.score(windows), rule.score(windows))
    assert rule.params == {"sensor": 1}


def test_a_sensor_that_never_moved_has_finite_scores() -> None:
    rule = SingleSensorDetector(0)
    rule.fit(np.ones((10, 30, 1)), seed=1, progress=lambda stage, share: None)
    assert np.isfinite(rule.score(np.full((1, 30, 1), 2.0))).all()
