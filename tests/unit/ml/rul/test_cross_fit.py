"""No leakage across equipment, seen from inside the estimator. What estimators learn is not checked here."""

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import pytest

from ml.arrays import FloatArray
from ml.detectors.protocol import Weights
from ml.errors import NotEnoughData
from ml.rul.cross_fit import cross_fit
from ml.rul.histories import History, Samples, samples_of
from ml.rul.protocol import Forecast

CAP = 50.0


class Spy:
    """Remembers whom it learnt from, and tells on whoever asks about them."""

    name: ClassVar[str] = "spy"
    params: ClassVar[Mapping[str, float | int | str]] = {}

    def __init__(self) -> None:
        self.learnt: set[float] = set()

    def fit(self, samples: Samples, *, cap: float, seed: int) -> None:
        self.learnt = set(samples.windows[:, -1, 0].tolist())
        assert {samples.owners[owner] for owner in samples.owner} == {f"E{int(mark):02}" for mark in self.learnt}

    def predict(self, windows: FloatArray, age: FloatArray) -> Forecast:
        known = np.isin(windows[:, -1, 0], list(self.learnt))
        return Forecast(np.where(known, -1.0, age), np.zeros(len(age)), age)

    def weights(self) -> Weights:
        return {}

    @classmethod
    def restore(cls, weights: Weights) -> "Spy":
        return cls()


def lives(count: int) -> list[History]:
    """Two lives each; every reading of a machine is its number."""
    return [
        History(f"E{number:02}", np.full((8 + life, 1), float(number))) for number in range(count) for life in (0, 1)
    ]


def test_no_estimator_forecasts_a_machine_it_learnt_from() -> None:
    """Issue 5: split by engine; both lives of a machine fall into the same fold."""
    samples = samples_of(lives(20), 4)
    found = cross_fit(samples, Spy, cap=CAP, fold_count=5, seeds=(1, 2), progress=lambda stage, share: None)
    assert (found.held_out.expected == samples.age).all()
    marks = [member.learnt for member in found.members]  # type: ignore[attr-defined]
    assert [len(mark) for mark in marks] == [16] * 10
    assert marks[0] == marks[1] != marks[2]


def test_the_naive_forecast_is_of_the_other_machines() -> None:
    """Lives of 8 and 9 steps: 8.5 on the mean, less the age, and never below 0."""
    samples = samples_of(lives(20), 4)
    found = cross_fit(samples, Spy, cap=CAP, fold_count=5, seeds=(1,), progress=lambda stage, share: None)
    np.testing.assert_allclose(found.naive, np.maximum(8.5 - samples.age, 0))


def test_too_few_failures_are_said_in_a_sentence() -> None:
    samples = samples_of(lives(9), 4)
    with pytest.raises(NotEnoughData, match="9 pieces of equipment have readings up to a failure, 10 are needed"):
        cross_fit(samples, Spy, cap=CAP, fold_count=5, seeds=(1,), progress=lambda stage, share: None)
