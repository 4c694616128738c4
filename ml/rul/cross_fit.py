"""Fits one estimator for each fold of equipment, and calibrates on what each fold's estimator has not seen.

Cross-conformal prediction: every equipment teaches, and every equipment calibrates, but never the same estimator.
Choosing estimators and recording them do not belong here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.protocol import Progress
from ml.errors import NotEnoughData
from ml.rul.conformal import Correction
from ml.rul.histories import Samples, folds
from ml.rul.naive import mean_life_minus_age
from ml.rul.protocol import Estimator, Forecast

LEAST_OWNERS = 10
"""Equipment that must have failed: below it an interval would be a guess."""


@dataclass(frozen=True)
class CrossFit:
    """What came of it.

    Attributes:
        members: One estimator for each fold and seed.
        correction: Of the mean of the members' intervals.
        held_out: Calibrated forecasts of the samples, each by members that never saw its equipment. The correction was
            learnt from them, so their coverage is as it must be and proves nothing.
        naive: Mean life, of the other folds, minus age; shape (window,).
    """

    members: tuple[Estimator, ...]
    correction: Correction
    held_out: Forecast
    naive: FloatArray


def cross_fit(
    samples: Samples,
    make: Callable[[], Estimator],
    *,
    cap: float,
    fold_count: int,
    seeds: Sequence[int],
    progress: Progress,
) -> CrossFit:
    """Fit, forecast what was held out, calibrate.

    Args:
        samples: Lives that ended.
        make: A new estimator, not fitted.
        cap: Remaining steps above which nothing is told apart.
        fold_count: Folds of equipment.
        seeds: Estimators of each fold, by seed; the first also divides the folds.
        progress: Told which estimator is fitting and how far it is.

    Raises:
        NotEnoughData: Too few pieces of equipment have failed.
    """
    if len(samples.owners) < LEAST_OWNERS:
        raise NotEnoughData(
            f"{len(samples.owners)} pieces of equipment have readings up to a failure, {LEAST_OWNERS} are needed to "
            "learn and to calibrate on others than those learnt from."
        )
    members: list[Estimator] = []
    columns = np.zeros((3, len(samples.age)))
    naive = np.zeros(len(samples.age))
    parts = folds(len(samples.owners), fold_count, seeds[0])
    for number, fold in enumerate(parts):
        others = np.setdiff1d(np.arange(len(samples.owners)), fold)
        teaching, mine = samples.of(others), np.isin(samples.owner, fold)
        own: list[Estimator] = []
        for index, seed in enumerate(seeds):
            estimator = make()
            estimator.fit(teaching, cap=cap, seed=seed + number)
            own.append(estimator)
            progress(estimator.name, (number * len(seeds) + index + 1) / (fold_count * len(seeds)))
        found = mean_forecast(own, samples.windows[mine], samples.age[mine])
        columns[:, mine] = found.expected, found.lower, found.upper
        naive[mine] = mean_life_minus_age(teaching, samples.age[mine])
        members += own
    raw = Forecast(*columns)
    correction = Correction.fit(raw, samples.remaining, samples.owner, cap)
    return CrossFit(tuple(members), correction, correction.apply(raw), naive)


def mean_forecast(members: Sequence[Estimator], windows: FloatArray, age: FloatArray) -> Forecast:
    """The mean of the members' forecasts, before calibration, shape (window,) each."""
    found = [member.predict(windows, age) for member in members]
    return Forecast(
        *(np.mean([getattr(one, name) for one in found], axis=0) for name in ("expected", "lower", "upper"))
    )
