"""Reads the recordings of SKAB, a water pump and valve test bed with eight sensors at 1 Hz. Judging them is elsewhere.

See https://github.com/waico/SKAB; the files are not ours and are not part of this project.
"""

import csv
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray

FOLDER: Final = Path(__file__).parents[3] / "shared" / "data" / "skab" / "data"
GROUPS: Final = ("valve1", "valve2", "other")
NORMAL_ONLY: Final = "anomaly-free/anomaly-free"
LABELS: Final = ("datetime", "anomaly", "changepoint")


@dataclass(frozen=True)
class Recording:
    """One file.

    Attributes:
        values: Shape (time, sensor), in the sensors' units; rows are a second apart, or a little more.
        is_anomaly: Labels, shape (time,).
    """

    name: str
    sensors: tuple[str, ...]
    values: FloatArray
    is_anomaly: BoolArray

    def with_sensors(self, chosen: BoolArray) -> "Recording":
        """The same with some of the sensors; `chosen` has shape (sensor,)."""
        kept = tuple(name for name, is_kept in zip(self.sensors, chosen, strict=True) if is_kept)
        return replace(self, sensors=kept, values=self.values[:, chosen])

    def rows(self, chosen: slice | IntArray) -> "Recording":
        """The same with some of the rows."""
        return replace(self, values=self.values[chosen], is_anomaly=self.is_anomaly[chosen])


def read(name: str) -> Recording:
    """Read a file by folder and number, such as `valve1/0`; the long normal one has no labels.

    Raises:
        FileNotFoundError: It is not there.
    """
    file = FOLDER / f"{name}.csv"
    if not file.exists():
        raise FileNotFoundError(f"{file} is not there: put SKAB's folder `data` at {FOLDER}")
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines, delimiter=";"))
    sensors = tuple(column for column in rows[0] if column not in LABELS)
    values = np.array([[float(row[sensor]) for sensor in sensors] for row in rows])
    return Recording(name, sensors, values, np.array([float(row.get("anomaly", 0)) > 0 for row in rows]))


def read_all() -> list[Recording]:
    """All labelled files, by folder and number.

    Raises:
        FileNotFoundError: There are none.
    """
    names = [
        f"{group}/{number}"
        for group in GROUPS
        for number in sorted(int(file.stem) for file in (FOLDER / group).glob("*.csv"))
    ]
    if not names:
        raise FileNotFoundError(f"there is no SKAB at {FOLDER}")
    return [read(name) for name in names]
