"""Vanilla attention that can turn its queries and keys by their positions (2024)."""

import math

import torch
import torch.nn.functional as F
from torch import nn


def turned(x):
    """(B, H, T, D): pair i of position t turned by the angle t * 10000^(-2i/D)."""
    T, D = x.shape[-2:]
    speeds = 10000.0 ** (-torch.arange(0, D, 2).float() / D)
    angles = torch.arange(T).float()[:, None] * speeds
    even, odd = x[..., 0::2], x[..., 1::2]
    first = even * angles.cos() - odd * angles.sin()
    second = even * angles.sin() + odd * angles.cos()
    return torch.stack((first, second), dim=-1).flatten(-2)


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        for name in ("key", "query", "value", "proj"):
            setattr(self, name, nn.Linear(config.n_embd, config.n_embd))
        self.n_head, self.rope = config.n_head, getattr(config, "rope", False)

    def forward(self, x):
        def heads(linear):
            return linear(x).unflatten(2, (self.n_head, -1)).transpose(1, 2)

        q, k, v = heads(self.query), heads(self.key), heads(self.value)
        if self.rope:
            q, k = turned(q), turned(k)
        scores = q @ k.transpose(2, 3) / math.sqrt(q.shape[-1])
        hidden = torch.ones_like(scores).triu(1).bool()
        weights = F.softmax(scores.masked_fill(hidden, float("-inf")), dim=-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))
