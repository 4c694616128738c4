"""Models to measure scoring with: fitted, but not well, as speed does not depend on how well. Data are made up."""

from collections.abc import Sequence

import numpy as np

from bench.readings import SIGNALS
from ml.anomaly_model import AnomalyModel
from ml.arrays import FloatArray
from ml.calibration import Calibration
from ml.detectors.catalogue import candidates
from ml.scaling import MinMaxScaler
from ml.stand_in import StandIn
from ml.windows import LEAD_STEPS, cut

_FIT_ON = 2_000
_SHARE_NORMAL = 99.9


def windows_of_a_machine(count: int, seed: int) -> FloatArray:
    """Windows one second apart of the signals by name, shape (window, time, sensor), in their units."""
    rng = np.random.default_rng(seed)
    means, spreads = (np.array([SIGNALS[metric][column] for metric in sorted(SIGNALS)]) for column in (1, 2))
    steps = np.arange(count + LEAD_STEPS)
    load = np.sin(2 * np.pi * steps / 300)[:, None]
    readings = means + spreads * (load + 0.3 * rng.standard_normal((len(steps), len(means))))
    return cut(readings.astype(np.float32), steps[LEAD_STEPS:])


def fitted_models() -> Sequence[AnomalyModel]:
    """One of each candidate detector, with a threshold that one window in a thousand passes."""
    earlier, later = windows_of_a_machine(_FIT_ON, seed=1), windows_of_a_machine(_FIT_ON, seed=2)
    scaler = MinMaxScaler.fit(earlier)
    models = []
    for detector in candidates(epochs=1):
        teaching = scaler.scale(earlier)
        detector.fit(teaching, seed=1, progress=lambda stage, share: None)
        stand_in = StandIn.fit(teaching, detector.score(teaching))
        calibration, sensors = Calibration(1.0, 0.0), tuple(sorted(SIGNALS))
        threshold = float(np.percentile(detector.score(scaler.scale(later)), _SHARE_NORMAL))
        models.append(AnomalyModel(sensors, 1.0, scaler, detector, threshold, calibration, stand_in))
    return models
