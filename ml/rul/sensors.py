"""Chooses the sensors that can tell anything about wear. Reading them does not belong here."""

from collections.abc import Sequence

import numpy as np

from ml.rul.histories import History

LEAST_VALUES = 4
"""Fewer different values are a switch or a constant."""


def informative(histories: Sequence[History]) -> list[int]:
    """Columns of the sensors that move: at least four different values over all histories, in order."""
    values = np.concatenate([history.values for history in histories])
    return [
        column
        for column in range(values.shape[1])
        if len(np.unique(values[np.isfinite(values[:, column]), column])) >= LEAST_VALUES
    ]
