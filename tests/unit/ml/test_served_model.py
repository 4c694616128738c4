"""A stored model judges by its graph and explains by its detector."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from ml.anomaly_model import AnomalyModel
from ml.calibration import Calibration
from ml.detectors.lstm_autoencoder.detector import LstmAutoencoderDetector
from ml.detectors.pca import PcaDetector
from ml.detectors.protocol import Detector
from ml.errors import GraphDisagrees, SensorMismatch
from ml.scaling import MinMaxScaler
from ml.served_model import GRAPH_FILE, ServedModel, store
from ml.stand_in import StandIn


def fitted(detector: Detector, earlier: np.ndarray) -> AnomalyModel:
    scaler = MinMaxScaler.fit(earlier)
    teaching = scaler.scale(earlier)
    detector.fit(teaching, seed=1, progress=lambda stage, share: None)
    stand_in = StandIn.fit(teaching, detector.score(teaching))
    names = ("flow", "pressure", "vibration")
    return AnomalyModel(names, 60.0, scaler, detector, 1.2, Calibration(20.0, 11.0), stand_in)


def test_stored_and_loaded_it_judges_and_explains(earlier: np.ndarray, later: np.ndarray, tmp_path: Path) -> None:
    model = fitted(PcaDetector(), earlier)
    store(model, tmp_path, later)
    again = ServedModel.load(tmp_path)
    assert (again.sensors, again.grid_s, again.threshold) == (model.sensors, model.grid_s, model.threshold)
    first = again.judge(later)
    np.testing.assert_allclose(first.score, model.judge(later).score, rtol=1e-5)
    np.testing.assert_array_equal(again.explain(later[:5]), model.explain(later[:5]))
    with pytest.raises(SensorMismatch):
        again.judge(later[:, :, :2])

    (tmp_path / GRAPH_FILE).unlink()  # as earlier releases stored it
    np.testing.assert_array_equal(ServedModel.load(tmp_path).judge(later).score, first.score)


def test_a_model_whose_graph_disagrees_is_not_stored(earlier: np.ndarray, later: np.ndarray, tmp_path: Path) -> None:
    class Changed(PcaDetector):
        """Its mathematics have changed and the graph's have not."""

        def score(self, windows: np.ndarray) -> np.ndarray:
            return super().score(windows) * 1.001

    model = fitted(PcaDetector(), earlier)
    changed = Changed.restore(model.detector.weights())
    with pytest.raises(GraphDisagrees):
        store(replace(model, detector=changed), tmp_path / "model", later)
    assert not (tmp_path / "model").exists()


def test_judging_by_an_autoencoder_brings_no_torch(earlier: np.ndarray, later: np.ndarray, tmp_path: Path) -> None:
    """Importing torch takes seconds, and each hour is scored by a process of its own."""
    store(fitted(LstmAutoencoderDetector(epochs=1), earlier[:200]), tmp_path, later[:50])
    script = (
        "import sys, pathlib, numpy; from ml.served_model import ServedModel;"
        "model = ServedModel.load(pathlib.Path(sys.argv[1]));"
        "print(len(model.judge(numpy.zeros((3, 30, 3))).score), 'torch' in sys.modules);"
        "print(model.explain(numpy.zeros((3, 30, 3))).shape, 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", script, str(tmp_path)], capture_output=True, text=True, check=True)
    assert answer.stdout.splitlines() == ["3 False", "(3, 3) True"]
