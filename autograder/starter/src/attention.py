"""Attention layers: vanilla is given, the synthesizer is yours (part g).

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of one head. Every
layer maps (B, T, C) to (B, T, C). Position t must not see the positions after it.
"""

import math
import sys

import torch
import torch.nn.functional as F
from torch import nn


def causal_mask(block_size):
    """Ones where position t (row) may see position s (column), shaped (1, 1, T, T)."""
    ones = torch.ones(block_size, block_size)
    return torch.tril(ones).view(1, 1, block_size, block_size)


class CausalSelfAttention(nn.Module):
    """softmax(Q K^T / sqrt(D)) V for each head, then a projection."""

    def __init__(self, config):
        super().__init__()
        assert config.n_embd % config.n_head == 0
        self.n_head = config.n_head
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.register_buffer("mask", causal_mask(config.block_size))

    def split(self, x):
        """(B, T, C) -> (B, H, T, D): the channels of each head side by side become heads."""
        B, T, C = x.shape
        return x.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.split(self.query(x)), self.split(self.key(x)), self.split(self.value(x))
        scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))  # (B, H, T, T)
        scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        weights = self.attn_drop(F.softmax(scores, dim=-1))
        y = (weights @ v).transpose(1, 2).contiguous().view(B, T, C)  # heads side by side again
        return self.resid_drop(self.proj(y))


class SynthesizerAttention(nn.Module):
    """softmax(ReLU(X A + b1) B + b2) V for each head, then a projection (part g).

    The scores come from each position alone; no query meets a key. self.w1 is A and b1 of all heads
    side by side. self.w2 (D, block_size - 1) is B and self.b2 (block_size - 1) is b2; all heads
    share them. self.value is V.
    """

    def __init__(self, config):
        super().__init__()
        assert config.n_embd % config.n_head == 0
        self.n_head = config.n_head
        self.w1 = nn.Linear(config.n_embd, config.n_embd)
        self.w2 = nn.Parameter(torch.zeros(config.n_embd // config.n_head, config.block_size - 1))
        self.b2 = nn.Parameter(torch.zeros(config.block_size - 1))
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.register_buffer("mask", causal_mask(config.block_size))
        nn.init.uniform_(self.w2, -0.001, 0.001)

    def forward(self, x):
        # TODO (part g): the equation above.
        # - An input has T positions, often fewer than block_size - 1: take as many columns of w2
        #   and entries of b2 as there are positions.
        # - Mask, softmax, attn_drop, the weighted sum of the values, proj and resid_drop are as in
        #   CausalSelfAttention.
        sys.exit("TODO, part g: SynthesizerAttention.forward in src/attention.py")
