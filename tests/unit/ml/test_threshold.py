"""The threshold from a held-out normal part (S2-023, C28)."""

import numpy as np

from ml.threshold import normal_equipment, threshold_at


def test_the_threshold_is_a_percentile() -> None:
    assert threshold_at(np.arange(101.0), 99.0) == 99.0


def test_a_machine_unlike_the_others_does_not_set_the_threshold() -> None:
    scores = np.array([1.0, 1.2, 1.1, 1.3, 9.0, 9.5])
    machines = np.array([0, 0, 1, 1, 2, 2])
    np.testing.assert_array_equal(normal_equipment(scores, machines, 99.0), [True, True, True, True, False, False])


def test_a_single_machine_is_normal_by_definition() -> None:
    assert normal_equipment(np.array([5.0, 6.0]), np.array([0, 0]), 99.0).all()
