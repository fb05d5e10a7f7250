"""The ends of a training loop: averaged weights, and checkpoints that are never half written."""

from pathlib import Path
from typing import Any

import torch
from torch import nn


def follow(average: nn.Module, model: nn.Module, keep: float) -> None:
    """Moves the exponential moving average of the weights, and the norms' statistics, towards the model."""
    with torch.no_grad():
        for mean, current in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(current, 1 - keep)
            else:
                mean.copy_(current)


def save(
    path: Path, model: nn.Module, average: nn.Module, optimizer: torch.optim.Optimizer | None, **progress: Any
) -> None:
    """Writes a checkpoint so that a reader finds all of it, or the one before."""
    state = {
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimizer": None if optimizer is None else optimizer.state_dict(),
        **progress,
    }
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    partial.replace(path)
