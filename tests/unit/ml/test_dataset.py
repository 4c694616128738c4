"""The parts of a training are apart in time."""

import numpy as np

from ml.dataset import PART_NAMES, Span, bytes_of
from ml.features import Equipment, Frame
from ml.windows import LEAD_STEPS

SPAN = Span(Equipment("demo", "P1"), range(1_000, 2_000))


def test_what_judges_is_strictly_later_than_what_teaches() -> None:
    """45 % teach, 15 % set the threshold, 40 % judge; windows across a border belong nowhere."""
    ends = np.arange(1_029, 2_000)
    parts = SPAN.part_of(ends)
    steps = {name: ends[parts == number] for number, name in enumerate(PART_NAMES)}
    assert (steps["fit"].min(), steps["fit"].max()) == (1_029, 1_449)
    assert (steps["held_out"].min() - LEAD_STEPS, steps["held_out"].max()) == (1_450, 1_599)
    assert (steps["later"].min() - LEAD_STEPS, steps["later"].max()) == (1_600, 1_999)
    assert (parts == -1).sum() == 2 * LEAD_STEPS


def test_the_digest_does_not_depend_on_how_frames_are_cut() -> None:
    values = np.random.default_rng(1).normal(size=(100, 2))
    observed = np.random.default_rng(2).random(100) < 0.8
    whole = bytes_of(Frame(500, values, observed))
    first = bytes_of(Frame(500, values[:60], observed[:60]))
    second = bytes_of(Frame(560 - LEAD_STEPS, values[60 - LEAD_STEPS :], observed[60 - LEAD_STEPS :]))
    assert first + second == whole
