"""NASA's C-MAPSS set FD001 from ../shared/data/cmapss: 100 engines to learn from, 100 to judge by. Reads, no more."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ml.arrays import FloatArray
from ml.rul.histories import History

FOLDER: Final = Path(__file__).parents[3] / "shared" / "data" / "cmapss"
FIRST_SENSOR: Final = 5
"""Columns before it: engine, cycle, three settings."""


@dataclass(frozen=True)
class Cmapss:
    """The set as it comes.

    Attributes:
        training: Engines until they failed; values of all 21 sensors, shape (cycle, 21).
        test: Engines that still run.
        remaining: Truth about the test engines, cycles, shape (engine,), not capped.
    """

    training: list[History]
    test: list[History]
    remaining: FloatArray


def read(folder: Path = FOLDER) -> Cmapss:
    """Read the three files.

    Raises:
        FileNotFoundError: The data are not there.
    """
    return Cmapss(
        _engines(folder / "train_FD001.txt", has_failed=True),
        _engines(folder / "test_FD001.txt", has_failed=False),
        np.loadtxt(folder / "RUL_FD001.txt"),
    )


def _engines(file: Path, *, has_failed: bool) -> list[History]:
    rows = np.loadtxt(file)
    return [
        History(f"{int(engine):03}", rows[rows[:, 0] == engine][:, FIRST_SENSOR:], has_failed)
        for engine in np.unique(rows[:, 0])
    ]
