"""Stretches of an equipment's later part, in order of time, by which models are judged. Faults are put in elsewhere.

Windows overlap, so steps are kept and windows cut when they are judged: thirty times less memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from ml.arrays import FloatArray, IntArray
from ml.faults import FAULT_STEPS, QUIET_STEPS
from ml.features import Frame
from ml.windows import LEAD_STEPS, window_ends

STRETCH_STEPS: Final = 400
"""Usual length: long enough for three faults, short enough that a single machine has several stretches."""

LEAST_WINDOWS_EACH: Final = QUIET_STEPS[1] + FAULT_STEPS[1]
"""Windows that a stretch needs to hold one fault behind a quiet time, however long both are."""


@dataclass(frozen=True)
class Stretch:
    """Steps of one equipment, one after the other.

    Attributes:
        equipment: Index of the equipment.
        first_step: Grid step of the first row.
        values: Shape (time, sensor), float32, in the sensors' units; NaN in gaps.
        ends: Rows at which a window without holes ends that some sensor reported in, ascending, shape (window,).
    """

    equipment: int
    first_step: int
    values: FloatArray
    ends: IntArray


def plan(parts: Sequence[range], most_steps: int) -> list[list[range]]:
    """Choose the steps that judge, evenly over each equipment's time and, if there are very many, over equipment.

    Args:
        parts: Window ends of the later part of each equipment.
        most_steps: Steps altogether.

    Returns:
        Ranges of window ends for each equipment, in order and apart; none for equipment left out.
    """
    chosen = np.linspace(0, len(parts) - 1, min(len(parts), max(most_steps // STRETCH_STEPS, 1))).round().astype(int)
    each = most_steps // max(len(chosen), 1)
    planned: list[list[range]] = [[] for _ in parts]
    for index in chosen:
        part = parts[index]
        steps = min(len(part), each)
        count = max(steps // STRETCH_STEPS, 1)
        starts = np.linspace(part.start, part.stop - steps // count, count).astype(int)
        planned[index] = [range(int(start), int(start) + steps // count) for start in starts]
    return planned


def stretches_in(frame: Frame, equipment: int, planned: Sequence[range]) -> list[Stretch]:
    """Take from a frame what was planned and has enough windows; a stretch that reaches beyond it is cut there."""
    ends = window_ends(frame.values)
    ends = ends[frame.is_observed[ends]]
    found = []
    for steps in planned:
        own = ends[(ends + frame.first_step >= steps.start) & (ends + frame.first_step < steps.stop)]
        if len(own) >= LEAST_WINDOWS_EACH:
            first = int(own[0]) - LEAD_STEPS
            values = frame.values[first : own[-1] + 1].astype(np.float32)
            found.append(Stretch(equipment, frame.first_step + first, values, own - first))
    return found
