"""Decides whether a model of remaining life may become champion, and says why. It neither fits nor records.

Champion and challenger are compared on lives that ended after all that the champion learnt from. The challenger
forecasts each by members that never saw its equipment, so neither knows the end. Machines differ far more than models
do: errors are compared in pairs, machine by machine.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import numpy as np

from ml.arrays import FloatArray
from ml.errors import SensorMismatch
from ml.metrics import bootstrap_interval, expanded
from ml.rul.dataset import TrainingLives
from ml.rul.histories import cut
from ml.rul.metrics import rmse
from ml.rul.model import RemainingLifeModel
from ml.rul.protocol import Forecast

NAIVE: Final = "mean life minus age"
LEAST_EQUIPMENT: Final = 6
"""With n machines, one of two equal models is better on all of them with a chance of 1 in 2 ** n, and the bootstrap
calls it certain: from six on that is less than the 2.5 % that the bound allows."""
SHARE: Final = 0.95
SEED: Final = 31_415


def leads(champion: RemainingLifeModel, since: datetime, lives: TrainingLives, found: Forecast) -> FloatArray:
    """By how much the champion's RMSE is above the challenger's, on each machine that failed since the champion learnt.

    Forecasts and truth are capped at the lower of the two models' caps.

    Args:
        champion: Judges the windows of which the challenger's forecasts are given.
        since: The last failure that the champion knew of, UTC.
        lives: What the challenger learnt from.
        found: Its forecasts of all samples, each by members that never saw the sample's equipment.

    Returns:
        Steps, shape (equipment,).

    Raises:
        SensorMismatch: The lives have another step than the champion, or lack a sensor of it.
    """
    missing = sorted(set(champion.sensors) - set(lives.metrics))
    if missing or champion.step_s != lives.step_s:
        lacking = f", of {', '.join(missing)}, which the data do not have" if missing else ""
        raise SensorMismatch(f"it reads steps of {champion.step_s:g} s{lacking}")
    columns = [lives.metrics.index(sensor) for sensor in champion.sensors]
    samples, cap = lives.samples, min(champion.cap, lives.cap)
    is_new = np.array([life.ended_at is not None and life.ended_at > since for life in lives.lives])
    others = np.full(len(samples.age), np.nan)
    for number in np.flatnonzero(is_new):
        mine = samples.life == number
        ends = samples.age[mine].astype(np.int64) - 1
        windows = cut(lives.histories[number].values[:, columns], champion.window_steps, ends)
        others[mine] = champion.predict(windows, samples.age[mine]).expected
    truth, own = np.minimum(samples.remaining, cap), np.minimum(found.expected, cap)
    failed = np.unique(samples.owner[np.isfinite(others)])
    by_machine = [np.isfinite(others) & (samples.owner == owner) for owner in failed]
    return np.array([rmse(np.minimum(others[at], cap), truth[at]) - rmse(own[at], truth[at]) for at in by_machine])


def decide(figures: Mapping[str, float], estimator: str, champion: FloatArray | str | None) -> tuple[bool, str]:
    """Let a challenger pass, or not: it beats the naive baseline, and the champion by more than chance.

    Args:
        figures: The challenger's, on held-out equipment.
        estimator: Its name.
        champion: The challenger's `leads` over it; a sentence where it cannot forecast the present lives; None where
            there is none.

    Returns:
        Whether it is promoted, and the reason.
    """
    own, naive = figures["rmse"], figures["naive_rmse"]
    verb = "beats" if own < naive else "does not beat"
    beside = f"{estimator} {verb} {NAIVE!r} on held-out equipment: RMSE {own:.1f} against {naive:.1f} steps."
    if not own < naive:
        return False, beside
    if champion is None:
        return True, f"{beside} It is the first champion."
    if isinstance(champion, str):
        return True, f"{beside} It replaces a champion that cannot forecast the present lives: {champion}."
    return _compared(champion, beside)


def _compared(champion: FloatArray, beside: str) -> tuple[bool, str]:
    """Whether the leads over a champion are more than chance, in a sentence after what was said before."""
    count = len(champion)
    if count < LEAST_EQUIPMENT:
        few = f"{count} machines have failed since the champion learnt, {LEAST_EQUIPMENT} are needed to compare the two"
        return False, f"{beside} {few}."
    low, high = bootstrap_interval(champion, np.random.default_rng(SEED), expanded(SHARE, count))
    words = "It is better than the champion" if low > 0 else "Its lead over the champion may be chance"
    lead = f"RMSE lower by {champion.mean():.1f} steps (95 % interval {low:.1f} to {high:.1f}"
    return low > 0, f"{beside} {words}: {lead}, {count} machines that failed since)."
