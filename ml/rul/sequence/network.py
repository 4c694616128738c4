"""The network of the sequence model. Training it and calibrating its intervals do not belong here."""

import torch
from torch import Tensor, nn

HIDDEN_UNITS = 64
FILTERS = 6
DROPOUT = 0.1
OUTPUTS = 3
"""Mean, lower and upper quantile."""


class TemporalFilters(nn.Module):
    """Learns a few weightings of a window's steps, the same for every sensor, and judges what they see.

    A convolution as long as the window: noise is averaged away and slopes are seen, with so few weights that a hundred
    lives suffice to learn them.

    Args:
        sensor_count: Channels of a window.
        window_steps: Its length.
    """

    def __init__(self, sensor_count: int, window_steps: int) -> None:
        super().__init__()
        self.filters = nn.Linear(window_steps, FILTERS)
        self.judge = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(DROPOUT),
            nn.Linear(FILTERS * sensor_count, HIDDEN_UNITS),
            nn.ReLU(),
            nn.Dropout(DROPOUT),
            nn.Linear(HIDDEN_UNITS, HIDDEN_UNITS // 2),
            nn.ReLU(),
            nn.Linear(HIDDEN_UNITS // 2, OUTPUTS),
        )

    def forward(self, windows: Tensor) -> Tensor:
        """Forecast, shape (window, 3), as shares of the cap, from windows of shape (window, channel, time)."""
        outputs: Tensor = self.judge(self.filters(windows))
        return outputs


def forecast(network: nn.Module, windows: Tensor) -> Tensor:
    """The network's outputs without keeping what training needs, shape (window, 3)."""
    with torch.inference_mode():
        outputs: Tensor = network(windows)
        return outputs
