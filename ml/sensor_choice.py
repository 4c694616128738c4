"""Leaves out sensors that drift with their surroundings. What a detector makes of the others does not belong here.

A thermometer that follows the day says little of the machine, and raises alarms as soon as the day goes on. On a test
bed, leaving such sensors out helped more than any architecture did. They are told by the data alone: a machine's own
training time is cut in four; where most of the machines of a class have a third or more of a sensor's variance between
the quarters, the sensor goes its own slow way, and no threshold learnt from it will hold.
"""

from typing import Final

import numpy as np

from ml.arrays import BoolArray, FloatArray, IntArray

QUARTERS: Final = 4
SLOW_SHARE: Final = 1 / 3


def drifting_sensors(windows: FloatArray, equipment: IntArray) -> BoolArray:
    """Tell which sensors drift.

    Args:
        windows: Of training, in order of time within each equipment, shape (window, time, sensor), in any unit.
        equipment: Index of each window's equipment, shape (window,).

    Returns:
        Shape (sensor,). None drifts where all would: then it is the machines that change, and not their surroundings.
    """
    newest = windows[:, -1, :].astype(np.float64)
    shares = [_slow_share(newest[equipment == member]) for member in np.unique(equipment)]
    drifting: BoolArray = np.median(shares, axis=0) > SLOW_SHARE
    return drifting & ~drifting.all()


def _slow_share(values: FloatArray) -> FloatArray:
    """Variance between the quarters' means, as a share of the whole; shape (sensor,), 0 where nothing varies."""
    quarters = np.stack([quarter.mean(axis=0) for quarter in np.array_split(values, QUARTERS) if len(quarter)])
    total = values.var(axis=0)
    share: FloatArray = np.divide(quarters.var(axis=0), total, out=np.zeros_like(total), where=total > 0)
    return share
