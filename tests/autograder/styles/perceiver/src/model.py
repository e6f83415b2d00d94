"""The model after the kit of 2023: down_block, blocks, up_block."""

import perceiver
import torch
from torch import nn
from torch.nn import functional as F

import attention


class GPTConfig:
    embd_pdrop, resid_pdrop, attn_pdrop = 0.1, 0.1, 0.1
    perceiver, bottleneck_dim = False, None

    def __init__(self, vocab_size, block_size, **kwargs):
        for name, value in dict(kwargs, vocab_size=vocab_size, block_size=block_size).items():
            setattr(self, name, value)


class Block(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(config.n_embd), nn.LayerNorm(config.n_embd)
        self.attn = attention.CausalSelfAttention(config)
        self.mlp = nn.Sequential(
            nn.Linear(config.n_embd, 4 * config.n_embd),
            nn.GELU(),
            nn.Linear(4 * config.n_embd, config.n_embd),
            nn.Dropout(config.resid_pdrop),
        )

    def forward(self, x):
        x = x + self.attn(self.ln1(x))
        x = x + self.mlp(self.ln2(x))
        return x


class GPT(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.n_embd))
        self.drop = nn.Dropout(config.embd_pdrop)
        self.perceiver = config.perceiver
        count = config.n_layer
        if self.perceiver:
            count -= 2
            self.down_block = perceiver.DownProjectBlock(config, config.bottleneck_dim)
            self.up_block = perceiver.UpProjectBlock(config)
        self.blocks = nn.Sequential(*(Block(config) for _ in range(count)))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.block_size = config.block_size

    def get_block_size(self):
        return self.block_size

    def forward(self, idx, targets=None):
        x_input = self.drop(self.tok_emb(idx) + self.pos_emb[:, : idx.size(1), :])
        if self.perceiver:
            x = self.up_block(self.blocks(self.down_block(x_input)), x_input)
        else:
            x = self.blocks(x_input)
        logits = self.head(self.ln_f(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=0)
