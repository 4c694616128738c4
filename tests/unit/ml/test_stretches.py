"""Which steps judge, and what becomes of them."""

from itertools import pairwise

import numpy as np

from ml.features import Frame
from ml.stretches import LEAST_WINDOWS_EACH, STRETCH_STEPS, plan, stretches_in
from ml.windows import LEAD_STEPS


def test_a_short_later_part_judges_as_a_whole_and_a_long_one_evenly() -> None:
    short, long = plan([range(100, 1_000), range(100_000)], 4_000)
    assert short == [range(100, 550), range(550, 1_000)]
    assert [len(steps) for steps in long] == [STRETCH_STEPS] * 5
    assert (long[0].start, long[-1].stop) == (0, 100_000)
    assert all(earlier.stop <= later.start for earlier, later in pairwise(long))


def test_the_steps_that_judge_are_bounded_however_many_machines_there_are() -> None:
    planned = plan([range(5_000)] * 300, 20_000)
    assert sum(len(steps) for own in planned for steps in own) <= 20_000
    judging = [index for index, own in enumerate(planned) if own]
    assert len(judging) == 50
    assert (judging[0], judging[-1]) == (0, 299)
    assert plan([range(10)], 10) == [[range(10)]]
    assert plan([], 1_000) == []


def test_a_stretch_brings_along_what_its_windows_see() -> None:
    values = np.arange(2_000.0)[:, None]
    frame = Frame(5_000, values, np.ones(2_000, dtype=bool))
    (found,) = stretches_in(frame, 3, [range(5_500, 5_900)])
    assert (found.equipment, found.first_step) == (3, 5_500 - LEAD_STEPS)
    np.testing.assert_array_equal(found.ends + found.first_step, np.arange(5_500, 5_900))
    np.testing.assert_array_equal(found.values[:, 0], np.arange(500 - LEAD_STEPS, 900))


def test_gaps_and_silent_steps_do_not_judge_and_too_few_windows_are_no_stretch() -> None:
    values, observed = np.ones((1_000, 1)), np.ones(1_000, dtype=bool)
    values[500:510] = np.nan
    observed[700:750] = False
    (found,) = stretches_in(Frame(0, values, observed), 0, [range(400, 800)])
    judged = set(range(400, 800)) - set(range(500, 510 + LEAD_STEPS)) - set(range(700, 750))
    assert set((found.ends + found.first_step).tolist()) == judged
    assert stretches_in(Frame(0, values, observed), 0, [range(400, 400 + LEAST_WINDOWS_EACH - 1)]) == []
