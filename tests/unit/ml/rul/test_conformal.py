"""The correction of intervals, on figures that can be counted."""

import numpy as np

from ml.rul.conformal import Correction, bound_of
from ml.rul.metrics import coverage
from ml.rul.protocol import Forecast

CAP = 100.0


def test_a_bound_counts_equipment_and_not_windows() -> None:
    """Of 39 machines 95 % (40 / 39) are 38: the 38th miss, however many windows the worst one has."""
    misses = np.arange(1.0, 40.0)
    assert bound_of(misses, np.arange(39)) == 38.0
    repeated = np.concatenate([misses, np.full(1_000, 39.0)])
    assert bound_of(repeated, np.concatenate([np.arange(39), np.full(1_000, 38)])) == 38.0
    assert bound_of(np.arange(1.0, 11.0), np.arange(10)) == 10.0  # too few: the worst


def test_each_bin_is_corrected_by_itself_and_new_equipment_is_covered() -> None:
    """Issue 5: coverage between 0.85 and 0.95, near the end and far from it, where errors are ten times as large."""
    rng = np.random.default_rng(3)

    def some(count: int) -> tuple[Forecast, np.ndarray]:
        expected = np.where(rng.random(count) < 0.5, 10.0, 70.0)
        truth = np.maximum(expected + rng.normal(size=count) * expected / 10, 0.0)
        return Forecast(expected, expected - 0.1, expected + 0.1), truth

    seen, truth = some(2_000)
    correction = Correction.fit(seen, truth, np.arange(2_000), CAP)
    new, truth = some(2_000)
    found = correction.apply(new)
    for level in (10.0, 70.0):
        here = new.expected == level
        assert 0.87 < coverage(found.lower[here], found.upper[here], truth[here]) < 0.93
        assert 3.0 < (found.upper - found.lower)[here].mean() / (level / 10) < 3.6


def test_bounds_stay_on_their_sides() -> None:
    forecast = Forecast(np.array([5.0, 50.0]), np.array([1.0, 60.0]), np.array([9.0, 40.0]))
    found = Correction(CAP, np.full(6, 3.0), np.full(6, -5.0)).apply(forecast)
    assert found.lower.tolist() == [0.0, 50.0]
    assert found.upper.tolist() == [5.0, 50.0]
