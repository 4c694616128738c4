"""The one training loop of detectors that are networks. The network's shape and scoring do not belong here."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.errors import NotEnoughData

VALIDATION_EVERY = 10
"""Every tenth window is kept from the weights and tells when to stop."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes:
        epochs: Most passes over the data.
        minibatch: Windows per step.
        learning_rate: Peak of the one-cycle schedule of Adam.
        patience: Epochs without a better validation loss before it stops.
    """

    epochs: int = 15
    minibatch: int = 128
    learning_rate: float = 5e-3
    patience: int = 3


def best_device() -> torch.device:
    """A GPU where there is one; the same data and seed give the same model on the same kind of device only."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train(
    network: nn.Module,
    windows: Tensor,
    plan: TrainingPlan,
    seed: int,
    progress: Callable[[float], None],
    device: torch.device | None = None,
) -> dict[str, list[float]]:
    """Teach a network to reconstruct windows, by mean absolute error (S2-022), and keep its best weights.

    Args:
        network: Changed in place; it ends on the CPU.
        windows: Scaled, shape (window, time, sensor).
        plan: How long and how fast.
        seed: Of the order of windows.
        progress: Called after each epoch with the share of epochs done.
        device: Where it learns, `best_device` where None. A training's windows fit into a GPU's memory as a whole.

    Returns:
        Training and validation loss by epoch.

    Raises:
        NotEnoughData: There are too few windows to keep some for validation.
    """
    held_back = torch.arange(len(windows)) % VALIDATION_EVERY == VALIDATION_EVERY - 1
    learn, validate = windows[~held_back], windows[held_back]
    if not len(validate):
        raise NotEnoughData(f"{len(windows)} windows are too few to train on; {VALIDATION_EVERY} is the least.")
    device = device or best_device()
    network.to(device)
    learn, validate = learn.to(device), validate.to(device)
    loss = nn.L1Loss()
    optimizer = torch.optim.Adam(network.parameters(), lr=plan.learning_rate)
    steps = -(-len(learn) // plan.minibatch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, total_steps=plan.epochs * steps)
    order = torch.Generator().manual_seed(seed)
    curves: dict[str, list[float]] = {"training_loss": [], "validation_loss": []}
    best = {name: value.clone() for name, value in network.state_dict().items()}
    for epoch in range(plan.epochs):
        curves["training_loss"].append(_epoch(network, learn, loss, optimizer, schedule, plan.minibatch, order))
        with torch.inference_mode():
            validation_loss = float(loss(network(validate), validate))
        if validation_loss < min(curves["validation_loss"], default=float("inf")):
            best = {name: value.clone() for name, value in network.state_dict().items()}
        curves["validation_loss"].append(validation_loss)
        progress((epoch + 1) / plan.epochs)
        if epoch - curves["validation_loss"].index(min(curves["validation_loss"])) >= plan.patience:
            break
    network.load_state_dict(best)
    network.cpu()
    return curves


def _epoch(
    network: nn.Module,
    windows: Tensor,
    loss: nn.L1Loss,
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LRScheduler,
    minibatch: int,
    order: torch.Generator,
) -> float:
    """One pass over the windows in random order; returns the mean loss."""
    total = 0.0
    for chosen in torch.split(torch.randperm(len(windows), generator=order), minibatch):
        windows_now = windows[chosen.to(windows.device)]  # (minibatch, time, sensor)
        optimizer.zero_grad()
        value = loss(network(windows_now), windows_now)
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        total += float(value.detach()) * len(chosen)
    return total / len(windows)
