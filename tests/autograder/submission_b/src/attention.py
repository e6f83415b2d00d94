"""Attention in einsum; the mask is added, not filled in."""

import torch
from torch import nn


class Heads(nn.Module):
    def start(self, config):
        self.n_head = config.n_head
        future = torch.full((config.block_size, config.block_size), float("-inf")).triu(1)
        self.register_buffer("future", future)

    def split(self, x):
        B, T, C = x.shape
        return x.reshape(B, T, self.n_head, C // self.n_head)

    def finish(self, scores, x):
        T = x.shape[1]
        weights = self.attn_drop((scores + self.future[:T, :T]).softmax(-1))
        mixed = torch.einsum("bhts,bshd->bthd", weights, self.split(self.value(x)))
        return self.resid_drop(self.proj(mixed.reshape(x.shape)))


class CausalSelfAttention(Heads):
    def __init__(self, config):
        super().__init__()
        for name in ("key", "query", "value", "proj"):
            setattr(self, name, nn.Linear(config.n_embd, config.n_embd))
        self.attn_drop, self.resid_drop = nn.Dropout(config.attn_pdrop), nn.Dropout(0.1)
        self.start(config)

    def forward(self, x, layer_past=None):
        q, k = self.split(self.query(x)), self.split(self.key(x))
        return self.finish(torch.einsum("bthd,bshd->bhts", q, k) * q.shape[-1] ** -0.5, x)


class SynthesizerAttention(Heads):
    def __init__(self, config):
        super().__init__()
        for name in ("w1", "value", "proj"):
            setattr(self, name, nn.Linear(config.n_embd, config.n_embd))
        width = config.block_size - 1
        self.w2 = nn.Parameter(
            torch.empty(config.n_embd // config.n_head, width).uniform_(-0.001, 0.001)
        )
        self.b2 = nn.Parameter(torch.zeros(width))
        self.attn_drop, self.resid_drop = nn.Dropout(config.attn_pdrop), nn.Dropout(0.1)
        self.start(config)

    def forward(self, x, layer_past=None):
        T = x.shape[1]
        a = torch.relu(self.split(self.w1(x)))
        scores = torch.einsum("bthd,ds->bhts", a, self.w2[:, :T]) + self.b2[:T]
        return self.finish(scores, x)
