"""Rows of a batch without their padding, for layers that work position by position.

B rows, T positions, C channels; N positions: those that are not trailing padding, and a few that
are, so that N is a multiple of MULTIPLE. A packed tensor (N, C) holds those alone. Results at the
other positions do not depend on the padding, as the model is causal.
"""

import contextlib
import math
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

MULTIPLE = 64  # of positions: tensors of few sizes let memory be used again


class PackedRows:
    """Which positions of (B, T) rows are kept: the first `lengths` (B,) of each, and few more."""

    def __init__(self, lengths: Tensor, T: int):
        self.shape = (len(lengths), T)
        left_out = (torch.arange(T, device=lengths.device) >= lengths[:, None]).flatten()
        count = math.ceil(int(lengths.sum()) / MULTIPLE) * MULTIPLE
        self.index = left_out.argsort(stable=True)[:count]  # (N,) of the B T positions

    def pack(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (N, C)."""
        return Take.apply(x.flatten(0, 1), self.index)

    def pad(self, x: Tensor) -> Tensor:
        """(N, C) -> (B, T, C), zeros where nothing is kept."""
        B, T = self.shape
        return Put.apply(x, self.index, B * T).view(B, T, -1)


class Take(torch.autograd.Function):
    """x[index] of different rows; unlike indexing's, its gradient need not add what meets."""

    @staticmethod
    def forward(ctx, x: Tensor, index: Tensor) -> Tensor:
        ctx.index, ctx.count = index, len(x)
        return x.index_select(0, index)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None]:
        return put(gradient, ctx.index, ctx.count), None


class Put(torch.autograd.Function):
    """The rows x (N, C) at `index` of `count` rows, which are zero elsewhere."""

    @staticmethod
    def forward(ctx, x: Tensor, index: Tensor, count: int) -> Tensor:
        ctx.index = index
        return put(x, index, count)

    @staticmethod
    def backward(ctx, gradient: Tensor) -> tuple[Tensor, None, None]:
        return gradient.index_select(0, ctx.index), None, None


def put(x: Tensor, index: Tensor, count: int) -> Tensor:
    return x.new_zeros((count, x.shape[1])).index_copy_(0, index, x)


class Current(threading.local):
    """What this thread's packed tensors hold."""

    rows: PackedRows | None = None


CURRENT = Current()


@contextlib.contextmanager
def packed(rows: PackedRows) -> Iterator[None]:
    """Within it, the tensors (N, C) that this thread's layers meet hold `rows`."""
    CURRENT.rows = rows
    try:
        yield
    finally:
        CURRENT.rows = None


def rows_of(x: Tensor) -> PackedRows | None:
    """The rows that x holds, if it is packed (N, C)."""
    return CURRENT.rows if x.ndim == 2 else None
