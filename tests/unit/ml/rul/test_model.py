"""Both estimators learn wear, and a stored model forecasts as the one that was stored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.errors import NotFitted, SensorMismatch
from ml.rul.boosting import BoostedTrees, summarize
from ml.rul.cross_fit import cross_fit
from ml.rul.histories import History, Samples, samples_of
from ml.rul.metrics import rmse
from ml.rul.model import ESTIMATORS, RemainingLifeModel
from ml.rul.sequence.estimator import SequenceModel

CAP, STEPS = 30.0, 10


@pytest.fixture(scope="module")
def samples() -> Samples:
    """Twelve machines that wear in their last 30 steps; a second sensor knows nothing."""
    rng = np.random.default_rng(5)
    histories = []
    for number in range(12):
        length = int(rng.integers(50, 80))
        wear = np.clip((np.arange(length) - length + 31) / 30, 0, 1)
        values = np.stack([500 + 20 * wear + rng.normal(size=length), rng.normal(size=length)], axis=1)
        histories.append(History(f"E{number:02}", values))
    return samples_of(histories, STEPS)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_an_estimator_beats_the_calendar_and_survives_storing(kind: str, samples: Samples, tmp_path: Path) -> None:
    make = {"sequence": lambda: SequenceModel(60), "boosted_trees": lambda: BoostedTrees(30)}[kind]
    found = cross_fit(samples, make, cap=CAP, fold_count=3, seeds=(1,), progress=lambda stage, share: None)
    truth = np.minimum(samples.remaining, CAP)
    assert rmse(found.held_out.expected, truth) < 0.7 * rmse(np.minimum(found.naive, CAP), truth)
    model = RemainingLifeModel(("wear", "noise"), 3600.0, STEPS, found.members, found.correction)
    model.save(tmp_path)
    loaded = RemainingLifeModel.load(tmp_path)
    assert (loaded.sensors, loaded.step_s, loaded.cap, loaded.estimator) == (("wear", "noise"), 3600.0, CAP, kind)
    for count in (1, 2, 37):
        own, other = (one.predict(samples.windows[-count:], samples.age[-count:]) for one in (model, loaded))
        for name in ("expected", "lower", "upper"):
            np.testing.assert_allclose(getattr(own, name), getattr(other, name), rtol=1e-6)
            assert getattr(own, name).shape == (count,)
        assert (own.lower <= own.expected).all() and (own.expected <= own.upper).all()
    assert {file.suffix for file in tmp_path.iterdir()} == {".json", ".npz"}
    with pytest.raises(SensorMismatch):
        loaded.predict(samples.windows[:2, :, :1], samples.age[:2])
    with pytest.raises(NotFitted):
        ESTIMATORS[kind]().predict(samples.windows[:2], samples.age[:2])


def test_the_same_seed_gives_the_same_model(samples: Samples) -> None:
    first, again, other = SequenceModel(2), SequenceModel(2), SequenceModel(2)
    for model, seed in ((first, 1), (again, 1), (other, 2)):
        model.fit(samples, cap=CAP, seed=seed)
    found = [model.predict(samples.windows, samples.age).expected for model in (first, again, other)]
    np.testing.assert_array_equal(found[0], found[1])
    assert not np.array_equal(found[0], found[2])


def test_a_setpoint_that_stood_still_may_stand_elsewhere_on_another_machine(samples: Samples) -> None:
    still = samples.windows.copy()
    still[:, :, 1] = 3.1
    model = SequenceModel(20)
    model.fit(replace(samples, windows=still), cap=CAP, seed=1)
    moved = still + np.array([0.0, 0.1], dtype=np.float32)
    as_learnt, elsewhere = (model.predict(windows, samples.age).expected for windows in (still, moved))
    assert np.abs(elsewhere - as_learnt).mean() < CAP / 10


def test_trees_are_walked_as_scikit_learn_walks_them(samples: Samples) -> None:
    from sklearn.ensemble import HistGradientBoostingRegressor

    from ml.rul.boosting import _flatten, _walk

    features = summarize(samples.windows, samples.age)
    theirs = HistGradientBoostingRegressor(max_iter=15, random_state=0).fit(features, samples.remaining)
    asked = features.copy()
    asked[::3, ::4] = np.nan
    np.testing.assert_allclose(_walk(_flatten(theirs), asked), theirs.predict(asked), rtol=1e-12)


def test_statistics_of_a_window_by_hand() -> None:
    """A ramp 1, 2, 3 after an unknown step: mean 2, deviation sqrt(2/3), last 3, slope 1 per step."""
    window = np.array([np.nan, 1.0, 2.0, 3.0])[None, :, None]
    (row,) = summarize(window, np.array([7.0]))
    np.testing.assert_allclose(row, [2, 2, 2, 2, np.sqrt(2 / 3), 3, 1, 7])
