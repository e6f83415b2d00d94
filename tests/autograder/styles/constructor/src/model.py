"""GPT takes the attention class as an argument; GPTConfig knows nothing of it."""

import torch
import torch.nn.functional as F
from torch import nn

from attention import CausalSelfAttention


class GPTConfig:
    embd_pdrop = resid_pdrop = attn_pdrop = 0.1

    def __init__(self, vocab_size, block_size, **others):
        self.vocab_size, self.block_size = vocab_size, block_size
        self.__dict__.update(others)


class Block(nn.Module):
    def __init__(self, config, attention_class):
        super().__init__()
        width = config.n_embd
        self.ln1 = nn.LayerNorm(width)
        self.attn = attention_class(config)
        self.ln2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(config.resid_pdrop),
        )

    def forward(self, x):
        after_attention = x + self.attn(self.ln1(x))
        return after_attention + self.mlp(self.ln2(after_attention))


class GPT(nn.Module):
    def __init__(self, config, attention_class=CausalSelfAttention):
        super().__init__()
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.n_embd))
        self.drop = nn.Dropout(config.embd_pdrop)
        layers = [Block(config, attention_class) for _ in range(config.n_layer)]
        self.blocks = nn.Sequential(*layers)
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.config = config

    def get_block_size(self):
        return self.config.block_size

    def forward(self, idx, targets=None):
        length = idx.size(1)
        hidden = self.drop(self.tok_emb(idx) + self.pos_emb[:, :length])
        logits = self.head(self.ln_f(self.blocks(hidden)))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.permute(0, 2, 1), targets, ignore_index=0)
        return logits, loss
