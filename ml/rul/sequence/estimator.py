"""The sequence model as an estimator: arrays in, forecasts out. Network and training loop do not belong here.

torch is imported where it is used: importing `ml` must stay light.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ml.arrays import FloatArray
from ml.detectors.protocol import Weights
from ml.errors import NotFitted, SensorMismatch
from ml.rul.histories import Samples
from ml.rul.protocol import Forecast

if TYPE_CHECKING:
    from torch import Tensor

    from ml.rul.sequence.network import TemporalFilters

SCALES = ("centre", "spread", "cap", "mean_life")
MINIBATCH = 4_096


class SequenceModel:
    """A network over the scaled window, whether each step belongs to this life, and the age.

    Args:
        epochs: Passes over the training windows.
    """

    name: ClassVar[str] = "sequence"

    def __init__(self, epochs: int = 12) -> None:
        self._epochs = epochs
        self._network: TemporalFilters | None = None
        self._scales: dict[str, FloatArray] = {}

    @property
    def params(self) -> Mapping[str, float | int | str]:
        """The hyperparameters."""
        from ml.rul.sequence import network, training

        plan = vars(training.TrainingPlan(epochs=self._epochs))
        return {"filters": network.FILTERS, "hidden_units": network.HIDDEN_UNITS, "dropout": network.DROPOUT, **plan}

    def fit(self, samples: Samples, *, cap: float, seed: int) -> None:
        """Train a new network; the process-wide random state is left as it was."""
        import torch

        from ml.rul.sequence.network import TemporalFilters
        from ml.rul.sequence.training import TrainingPlan, train

        last = samples.windows[:, -1].astype(np.float64)
        centre, stands_still = np.nanmean(last, axis=0), np.nanmax(last, axis=0) == np.nanmin(last, axis=0)
        self._scales = {
            "centre": centre,
            # A sensor that stood still, in these lives, is measured in percents of its value (as in `ml.scaling`): in
            # millionths, the first machine on which it stands elsewhere would have no forecast but 0 or the cap.
            "spread": np.where(
                stands_still, np.maximum(np.abs(centre) * 0.01, 1e-6), np.maximum(np.nanstd(last, axis=0), 1e-9)
            ),
            "cap": np.array(cap),
            "mean_life": np.array((samples.age + samples.remaining)[samples.remaining == 0].mean()),
        }
        channels = self._channels(samples.windows, samples.age)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            network = TemporalFilters(*channels.shape[1:])
        target = torch.from_numpy((np.minimum(samples.remaining, cap) / cap).astype(np.float32))
        train(network, channels, target, TrainingPlan(epochs=self._epochs), seed)
        self._network = network

    def predict(self, windows: FloatArray, age: FloatArray) -> Forecast:
        """Forecast, shape (window,) each."""
        from ml.rul.sequence.network import forecast

        network = self._fitted()
        steps, sensors = network.filters.in_features, len(self._scales["centre"])
        if windows.ndim != 3 or windows.shape[1:] != (steps, sensors):
            raise SensorMismatch(f"Windows of shape {windows.shape} do not fit (window, {steps}, {sensors}).")
        parts = [
            forecast(network, self._channels(windows[start : start + MINIBATCH], age[start : start + MINIBATCH]))
            for start in range(0, len(windows), MINIBATCH)
        ]
        outputs = np.concatenate([part.numpy() for part in parts]).astype(np.float64) * float(self._scales["cap"])
        return Forecast(*np.clip(outputs, 0.0, float(self._scales["cap"])).T)

    def weights(self) -> Weights:
        """Return the network's parameters and the scales."""
        return {name: value.numpy() for name, value in self._fitted().state_dict().items()} | self._scales

    @classmethod
    def restore(cls, weights: Weights) -> SequenceModel:
        """Build the fitted estimator again."""
        import torch

        from ml.rul.sequence.network import TemporalFilters

        estimator = cls()
        estimator._scales = {name: np.asarray(weights[name], dtype=np.float64) for name in SCALES}
        network = TemporalFilters(len(estimator._scales["centre"]) + 2, weights["filters.weight"].shape[1])
        state = {name: torch.from_numpy(np.array(value)) for name, value in weights.items() if name not in SCALES}
        network.load_state_dict(state)
        estimator._network = network.eval()
        return estimator

    def _channels(self, windows: FloatArray, age: FloatArray) -> Tensor:
        """Scaled sensors, 0 where nothing is known, then known or not and the age: shape (window, channel, time)."""
        import torch

        is_known = np.isfinite(windows).any(axis=2, keepdims=True)
        scaled = np.nan_to_num((windows - self._scales["centre"]) / self._scales["spread"])
        lag = np.arange(windows.shape[1])[::-1]
        lived = np.maximum(age[:, None] - lag, 0.0)[:, :, None] / self._scales["mean_life"]
        channels = np.concatenate([scaled, is_known, lived], axis=2).transpose(0, 2, 1)
        return torch.from_numpy(np.ascontiguousarray(channels, dtype=np.float32))

    def _fitted(self) -> TemporalFilters:
        if self._network is None:
            raise NotFitted("This sequence model has not been fitted: call fit() or restore() first.")
        return self._network
