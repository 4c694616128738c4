"""A model on disk is a model."""

import json
from pathlib import Path

import numpy as np
import pytest

from ml.anomaly_model import AnomalyModel
from ml.calibration import Calibration
from ml.detectors.isolation_forest import IsolationForestDetector
from ml.errors import SensorMismatch
from ml.scaling import MinMaxScaler


@pytest.fixture
def model(earlier: np.ndarray) -> AnomalyModel:
    scaler = MinMaxScaler.fit(earlier)
    detector = IsolationForestDetector()
    detector.fit(scaler.scale(earlier), seed=1, progress=lambda stage, share: None)
    return AnomalyModel(("flow", "pressure", "vibration"), 60.0, scaler, detector, 0.55, Calibration(20.0, 11.0))


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


def test_sensors_are_found_by_name_or_missed_by_name(model: AnomalyModel) -> None:
    assert model.columns_in(("vibration", "flow", "current", "pressure")) == [1, 3, 0]
    with pytest.raises(SensorMismatch, match="The model reads flow, vibration, which the data do not have"):
        model.columns_in(("pressure",))
