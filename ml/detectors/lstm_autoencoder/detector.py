"""The LSTM autoencoder as a detector: arrays in, scores out. The network and its training do not belong here.

torch is imported where it is used: importing `ml` must stay light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.protocol import Progress, Weights
from ml.detectors.shares import to_shares
from ml.errors import NotFitted
from ml.windows import check_shape

if TYPE_CHECKING:
    from ml.detectors.lstm_autoencoder.network import LstmAutoencoder

USUAL_ERROR = "usual_error"
SCORING_MINIBATCH = 1024


class LstmAutoencoderDetector:
    """Scores a window by the mean absolute error of its reconstruction (S2-022..024).

    Args:
        epochs: Most passes over the training windows.
    """

    name: ClassVar[str] = "lstm_autoencoder"

    def __init__(self, epochs: int = 15) -> None:
        self._epochs = epochs
        self._network: LstmAutoencoder | None = None
        self._stored: Weights | None = None  # of a network that is not built before it is asked
        self._usual_error: FloatArray = np.empty(0)  # (sensor,)

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters."""
        from ml.detectors.lstm_autoencoder.network import HIDDEN_UNITS
        from ml.detectors.lstm_autoencoder.training import TrainingPlan

        return {"hidden_units": HIDDEN_UNITS, **vars(TrainingPlan(epochs=self._epochs))}

    def fit(self, windows: FloatArray, *, seed: int, progress: Progress) -> Mapping[str, list[float]]:
        """Train a new network; the process-wide random state is left as it was."""
        import torch

        from ml.detectors.lstm_autoencoder.network import LstmAutoencoder
        from ml.detectors.lstm_autoencoder.training import TrainingPlan, train

        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = LstmAutoencoder(windows.shape[2])
        tensor = torch.from_numpy(np.ascontiguousarray(windows, dtype=np.float32))
        plan = TrainingPlan(epochs=self._epochs)
        curves = train(network, tensor, plan, seed, lambda share: progress(self.name, share))
        self._network, self._stored = network.eval(), None
        self._usual_error = np.maximum(self._errors(windows).mean(axis=0), 1e-6)
        return curves

    def score(self, windows: FloatArray) -> FloatArray:
        """Return the mean absolute error over time and sensors, shape (window,)."""
        errors: FloatArray = self._errors(windows).mean(axis=1)
        return errors

    def explain(self, windows: FloatArray) -> FloatArray:
        """Return each sensor's error beyond its usual one, as shares, shape (window, sensor)."""
        return to_shares(self._errors(windows) - self._usual_error)

    def weights(self) -> Weights:
        """Return the network's parameters and the usual errors."""
        parameters = self._fitted().state_dict()
        return {**{name: value.numpy() for name, value in parameters.items()}, USUAL_ERROR: self._usual_error}

    @classmethod
    def restore(cls, weights: Weights) -> LstmAutoencoderDetector:
        """Build the fitted detector again; without torch, until it is asked."""
        detector = cls()
        detector._usual_error = np.asarray(weights[USUAL_ERROR], dtype=np.float64)
        detector._stored = {name: np.array(value) for name, value in weights.items() if name != USUAL_ERROR}
        return detector

    def _fitted(self) -> LstmAutoencoder:
        if self._network is None and self._stored is not None:
            self._network = self._rebuilt(self._stored)
        if self._network is None:
            raise NotFitted("This LSTM autoencoder has not been fitted: call fit() or restore() first.")
        return self._network

    def _rebuilt(self, weights: Weights) -> LstmAutoencoder:
        import torch

        from ml.detectors.lstm_autoencoder.network import LstmAutoencoder

        network = LstmAutoencoder(len(self._usual_error))
        network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
        return network.eval()

    def _errors(self, windows: FloatArray) -> FloatArray:
        """Mean absolute error by sensor, shape (window, sensor), computed in minibatches."""
        import torch

        from ml.detectors.lstm_autoencoder.network import absolute_errors

        network = self._fitted()
        check_shape(windows, network.output.out_features)
        errors = np.empty((len(windows), windows.shape[2]))
        for start in range(0, len(windows), SCORING_MINIBATCH):
            part = np.ascontiguousarray(windows[start : start + SCORING_MINIBATCH], dtype=np.float32)
            errors[start : start + len(part)] = absolute_errors(network, torch.from_numpy(part)).numpy()
        return errors
