"""A model on disk is a model."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.anomaly_model import FORMAT, AnomalyModel
from ml.calibration import Calibration
from ml.detectors.isolation_forest import IsolationForestDetector
from ml.detectors.pca import PcaDetector
from ml.errors import ModelTooOld, SensorMismatch
from ml.scaling import MinMaxScaler
from ml.stand_in import StandIn


@pytest.fixture
def model(earlier: np.ndarray) -> AnomalyModel:
    scaler = MinMaxScaler.fit(earlier)
    detector = IsolationForestDetector()
    detector.fit(scaler.scale(earlier), seed=1, progress=lambda stage, share: None)
    scaled = scaler.scale(earlier)
    stand_in = StandIn.fit(scaled, detector.score(scaled))
    sensors = ("flow", "pressure", "vibration")
    return AnomalyModel(sensors, 60.0, scaler, detector, 0.55, Calibration(20.0, 11.0), stand_in)


def test_a_verdict_follows_from_score_threshold_and_calibration(model: AnomalyModel, later: np.ndarray) -> None:
    """S2-024: above the threshold is an anomaly, at the threshold is not."""
    found = model.judge(later)
    np.testing.assert_array_equal(found.is_anomaly, found.score > 0.55)
    np.testing.assert_allclose(found.probability, 1 / (1 + np.exp(-(20 * np.log(found.score) + 11))))
    np.testing.assert_array_equal(found.confidence, np.maximum(found.probability, 1 - found.probability))
    assert found.confidence.min() >= 0.5


def test_saved_and_loaded_it_judges_the_same_and_nothing_is_pickled(
    model: AnomalyModel, later: np.ndarray, tmp_path: Path
) -> None:
    model.save(tmp_path / "model")
    again = AnomalyModel.load(tmp_path / "model")
    assert (again.sensors, again.grid_s, again.threshold) == (model.sensors, model.grid_s, model.threshold)
    np.testing.assert_array_equal(again.judge(later).probability, model.judge(later).probability)
    np.testing.assert_array_equal(again.explain(later[:5]), model.explain(later[:5]))
    assert json.loads((tmp_path / "model" / "model.json").read_text())["window_steps"] == 30
    with np.load(tmp_path / "model" / "weights.npz", allow_pickle=False) as arrays:
        assert all(arrays[name].dtype != object for name in arrays)


def test_a_model_of_an_earlier_release_says_what_to_do(model: AnomalyModel, tmp_path: Path) -> None:
    model.save(tmp_path)
    description = json.loads((tmp_path / "model.json").read_text())
    assert description.pop("format") == FORMAT
    (tmp_path / "model.json").write_text(json.dumps(description))
    with pytest.raises(ModelTooOld, match="train anew with python -m ml train"):
        AnomalyModel.load(tmp_path)


def test_sensors_are_found_by_name_or_missed_by_name(model: AnomalyModel) -> None:
    assert model.columns_in(("vibration", "flow", "current", "pressure")) == [1, 3, 0]
    with pytest.raises(SensorMismatch, match="The model reads flow, vibration, which the data do not have"):
        model.columns_in(("pressure",))


def test_the_nearest_normal_values_lie_at_the_threshold(model: AnomalyModel, later: np.ndarray) -> None:
    """Issue 5: an anomaly explains itself by the nearest normal value. Flow, usually 10 ± 1, stands 20 too high."""
    detector = PcaDetector()
    detector.fit(model.scaler.scale(later), seed=1, progress=lambda stage, share: None)
    model = replace(model, detector=detector, threshold=2.0)
    strange = later[:10] + np.array([20.0, 0.0, 0.0])
    assert model.judge(strange).is_anomaly.all()
    nearest = model.nearest_normal(strange)
    assert nearest.shape == (10, 3)
    assert ((nearest[:, 0] > 8.0) & (nearest[:, 0] < 15.0)).all()


def test_what_is_normal_is_its_own_nearest_normal_value(model: AnomalyModel, later: np.ndarray) -> None:
    normal = later[~model.judge(later).is_anomaly][:20]
    np.testing.assert_allclose(model.nearest_normal(normal), normal[:, -1], rtol=1e-5, atol=1e-6)


def test_a_missing_sensor_does_not_keep_the_others_from_being_judged(model: AnomalyModel, later: np.ndarray) -> None:
    """Issue 5: robust to a stuck or missing sensor."""
    missing, stuck = later.copy(), later.copy()
    missing[:, :, 2], stuck[:, :, 2] = np.nan, 5.0
    for windows in (missing, stuck):
        assert model.judge(windows).is_anomaly.mean() <= model.judge(later).is_anomaly.mean() + 0.02
