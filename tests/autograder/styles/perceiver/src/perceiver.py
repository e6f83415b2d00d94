"""A perceiver under the names of the 2023 kit."""

import torch
import torch.nn.functional as F
from torch import nn


class CrossAttention(nn.Module):
    def __init__(self, config):
        super().__init__()
        for name in ("key", "query", "value", "proj"):
            setattr(self, name, nn.Linear(config.n_embd, config.n_embd))
        self.n_head = config.n_head

    def forward(self, source, target):
        def heads(x):
            return x.unflatten(2, (self.n_head, -1)).transpose(1, 2)

        q, k, v = heads(self.query(target)), heads(self.key(source)), heads(self.value(source))
        scores = q @ k.transpose(2, 3) / q.shape[-1] ** 0.5
        seen = torch.ones_like(scores).tril()
        weights = F.softmax(scores.masked_fill(seen == 0, -1e10), dim=-1)
        return self.proj((weights @ v).transpose(1, 2).flatten(2))


class Projection(nn.Module):
    def __init__(self, config, latents=0):
        super().__init__()
        self.ln1 = nn.LayerNorm(config.n_embd)
        self.ln2 = nn.LayerNorm(config.n_embd)
        self.attn = CrossAttention(config)
        wide = 4 * config.n_embd
        self.mlp = nn.Sequential(nn.Linear(config.n_embd, wide), nn.GELU(),
                                 nn.Linear(wide, config.n_embd), nn.Dropout(0.1))  # fmt: skip
        if latents:
            self.C = nn.Parameter(torch.empty(1, latents, config.n_embd))
            nn.init.xavier_uniform_(self.C)


class DownProjectBlock(Projection):
    def forward(self, x):
        basis = self.C.expand(x.shape[0], -1, -1)
        y = basis + self.attn(x, self.ln1(basis))
        return y + self.mlp(self.ln2(y))


class UpProjectBlock(Projection):
    def forward(self, y, x_input):
        x = x_input + self.attn(self.ln1(y), x_input)
        return x + self.mlp(self.ln2(x))
