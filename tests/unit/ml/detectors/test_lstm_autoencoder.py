"""The LSTM autoencoder is built as S2-018..024 say, and its training learns and stops."""

import numpy as np
import pytest
import torch

from ml.detectors.lstm_autoencoder.detector import LstmAutoencoderDetector
from ml.detectors.lstm_autoencoder.network import LstmAutoencoder, absolute_errors
from ml.detectors.lstm_autoencoder.training import TrainingPlan, best_device, train
from ml.errors import NotEnoughData


def test_encoder_and_decoder_have_64_units_and_windows_30_steps() -> None:
    """S2-019, S2-021."""
    network = LstmAutoencoder(10)
    assert (network.encoder.hidden_size, network.decoder.hidden_size) == (64, 64)
    assert network(torch.zeros(4, 30, 10)).shape == (4, 30, 10)


def test_the_error_is_the_mean_absolute_one() -> None:
    """S2-022: a network whose output is zero errs by the mean absolute value."""
    network = LstmAutoencoder(2)
    torch.nn.init.zeros_(network.output.weight)
    torch.nn.init.zeros_(network.output.bias)
    window = torch.stack([torch.full((30,), 0.5), torch.linspace(-1, 1, 30)], dim=1)[None]
    errors = absolute_errors(network, window)
    torch.testing.assert_close(errors, torch.tensor([[0.5, float(window[0, :, 1].abs().mean())]]))


def test_training_lowers_the_loss_and_keeps_the_best_weights() -> None:
    windows = torch.sin(torch.linspace(0, 40, 150)[:, None, None] + torch.linspace(0, 3, 30)[None, :, None])
    torch.manual_seed(1)
    network = LstmAutoencoder(1)
    told: list[float] = []
    curves = train(network, windows, TrainingPlan(epochs=12, minibatch=16), seed=1, progress=told.append)
    assert curves["validation_loss"][-1] < curves["validation_loss"][0] / 2
    held_back = windows[9::10]
    with torch.inference_mode():
        loss = float(torch.nn.L1Loss()(network(held_back), held_back))
    assert loss == pytest.approx(min(curves["validation_loss"]), rel=1e-5)
    assert told[-1] == 1.0


def test_training_stops_when_nothing_gets_better() -> None:
    noise = torch.randn(100, 30, 1, generator=torch.Generator().manual_seed(1))
    plan = TrainingPlan(epochs=200, learning_rate=0.05, patience=2)
    curves = train(LstmAutoencoder(1), noise, plan, seed=1, progress=lambda share: None)
    assert len(curves["validation_loss"]) < 200


def test_a_handful_of_windows_cannot_be_trained_on() -> None:
    with pytest.raises(NotEnoughData, match="9 windows are too few"):
        train(LstmAutoencoder(1), torch.zeros(9, 30, 1), TrainingPlan(), seed=1, progress=lambda share: None)


def test_training_leaves_the_random_state_of_the_process_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    detector = LstmAutoencoderDetector(epochs=1)
    detector.fit(np.zeros((20, 30, 1), dtype=np.float32), seed=1, progress=lambda stage, share: None)
    assert torch.rand(1) == expected


@pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no GPU that torch can use")
def test_a_gpu_is_used_and_leaves_a_network_for_the_cpu() -> None:
    """Issue 5: a GPU is used when there is one; what it learns is what a CPU would learn, up to rounding."""
    windows = torch.sin(torch.linspace(0, 40, 150)[:, None, None] + torch.linspace(0, 3, 30)[None, :, None])
    losses = {}
    for device in (best_device(), torch.device("cpu")):
        torch.manual_seed(1)
        network = LstmAutoencoder(1)
        torch.cuda.reset_peak_memory_stats()
        curves = train(network, windows, TrainingPlan(epochs=3), 1, lambda share: None, device)
        assert (torch.cuda.max_memory_allocated() > 0) == (device.type == "cuda")
        assert {parameter.device.type for parameter in network.parameters()} == {"cpu"}
        losses[device.type] = curves["validation_loss"]
    np.testing.assert_allclose(losses["cuda"], losses["cpu"], rtol=1e-3)
