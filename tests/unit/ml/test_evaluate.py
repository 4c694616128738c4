"""The evaluation: the same test for everybody, in order of time, medians over equipment."""

import numpy as np
import pytest

from ml.evaluate import Fault, TestScores, TestSeries, evaluate, with_faults, with_faults_in_order
from ml.faults import KINDS
from ml.metrics import vus_pr
from ml.stretches import Stretch


def stretch(equipment: int, steps: int = 10, seed: int = 1) -> Stretch:
    values = np.random.default_rng(seed).normal(size=(steps + 29, 2)).astype(np.float32)
    return Stretch(equipment, 0, values, np.arange(29, steps + 29))


def test_every_second_window_comes_again_with_a_fault(later: np.ndarray) -> None:
    windows, machines = later[:41], np.arange(41) % 2
    test = with_faults(windows, machines, np.ones(3), seed=1)
    assert test.is_anomaly.sum() == 21
    np.testing.assert_array_equal(test.windows[:41], windows)
    np.testing.assert_array_equal(test.equipment[41:], machines[::2])
    assert (test.kind[:41] == -1).all()
    assert (test.kind[41:] >= 0).all()


def test_faults_follow_one_another_and_the_truth_knows_where() -> None:
    stretches = [stretch(0, 400), stretch(1, 400, seed=2), stretch(1, 400, seed=3)]
    test = with_faults_in_order(stretches, np.array([1.0, 2.0]), seed=5)
    assert [fault.kind for fault in test.faults] == [KINDS[n % len(KINDS)] for n in range(len(test.faults))]
    assert {fault.equipment for fault in test.faults} == {0, 1}
    assert 6 <= len(test.faults) <= 12
    changed = [(after != before.values).any(axis=1) for before, after in zip(stretches, test.faulty, strict=True)]
    # A window's truth is that of the step at which it ends; a drift starts at nothing.
    touched = np.concatenate([rows[29:] for rows in changed])
    assert not touched[~test.is_anomaly].any()
    assert touched[test.is_anomaly].mean() > 0.95
    again = with_faults_in_order(stretches, np.array([1.0, 2.0]), seed=5)
    assert again.faults == test.faults
    np.testing.assert_array_equal(again.faulty[2], test.faulty[2])


def test_scores_come_stretch_by_stretch_from_the_columns_asked_for() -> None:
    stretches = [stretch(0, 200), stretch(1, 250, seed=2)]
    test = with_faults_in_order(stretches, np.ones(2), seed=5)
    scores = test.judged_by(lambda windows: windows[:, -1, 0], [1])
    np.testing.assert_array_equal(scores.normal, np.concatenate([one.values[29:, 1] for one in stretches]))
    np.testing.assert_array_equal(scores.faulty, np.concatenate([values[29:, 1] for values in test.faulty]))


def example() -> tuple[TestSeries, TestScores]:
    """Three machines of ten windows, a fault in the last four of each; machine 2 really fails, unlabelled.

    Machine 0 is found at once, machine 1 two windows late, and machine 2 scores high whatever is injected.
    """
    faults = tuple(Fault(n, kind, 10 * n + 6, 10 * n + 9) for n, kind in enumerate(("offset", "drift", "drift")))
    truth = np.tile(np.arange(10) >= 6, 3)
    stretches = tuple(stretch(n) for n in range(3))
    test = TestSeries(stretches, tuple(one.values for one in stretches), faults, np.repeat([0, 1, 2], 10), truth)
    sound, failing = np.ones(10), np.full(10, 9.0)
    late = np.where(np.arange(10) >= 8, 9.0, 1.0)
    return test, TestScores(
        normal=np.concatenate([sound, sound, failing]),
        faulty=np.concatenate([np.where(np.arange(10) >= 6, 9.0, 1.0), late, failing]),
    )


def test_one_machine_that_really_fails_does_not_decide() -> None:
    test, scores = example()
    found = evaluate(scores, 5.0, test)
    np.testing.assert_array_equal(found.confusions, [[4, 0, 0, 10], [2, 2, 0, 10], [4, 0, 10, 0]])
    figures = found.figures()
    assert found.false_alarm_rate == figures["false_alarm_rate"] == np.median([0.0, 0.0, 1.0]) == 0.0
    assert figures["missed_alarm_rate"] == np.median([0.0, 0.5, 0.0]) == 0.0
    assert figures["f1"] == pytest.approx(np.median([1.0, 2 / 3, 8 / 18]))
    assert (figures["f1_low"], figures["f1_high"]) == (pytest.approx(8 / 18), 1.0)
    each = [vus_pr(test.is_anomaly[own], scores.faulty[own]) for own in (slice(10), slice(10, 20), slice(20, 30))]
    np.testing.assert_allclose(found.equipment_vus_pr, each)
    assert found.vus_pr == pytest.approx(np.median(each))


def test_time_to_detect_and_the_table_of_faults() -> None:
    test, scores = example()
    figures = evaluate(scores, 5.0, test).figures()
    assert (figures["detected"], figures["detected_offset"], figures["detected_drift"]) == (1.0, 1.0, 1.0)
    assert (figures["steps_to_detect_offset"], figures["steps_to_detect_drift"]) == (0.0, 1.0)
    assert "detected_noise" not in figures
    missed = evaluate(scores, 10.0, test)
    assert missed.figures()["detected"] == 0.0
    assert "steps_to_detect" not in missed.figures()
    assert evaluate(scores, 5.0, test).fault_table() == {
        "equipment": [0, 1, 2],
        "kind": ["offset", "drift", "drift"],
        "window_count": [4, 4, 4],
        "is_detected": [True, True, True],
        "delay_steps": [0, 2, 0],
    }


def test_equipment_with_several_stretches_counts_once() -> None:
    test, scores = example()
    stretches = (*test.stretches[:2], stretch(1))
    merged = TestSeries(stretches, test.faulty, test.faults, test.stretch, test.is_anomaly)
    found = evaluate(scores, 5.0, merged)
    np.testing.assert_array_equal(found.confusions, [[4, 0, 0, 10], [6, 2, 10, 10]])
    assert found.equipment_vus_pr[1] == pytest.approx(found.stretch_vus_pr[1:].mean())
