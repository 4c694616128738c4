"""The training loop of the sequence model. The network's shape does not belong here.

There is no early stopping: it would need equipment that then calibrates nothing, and the one-cycle schedule ends by
itself.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ml.rul.protocol import LOWER_QUANTILE, UPPER_QUANTILE

PINBALL_SHARE = 0.1
"""Small, so that the mean stays the point of the training."""


@dataclass(frozen=True)
class TrainingPlan:
    """How to train.

    Attributes:
        epochs: Passes over the data.
        minibatch: Windows per step.
        learning_rate: Peak of the one-cycle schedule of AdamW.
        weight_decay: Of AdamW.
    """

    epochs: int = 12
    minibatch: int = 256
    learning_rate: float = 5e-3
    weight_decay: float = 1e-3


def train(network: nn.Module, windows: Tensor, targets: Tensor, plan: TrainingPlan, seed: int) -> None:
    """Teach a network mean and quantiles of the remaining life.

    Args:
        network: Changed in place.
        windows: Scaled, shape (window, channel, time).
        targets: Capped remaining life as a share of the cap, shape (window,).
        plan: How long and how fast.
        seed: Of the order of windows and of dropout.
    """
    optimizer = torch.optim.AdamW(network.parameters(), lr=plan.learning_rate, weight_decay=plan.weight_decay)
    steps = -(-len(windows) // plan.minibatch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, plan.learning_rate, total_steps=plan.epochs * steps)
    network.train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(plan.epochs):
            for chosen in torch.split(torch.randperm(len(windows)), plan.minibatch):
                optimizer.zero_grad()
                torch.autograd.backward(loss(network(windows[chosen]), targets[chosen]))
                nn.utils.clip_grad_norm_(network.parameters(), 1.0)
                optimizer.step()
                schedule.step()
    network.eval()


def loss(outputs: Tensor, targets: Tensor) -> Tensor:
    """Squared error of the mean plus a share of the pinball losses of the two quantiles.

    Args:
        outputs: Mean, lower and upper quantile, shape (window, 3).
        targets: Shape (window,).
    """
    error = targets - outputs[:, 0]
    total = (error**2).mean()
    for column, quantile in ((1, LOWER_QUANTILE), (2, UPPER_QUANTILE)):
        above = targets - outputs[:, column]
        total = total + PINBALL_SHARE * torch.maximum(quantile * above, (quantile - 1) * above).mean()
    return total
