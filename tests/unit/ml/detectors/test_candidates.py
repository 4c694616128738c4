"""What every candidate for champion owes: skill on later data, explanations, and a way to the disk and back."""

import numpy as np
import pytest

from ml.detectors.catalogue import candidates, naive_baselines, restore
from ml.detectors.protocol import Detector
from ml.errors import NotFitted, SensorMismatch
from ml.evaluate import with_faults
from ml.metrics import average_precision
from ml.scaling import MinMaxScaler

SPREAD = np.array([0.8, 1.6, 0.15])  # of the machine's sensors
NAMES = [detector.name for detector in candidates(epochs=1)]


def quiet(stage: str, share: float) -> None:
    """Progress that nobody looks at."""


@pytest.fixture(scope="module")
def scaler(earlier: np.ndarray) -> MinMaxScaler:
    return MinMaxScaler.fit(earlier)


@pytest.fixture(scope="module")
def fitted(earlier: np.ndarray, scaler: MinMaxScaler) -> dict[str, Detector]:
    """Every detector, naive ones too, fitted on the earlier windows."""
    detectors = [*candidates(epochs=8), *naive_baselines()]
    for detector in detectors:
        detector.fit(scaler.scale(earlier), seed=7, progress=quiet)
    return {detector.name: detector for detector in detectors}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("baseline", ["always_on", "random", "last_value"])
def test_beats_the_naive_baselines_on_later_data(
    name: str, baseline: str, fitted: dict[str, Detector], scaler: MinMaxScaler, later: np.ndarray
) -> None:
    """STYLE: every model beats a named naive baseline on data later than its training (C22, S0-026)."""
    test = with_faults(later, np.zeros(len(later), dtype=np.int64), SPREAD, seed=3)
    windows = scaler.scale(test.windows)
    assert average_precision(test.is_anomaly, fitted[name].score(windows)) > average_precision(
        test.is_anomaly, fitted[baseline].score(windows)
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sensor", [0, 1, 2])
def test_explanations_name_the_faulty_sensor(
    name: str, sensor: int, fitted: dict[str, Detector], scaler: MinMaxScaler, later: np.ndarray
) -> None:
    faulty = later[:20].copy()
    faulty[:, :, sensor] += 8 * SPREAD[sensor]
    shares, sound = (fitted[name].explain(scaler.scale(windows)) for windows in (faulty, later[:20]))
    assert shares.shape == (20, 3)
    np.testing.assert_allclose(shares.sum(axis=1), 1.0)
    assert (shares >= 0).all()
    assert shares[:, sensor].mean() > sound[:, sensor].mean()
    if name != "isolation_forest":  # to its trees a value far outside looks like the largest inside
        assert (shares.argmax(axis=1) == sensor).all()


@pytest.mark.parametrize("name", NAMES)
def test_any_number_of_windows_is_scored_alike(
    name: str, fitted: dict[str, Detector], scaler: MinMaxScaler, later: np.ndarray
) -> None:
    windows = scaler.scale(later[:50])
    together = fitted[name].score(windows)
    one_by_one = np.concatenate([fitted[name].score(windows[i : i + 1]) for i in range(50)])
    np.testing.assert_allclose(together, one_by_one, rtol=1e-5)
    assert fitted[name].score(windows[:0]).shape == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_restored_from_its_weights_it_scores_the_same(
    name: str, fitted: dict[str, Detector], scaler: MinMaxScaler, later: np.ndarray
) -> None:
    windows = scaler.scale(later)
    again = restore(name, {key: np.array(value) for key, value in fitted[name].weights().items()})
    np.testing.assert_array_equal(again.score(windows), fitted[name].score(windows))
    np.testing.assert_array_equal(again.explain(windows[:5]), fitted[name].explain(windows[:5]))


@pytest.mark.parametrize("index", range(len(NAMES)))
def test_the_same_data_and_seed_give_the_same_model(index: int, earlier: np.ndarray, scaler: MinMaxScaler) -> None:
    windows = scaler.scale(earlier[:300])
    one, other, third = (candidates(epochs=2)[index] for _ in range(3))
    one.fit(windows, seed=1, progress=quiet)
    other.fit(windows, seed=1, progress=quiet)
    np.testing.assert_array_equal(one.score(windows), other.score(windows))
    third.fit(windows, seed=2, progress=quiet)
    if one.name != "pca":  # which leaves nothing to chance
        assert (one.score(windows) != third.score(windows)).any()


@pytest.mark.parametrize("index", range(len(NAMES)))
def test_an_unfitted_detector_says_so(index: int, earlier: np.ndarray) -> None:
    with pytest.raises(NotFitted, match="fit"):
        candidates(epochs=1)[index].score(earlier)


@pytest.mark.parametrize("name", NAMES)
def test_windows_of_other_sensors_are_refused(name: str, fitted: dict[str, Detector], later: np.ndarray) -> None:
    with pytest.raises(SensorMismatch):
        fitted[name].score(later[:, :, :2])
