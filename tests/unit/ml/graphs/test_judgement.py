"""The graph of a model says what the model says, of every detector that may become champion (issue 5, Speed)."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from ml.anomaly_model import AnomalyModel
from ml.calibration import Calibration
from ml.detectors.catalogue import candidates
from ml.errors import GraphDisagrees
from ml.faults import inject
from ml.graphs.judgement import PARITY, check_parity, judgement_graph
from ml.scaling import MinMaxScaler
from ml.served_model import ServedModel
from ml.stand_in import StandIn

NAMES = [detector.name for detector in candidates(epochs=1)]
SENSORS = ("flow", "pressure", "vibration")


@pytest.fixture(scope="module")
def models(earlier: np.ndarray, windows: np.ndarray) -> dict[str, AnomalyModel]:
    """Every candidate, calibrated so that probabilities are spread over 0-1."""
    fitted = {}
    for detector in candidates(epochs=1):
        scaler = MinMaxScaler.fit(earlier[:400])
        detector.fit(scaler.scale(earlier[:400]), seed=7, progress=lambda stage, share: None)
        teaching = scaler.scale(earlier[:400])
        stand_in = StandIn.fit(teaching, detector.score(teaching))
        logarithms = np.log(detector.score(stand_in.mend(scaler.scale(windows))))
        calibration = Calibration(2.0 / logarithms.std(), -2.0 * logarithms.mean() / logarithms.std())
        threshold = float(np.exp(np.percentile(logarithms, 70.07)))  # between two scores, not on one
        fitted[detector.name] = AnomalyModel(SENSORS, 1.0, scaler, detector, threshold, calibration, stand_in)
    return fitted


@pytest.fixture(scope="module")
def windows(later: np.ndarray) -> np.ndarray:
    """Normal windows, faulty ones, and some with every choice of sensors stuck or missing."""
    faulty, _ = inject(later[::2], np.array([0.8, 1.6, 0.15]), np.random.default_rng(1))
    silent = later[:14].astype(np.float32)
    for number, window in enumerate(silent):
        chosen = [sensor for sensor in range(3) if (number % 7 + 1) >> sensor & 1]
        window[:, chosen] = np.nan if number < 7 else window[0, chosen]
    return np.concatenate([later, silent, faulty]).astype(np.float32)


@pytest.mark.parametrize("name", NAMES)
def test_graph_and_detector_agree(name: str, models: dict[str, AnomalyModel], windows: np.ndarray) -> None:
    """Issue 5: parity with torch (and numpy) within 1e-5."""
    own, served = models[name].judge(windows), ServedModel.of(models[name]).judge(windows)
    np.testing.assert_allclose(served.score, own.score, rtol=PARITY)
    np.testing.assert_allclose(served.probability, own.probability, atol=PARITY)
    np.testing.assert_allclose(served.confidence, own.confidence, atol=PARITY)
    np.testing.assert_array_equal(served.is_anomaly, own.is_anomaly)
    silent = models[name].stand_in.silent(models[name].scaler.scale(windows)).any(axis=1)
    assert 14 <= silent.sum() < len(windows) / 2
    assert 0.2 < served.is_anomaly.mean() < 0.4
    assert np.ptp(served.probability) > 0.5


@pytest.mark.parametrize("name", NAMES)
def test_a_window_is_judged_the_same_to_the_last_bit_in_any_company(
    name: str, models: dict[str, AnomalyModel], windows: np.ndarray
) -> None:
    """Issue 5: backfilled scores equal live ones, and no number of windows is too small or too odd."""
    model = ServedModel.of(models[name])
    whole = model.judge(windows)
    for count in (1, 2, 3, 7, 64, 65, 130):
        parts = [model.judge(windows[start : start + count]) for start in range(0, min(len(windows), 8 * count), count)]
        for field in vars(whole):
            found = np.concatenate([getattr(part, field) for part in parts])
            np.testing.assert_array_equal(found, getattr(whole, field)[: len(found)])
    assert [values.shape for values in vars(model.judge(windows[:0])).values()] == [(0,)] * 4


@pytest.mark.parametrize("name", NAMES)
def test_any_onnx_runtime_can_read_it(name: str, models: dict[str, AnomalyModel]) -> None:
    """Operators of the standard alone, and any number of windows (an example of one would have fixed it)."""
    model = onnx.load_model_from_string(judgement_graph(models[name]))
    assert {opset.domain for opset in model.opset_import} == {"", "ai.onnx.ml"}
    (given,) = model.graph.input
    assert [axis.dim_param or axis.dim_value for axis in given.type.tensor_type.shape.dim] == ["window", 30, 3]


def test_a_graph_that_scores_otherwise_is_refused(models: dict[str, AnomalyModel], windows: np.ndarray) -> None:
    model = models["pca"]
    scores = ServedModel.of(model).judge(windows).score
    check_parity(model, scores, windows)
    scores[17] *= 1 + 2 * PARITY
    with pytest.raises(GraphDisagrees, match="The ONNX graph of pca gives"):
        check_parity(model, scores, windows)
    scores[17] = np.nan
    with pytest.raises(GraphDisagrees):
        check_parity(model, scores, windows)


def test_a_high_level_with_a_small_range_keeps_its_digits(later: np.ndarray, models: dict[str, AnomalyModel]) -> None:
    """A pressure of 101,325 Pa that moves by some pascals."""
    shift = np.array([101_325.0, 0.0, 0.0])
    scaler = models["pca"].scaler
    model = replace(models["pca"], scaler=MinMaxScaler(scaler.low + shift, scaler.high + shift))
    windows = (later + shift).astype(np.float32)
    np.testing.assert_allclose(ServedModel.of(model).judge(windows).score, model.judge(windows).score, rtol=PARITY)
