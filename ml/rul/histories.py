"""Run-to-failure histories and the windows cut from them. Where histories come from does not belong here."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from ml.arrays import FloatArray, IntArray
from ml.errors import NotEnoughData


@dataclass(frozen=True)
class History:
    """One life of one piece of equipment, from its start or last repair on.

    Attributes:
        owner: Names the equipment; all lives of one owner fall into the same fold.
        values: Shape (step, sensor), in the sensors' units; NaN where nothing is known.
        has_failed: Whether the life ended, with the last step, in a failure; else it still goes on.
    """

    owner: str
    values: FloatArray
    has_failed: bool = True


@dataclass(frozen=True)
class Samples:
    """Windows of lives that ended, with what there was left of them.

    Attributes:
        windows: Shape (window, time, sensor), float32; NaN before the start of a life.
        age: Steps lived when the window ends, the last one included, shape (window,).
        remaining: Steps from the window's end to the failure, not capped, shape (window,).
        owner: Index of the window's equipment in `owners`, shape (window,).
        life: Index of the window's history among those it was cut from, shape (window,).
    """

    windows: FloatArray
    age: FloatArray
    remaining: FloatArray
    owner: IntArray
    life: IntArray
    owners: tuple[str, ...]

    def of(self, owners: IntArray) -> "Samples":
        """Those of some equipment only, given as indices in `owners`."""
        mine = np.isin(self.owner, owners)
        return Samples(
            self.windows[mine], self.age[mine], self.remaining[mine], self.owner[mine], self.life[mine], self.owners
        )


def cut(values: FloatArray, window_steps: int, ends: IntArray) -> FloatArray:
    """Cut the windows that end at the given rows; short ones begin with NaN.

    Args:
        values: Shape (step, sensor).
        window_steps: Length of a window.
        ends: Row indices, shape (window,).

    Returns:
        Shape (window, time, sensor), float32.
    """
    lead = np.full((window_steps - 1, values.shape[1]), np.nan)
    views = sliding_window_view(np.concatenate([lead, values]), window_steps, axis=0)  # (step, sensor, time)
    windows: FloatArray = views[ends].transpose(0, 2, 1).astype(np.float32)
    return windows


def samples_of(histories: Sequence[History], window_steps: int, stride: int = 1) -> Samples:
    """Cut every life that ended into windows, one every `stride` steps, counted back from the failure.

    Raises:
        NotEnoughData: No life ended.
    """
    ended = {number: history for number, history in enumerate(histories) if history.has_failed}
    if not ended:
        raise NotEnoughData("No equipment has readings up to a failure: remaining life cannot be learnt.")
    owners = tuple(sorted({history.owner for history in ended.values()}))
    windows, ages, remaining, owner, life = [], [], [], [], []
    for number, history in ended.items():
        length = len(history.values)
        ends = np.arange(length - 1, -1, -stride)[::-1]
        windows.append(cut(history.values, window_steps, ends))
        ages.append(ends + 1.0)
        remaining.append(length - 1.0 - ends)
        owner.append(np.full(len(ends), owners.index(history.owner), dtype=np.int64))
        life.append(np.full(len(ends), number, dtype=np.int64))
    return Samples(
        np.concatenate(windows),
        np.concatenate(ages),
        np.concatenate(remaining),
        np.concatenate(owner),
        np.concatenate(life),
        owners,
    )


def sha256(histories: Sequence[History]) -> str:
    """Digest of histories in their order: the same data give the same."""
    digest = hashlib.sha256()
    for history in histories:
        digest.update(f"{history.owner}|{history.has_failed}|{history.values.shape}".encode())
        digest.update(np.ascontiguousarray(history.values, dtype="<f8").tobytes())
    return digest.hexdigest()


def folds(owner_count: int, fold_count: int, seed: int) -> list[IntArray]:
    """Divide equipment, not windows, by chance into folds of nearly the same size; each is indices of owners."""
    order = np.random.default_rng(seed).permutation(owner_count)
    return [np.sort(part).astype(np.int64) for part in np.array_split(order, fold_count)]
