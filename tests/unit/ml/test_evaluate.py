"""The evaluation: the same test for everybody, medians over equipment."""

import numpy as np
import pytest

from ml.evaluate import TestWindows, evaluate, with_faults


def test_every_second_window_comes_again_with_a_fault(later: np.ndarray) -> None:
    windows, machines = later[:41], np.arange(41) % 2
    test = with_faults(windows, machines, np.ones(3), seed=1)
    assert test.is_anomaly.sum() == 21
    np.testing.assert_array_equal(test.windows[:41], windows)
    np.testing.assert_array_equal(test.equipment[41:], machines[::2])
    assert (test.kind[:41] == -1).all()
    assert (test.kind[41:] >= 0).all()


def test_one_machine_that_really_fails_does_not_decide() -> None:
    """Machines 0 and 1 are ranked perfectly; all windows of machine 2 score high, injected fault or not."""
    truth = np.tile([False, False, True, True], 3)
    test = TestWindows(
        windows=np.empty((12, 30, 1)),
        equipment=np.repeat([0, 1, 2], 4),
        is_anomaly=truth,
        kind=np.tile([-1, -1, 0, 1], 3),
    )
    scores = np.array([1, 1, 9, 9, 1, 1, 9, 1, 9, 9, 9, 9], dtype=float)
    found = evaluate(scores, 5.0, test)
    # Machine 0: all right. Machine 1: one of two found, precision 1 then 2/4. Machine 2: everything flagged.
    assert found.false_alarm_rate == np.median([0.0, 0.0, 1.0]) == 0.0
    assert found.missed_alarm_rate == np.median([0.0, 0.5, 0.0]) == 0.0
    assert found.f1 == pytest.approx(np.median([1.0, 2 / 3, 2 / 3]))
    assert found.average_precision == pytest.approx(np.median([1.0, 0.5 * 1 + 0.5 * 2 / 4, 0.5]))
    assert found.detected["offset"] == 1.0
    assert found.detected["drift"] == pytest.approx(2 / 3)
    assert found.figures()["detected_drift"] == found.detected["drift"]
    assert set(found.detected) == {"offset", "drift"}
