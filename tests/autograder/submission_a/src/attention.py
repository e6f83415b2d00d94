"""Attention with heads as an explicit loop over slices."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        seen = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", seen.view(1, 1, config.block_size, config.block_size))
        self.n_head = config.n_head

    def forward(self, x, layer_past=None):
        T, C = x.size(1), x.size(2)
        D = C // self.n_head
        q, k, v = self.query(x), self.key(x), self.value(x)
        outs = []
        for h in range(self.n_head):
            part = slice(h * D, (h + 1) * D)
            scores = (q[:, :, part] / math.sqrt(D)) @ k[:, :, part].transpose(1, 2)
            scores = scores.masked_fill(self.mask[0, 0, :T, :T] == 0, -1e10)
            outs.append(self.attn_drop(F.softmax(scores, dim=2)) @ v[:, :, part])
        return self.resid_drop(self.proj(torch.cat(outs, dim=2)))


class SynthesizerAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.w1 = nn.Linear(config.n_embd, config.n_embd)
        D = config.n_embd // config.n_head
        self.w2 = nn.Parameter(torch.zeros(D, config.block_size - 1))
        self.b2 = nn.Parameter(torch.zeros(config.block_size - 1))
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        seen = torch.tril(torch.ones(config.block_size, config.block_size))
        self.register_buffer("mask", seen.view(1, 1, config.block_size, config.block_size))
        self.n_head = config.n_head
        nn.init.uniform_(self.w2, -0.001, 0.001)

    def forward(self, x, layer_past=None):
        T, C = x.size(1), x.size(2)
        D = C // self.n_head
        hidden, v = F.relu(self.w1(x)), self.value(x)
        outs = []
        for h in range(self.n_head):
            part = slice(h * D, (h + 1) * D)
            scores = (hidden[:, :, part] @ self.w2 + self.b2)[:, :, :T]
            scores = scores.masked_fill(self.mask[0, 0, :T, :T] == 0, -1e10)
            outs.append(self.attn_drop(F.softmax(scores, dim=2)) @ v[:, :, part])
        return self.resid_drop(self.proj(torch.cat(outs, dim=2)))
