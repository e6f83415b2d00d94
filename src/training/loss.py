"""The loss of one piece of a batch, as a sum over its targets."""

import contextlib

import torch
from torch import Tensor, nn


class LossSum(nn.Module):
    """(x, y) -> the sum of the model's losses over the targets that count.

    Takes the model's own `loss_sum` where it has one, else its mean loss times their number.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype, device: torch.device):
        super().__init__()
        self.model = model
        self.dtype = dtype
        self.device_type = device.type

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        with self.precision():
            if hasattr(self.model, "loss_sum"):
                return self.model.loss_sum(x, y)
            logits, loss = self.model(x, y)
            count = count_targets(self.model, y)
            return loss * count if count else logits.sum() * 0  # a mean over nothing is no number

    def precision(self) -> contextlib.AbstractContextManager:
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, self.dtype)


def count_targets(model: nn.Module, y: Tensor) -> Tensor:
    """How many of the targets y carry loss: all but the model's `ignore_index`."""
    return (y != getattr(model, "ignore_index", -100)).sum()
