"""Known faults injected into normal readings, as the shop floor gives no labels. Judging does not belong here.

Readings come without labels, so a detector is measured on normal readings later than its training, some of which are
given a fault of known kind: a sensor that jumps, wanders off or grows noisy, sized in its own normal spread. One that
freezes is none of a machine's faults: models stand in for it (`ml.stand_in`) and data quality reports it.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from ml.arrays import FloatArray, IntArray

LATEST_ONSET = 15
"""Steps into the window at which a fault begins at the latest; the rest of the window is faulty."""

QUIET_STEPS = (60, 120)
FAULT_STEPS = (20, 60)
"""Shortest and longest time before a fault, and of a fault, where faults follow one another."""


def _offset(values: FloatArray, spread: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The sensor jumps by 2 to 5 of its spreads."""
    moved: FloatArray = values + spread * rng.uniform(2.0, 5.0) * rng.choice((-1.0, 1.0))
    return moved


def _drift(values: FloatArray, spread: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The sensor wanders off, by 3 to 8 of its spreads at the end."""
    ramp = np.linspace(0.0, 1.0, len(values))[:, None]
    moved: FloatArray = values + spread * ramp * rng.uniform(3.0, 8.0) * rng.choice((-1.0, 1.0))
    return moved


def _noise(values: FloatArray, spread: FloatArray, rng: np.random.Generator) -> FloatArray:
    """The sensor grows noisy: 1.5 to 4 of its spreads, white."""
    return values + spread * rng.uniform(1.5, 4.0) * rng.standard_normal(values.shape)


FAULTS: Final[dict[str, Callable[[FloatArray, FloatArray, np.random.Generator], FloatArray]]] = {
    "offset": _offset,
    "drift": _drift,
    "noise": _noise,
}
KINDS: Final = tuple(FAULTS)


def inject(windows: FloatArray, spread: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, IntArray]:
    """Give every window one fault, in one or two of its sensors.

    Args:
        windows: Normal, shape (window, time, sensor), in the sensors' units; not changed.
        spread: Normal standard deviation of each sensor, shape (sensor,); sensors with none stay as they are.
        rng: Decides kind by kind in turn, and size, sensors and onset.

    Returns:
        Faulty windows of the same shape, and the index in `KINDS` of each one's fault, shape (window,).
    """
    faulty = windows.copy()
    kinds = np.arange(len(windows), dtype=np.int64) % len(KINDS)
    moving = np.flatnonzero(spread > 0)
    if not len(moving):
        return faulty, kinds
    for window, kind in zip(faulty, kinds, strict=True):
        chosen = _sensors(moving, rng)
        onset = int(rng.integers(0, LATEST_ONSET + 1))
        window[onset:, chosen] = FAULTS[KINDS[kind]](window[onset:, chosen], spread[chosen], rng)
    return faulty, kinds


def inject_in_order(
    values: FloatArray, ends: IntArray, spread: FloatArray, first_kind: int, rng: np.random.Generator
) -> tuple[FloatArray, list[tuple[int, int, int]]]:
    """Let one fault after the other come and go, in one or two sensors each, with quiet times between them.

    Args:
        values: Normal, shape (time, sensor), in the sensors' units; not changed.
        ends: Rows that will be judged, ascending, shape (window,); faults begin and end at some of them.
        spread: Normal standard deviation of each sensor, shape (sensor,); sensors with none stay as they are.
        first_kind: Index in `KINDS` of the first fault; the others follow in turn.
        rng: Decides times, sensors and sizes.

    Returns:
        Values with faults, and first window, last window and kind of each fault, as indices of `ends` and `KINDS`.
    """
    faulty, faults = values.copy(), list[tuple[int, int, int]]()
    moving = np.flatnonzero(spread > 0)
    first = int(rng.integers(QUIET_STEPS[0], QUIET_STEPS[1] + 1))
    last = first + int(rng.integers(FAULT_STEPS[0], FAULT_STEPS[1] + 1)) - 1
    while last < len(ends) and len(moving):
        chosen, kind = _sensors(moving, rng), (first_kind + len(faults)) % len(KINDS)
        rows = slice(int(ends[first]), int(ends[last]) + 1)
        faulty[rows, chosen] = FAULTS[KINDS[kind]](faulty[rows, chosen], spread[chosen], rng)
        faults.append((first, last, kind))
        first = last + 1 + int(rng.integers(QUIET_STEPS[0], QUIET_STEPS[1] + 1))
        last = first + int(rng.integers(FAULT_STEPS[0], FAULT_STEPS[1] + 1)) - 1
    return faulty, faults


def _sensors(moving: IntArray, rng: np.random.Generator) -> IntArray:
    """One or two of the sensors that can fail."""
    return rng.choice(moving, size=min(int(rng.integers(1, 3)), len(moving)), replace=False)
