"""Which detectors there are. How they work does not belong here."""

from collections.abc import Mapping
from typing import Final

from ml.detectors.isolation_forest import IsolationForestDetector
from ml.detectors.lstm_autoencoder.detector import LstmAutoencoderDetector
from ml.detectors.naive import AlwaysOnDetector, LastValueDetector, RandomDetector
from ml.detectors.pca import PcaDetector
from ml.detectors.protocol import Detector, Weights

_KINDS: Final[Mapping[str, type[Detector]]] = {
    kind.name: kind for kind in (LstmAutoencoderDetector, PcaDetector, IsolationForestDetector)
}


def candidates(epochs: int) -> list[Detector]:
    """The detectors that compete for champion, unfitted (D11)."""
    return [LstmAutoencoderDetector(epochs), PcaDetector(), IsolationForestDetector()]


def naive_baselines() -> list[Detector]:
    """The detectors that a champion has to beat, unfitted."""
    return [AlwaysOnDetector(), RandomDetector(), LastValueDetector()]


def restore(name: str, weights: Weights) -> Detector:
    """Build a fitted candidate again from its weights."""
    return _KINDS[name].restore(weights)
