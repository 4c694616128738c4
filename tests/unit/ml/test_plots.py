"""What pictures of a training show. How they look is for people to judge."""

import numpy as np

from ml.evaluate import TestScores
from ml.plots import precision_recall, roc

TRUTH = np.array([True, False, True, False, False])


def test_an_alarm_that_never_stops_is_one_point_however_its_windows_are_ordered() -> None:
    """Drawn window by window it would look skilled where the faults come first."""
    scores = {
        "always_on": TestScores(np.zeros(5), np.ones(5)),
        "skilled": TestScores(np.zeros(5), np.array([0.9, 0.1, 0.8, 0.2, 0.3])),
    }
    (axes,) = precision_recall(scores, TRUTH).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert (lines["always_on"].get_xdata().tolist(), lines["always_on"].get_ydata().tolist()) == ([1.0], [0.4])
    assert lines["always_on"].get_marker() == "o"
    assert lines["skilled"].get_ydata().tolist() == [1.0, 1.0, 2 / 3, 0.5, 0.4]
    (axes,) = roc(scores, TRUTH).axes
    lines = {line.get_label(): line for line in axes.lines}
    assert (lines["always_on"].get_xdata().tolist(), lines["always_on"].get_ydata().tolist()) == ([0, 1], [0, 1])
    assert lines["skilled"].get_xdata().tolist() == [0, 0, 0, 1 / 3, 2 / 3, 1]
