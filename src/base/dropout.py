"""Dropout whose masks cost little on a CPU."""

import math
import threading
from collections.abc import Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from base.packing import rows_of

LANES = 65536  # values of a 16-bit random number


class Seeds(threading.local):
    """Where this thread's masks get their seeds: what it was given, or torch's generator."""

    given: Iterator[int] | None = None
    taken = 0

    def next(self) -> int:
        self.taken += 1
        if self.given is None:
            return int(torch.empty((), dtype=torch.int64).random_())
        return next(self.given)


SEEDS = Seeds()


class Dropout(nn.Dropout):
    """nn.Dropout with 16 random bits an element: P(drop) is p rounded to a multiple of 2^-16.

    torch draws a CPU mask's elements one by one from one Mersenne twister, which takes a third of
    a training step; here numpy's SFC64, seeded from torch's generator (so torch.manual_seed fixes
    the masks), gives four elements a number. Elsewhere, and in compiled code, it is nn.Dropout.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.p == 0:
            return x
        if x.device.type != "cpu" or torch.compiler.is_compiling():
            return F.dropout(x, self.p)
        return Scaled.apply(x, keep_mask(x, self.p), 1 / (1 - self.p))


class Scaled(torch.autograd.Function):
    """x mask scale, rounded after each product as torch does; in place where it can be."""

    @staticmethod
    def forward(ctx, x: Tensor, mask: Tensor, scale: float) -> Tensor:
        ctx.save_for_backward(mask)
        ctx.scale = scale
        return (x * mask).mul_(scale)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        (mask,) = ctx.saved_tensors
        return (gradient * ctx.scale).mul_(mask), None, None


def keep_mask(like: Tensor, p: float) -> Tensor:
    """Independent 1 (keep) with probability 1 - p, else 0, in the shape and dtype of `like`.

    A packed tensor gets the masks that its positions have in the padded one.
    """
    rows = rows_of(like)
    shape = like.shape if rows is None else (*rows.shape, like.shape[1])
    count = math.prod(shape)
    numbers = np.random.SFC64(SEEDS.next()).random_raw((count + 3) // 4)
    lanes = torch.from_numpy(numbers.view(np.int16))[:count].view(shape)
    if rows is not None:
        lanes = lanes.flatten(0, 1).index_select(0, rows.index)
    mask = torch.empty(like.shape, dtype=like.dtype)
    return torch.ge(lanes, round(p * LANES) - LANES // 2, out=mask)
