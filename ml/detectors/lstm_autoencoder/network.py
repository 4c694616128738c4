"""The network of the LSTM autoencoder. Training it and turning errors into scores do not belong here."""

import torch
from torch import Tensor, nn

HIDDEN_UNITS = 64
"""Units of the encoder and of the decoder (S2-021)."""


class LstmAutoencoder(nn.Module):
    """Squeezes a window into the encoder's last state and unrolls it again.

    Args:
        sensor_count: Sensors of a window.
        hidden_units: Units of encoder and decoder.
    """

    def __init__(self, sensor_count: int, hidden_units: int = HIDDEN_UNITS) -> None:
        super().__init__()
        self.encoder = nn.LSTM(sensor_count, hidden_units, batch_first=True)
        self.decoder = nn.LSTM(hidden_units, hidden_units, batch_first=True)
        self.output = nn.Linear(hidden_units, sensor_count)

    def forward(self, windows: Tensor) -> Tensor:
        """Reconstruct windows.

        Args:
            windows: Scaled, shape (window, time, sensor).

        Returns:
            Reconstruction, shape (window, time, sensor).
        """
        _, (state, _) = self.encoder(windows)  # (1, window, hidden)
        repeated = state[-1].unsqueeze(1).expand(-1, windows.shape[1], -1)  # (window, time, hidden)
        unrolled, _ = self.decoder(repeated)  # (window, time, hidden)
        reconstruction: Tensor = self.output(unrolled)
        return reconstruction


def absolute_errors(network: LstmAutoencoder, windows: Tensor) -> Tensor:
    """Mean absolute reconstruction error of each sensor (S2-022).

    Args:
        network: Fitted.
        windows: Scaled, shape (window, time, sensor).

    Returns:
        Shape (window, sensor).
    """
    with torch.inference_mode():
        reconstruction: Tensor = network(windows)
        return (reconstruction - windows).abs().mean(dim=1)
