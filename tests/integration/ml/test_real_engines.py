"""A small model on real engines (C-MAPSS FD001). The full figures are the benchmark's, `make bench-ml ONLY=rul`."""

import numpy as np
import pytest

from bench.ml.cmapss import read
from ml.rul.boosting import BoostedTrees
from ml.rul.cross_fit import cross_fit
from ml.rul.histories import History, samples_of
from ml.rul.metrics import coverage, nasa_score, rmse
from ml.rul.model import RemainingLifeModel
from ml.rul.naive import mean_life_minus_age
from ml.rul.sensors import informative


def test_a_small_model_is_near_and_covers_real_engines() -> None:
    """Issue 5, its own easier bounds: a fifth of the trees, three folds, every fifth cycle of the training engines."""
    try:
        data = read()
    except FileNotFoundError as error:
        pytest.skip(f"the C-MAPSS files are not there: {error}")
    columns = informative(data.training)
    assert len(columns) == 14
    training = [History(one.owner, one.values[:, columns]) for one in data.training]
    test = [History(one.owner, one.values[:, columns], has_failed=False) for one in data.test]
    samples = samples_of(training, 60, stride=5)
    found = cross_fit(
        samples, lambda: BoostedTrees(25), cap=125, fold_count=3, seeds=(7,), progress=lambda stage, share: None
    )
    model = RemainingLifeModel(tuple(map(str, columns)), 1.0, 60, found.members, found.correction)
    forecast = model.predict_last(test)
    naive = mean_life_minus_age(samples, np.array([float(len(one.values)) for one in test]))
    assert rmse(forecast.expected, data.remaining) < 16.0 < rmse(naive, data.remaining)
    assert nasa_score(forecast.expected, data.remaining) < 500
    assert 0.85 <= coverage(forecast.lower, forecast.upper, data.remaining) <= 0.98
