"""Windows and folds: what a window sees, and that no equipment stands on both sides."""

import numpy as np
import pytest

from ml.errors import NotEnoughData
from ml.rul.histories import History, cut, folds, samples_of, sha256


def history(owner: str, length: int, *, has_failed: bool = True) -> History:
    return History(owner, np.arange(length, dtype=float)[:, None], has_failed)


def test_windows_are_causal_and_short_ones_begin_with_nothing() -> None:
    windows = cut(history("A", 5).values, 3, np.array([0, 4]))
    np.testing.assert_array_equal(windows[:, :, 0], [[np.nan, np.nan, 0], [2, 3, 4]])


def test_samples_count_back_from_the_failure() -> None:
    samples = samples_of([history("B", 5), history("A", 2), history("C", 9, has_failed=False)], 3, stride=2)
    assert samples.owners == ("A", "B")
    assert samples.owner.tolist() == [1, 1, 1, 0]
    assert samples.remaining.tolist() == [4, 2, 0, 0]
    assert samples.age.tolist() == [1, 3, 5, 2]
    with pytest.raises(NotEnoughData, match="up to a failure"):
        samples_of([history("C", 9, has_failed=False)], 3)


def test_folds_divide_equipment() -> None:
    parts = folds(23, 5, seed=1)
    assert sorted(np.concatenate(parts).tolist()) == list(range(23))
    assert {len(part) for part in parts} == {4, 5}


def test_a_digest_names_the_data() -> None:
    assert sha256([history("A", 3)]) == sha256([history("A", 3)])
    others = [[history("B", 3)], [history("A", 4)], [history("A", 3, has_failed=False)]]
    assert len({sha256(other) for other in [[history("A", 3)], *others]}) == 4
