"""RoPE with complex numbers and a cache that goes into the params, as the kit of 2024 hints."""

import torch
from torch import nn


def precompute_rotary_emb(dim, max_positions):
    """(max_positions, dim / 2, 2): cosine and sine of each position's angles."""
    theta = torch.tensor([10000 ** (-2 * i / dim) for i in range(dim // 2)])
    angles = torch.outer(torch.arange(max_positions).float(), theta)
    return torch.stack([angles.cos(), angles.sin()], dim=-1)


def apply_rotary_emb(x, rope_cache):
    pairs = x.reshape(*x.shape[:-1], -1, 2).contiguous()
    turns = torch.view_as_complex(rope_cache[: x.shape[-2]].contiguous())
    return torch.view_as_real(torch.view_as_complex(pairs) * turns).reshape(x.shape)


class CausalSelfAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        C, self.n_head = config.n_embd, config.n_head
        self.key, self.query, self.value = nn.Linear(C, C), nn.Linear(C, C), nn.Linear(C, C)
        self.rope = config.rope
        if self.rope:
            cache = precompute_rotary_emb(C // self.n_head, config.block_size)
            self.register_buffer("rope_cache", cache)
        self.attn_drop = nn.Dropout(config.attn_pdrop)
        self.resid_drop = nn.Dropout(config.resid_pdrop)
        self.proj = nn.Linear(C, C)
        lower = torch.ones(config.block_size, config.block_size).tril()
        self.register_buffer("mask", lower[None, None])

    def forward(self, x):
        B, T, C = x.size()
        shape = (B, T, self.n_head, C // self.n_head)
        q = self.query(x).view(shape).transpose(1, 2)
        k = self.key(x).view(shape).transpose(1, 2)
        v = self.value(x).view(shape).transpose(1, 2)
        if self.rope:
            q = apply_rotary_emb(q, self.rope_cache)
            k = apply_rotary_emb(k, self.rope_cache)
        att = q @ k.mT * shape[-1] ** -0.5
        att = att.masked_fill(self.mask[:, :, :T, :T] == 0, -1e10).softmax(dim=-1)
        y = (self.attn_drop(att) @ v).transpose(1, 2).reshape(B, T, C)
        return self.resid_drop(self.proj(y))
