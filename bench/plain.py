"""The plain twin: the course's model and training step in their simplest spelling.

float32, every row padded to block_size - 1, explicit masked softmax, torch's own dropout, losses of
all positions. It is what `src/` is measured against (bench/train_step.py) and, number by number,
what the course's own program computes (tests/test_bench.py). Parameters carry the names of
`model.GPT`, so weights go from one to the other.

Shapes: B rows, T positions, C channels, H heads, D = C / H.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class PlainAttention(nn.Module):
    """softmax(masked scores) V, the scores from Q K^T / sqrt(D) or from the dense synthesizer."""

    def __init__(self, C: int, H: int, N: int, p: float, synthesizer: bool):
        super().__init__()
        self.heads, self.synthesizer = H, synthesizer
        if synthesizer:
            self.w1 = nn.Linear(C, C)
            self.w2 = nn.Parameter(torch.zeros(C // H, N - 1))
            self.b2 = nn.Parameter(torch.zeros(N - 1))
        else:
            self.key = nn.Linear(C, C)
            self.query = nn.Linear(C, C)
        self.value = nn.Linear(C, C)
        self.attn_drop, self.resid_drop = nn.Dropout(p), nn.Dropout(p)
        self.proj = nn.Linear(C, C)
        self.register_buffer("mask", torch.tril(torch.ones(1, 1, N, N)))

    def forward(self, x: Tensor) -> Tensor:
        B, T, C = x.shape

        def split(z: Tensor) -> Tensor:  # (B, T, C) -> (B, H, T, D)
            return z.view(B, T, self.heads, -1).transpose(1, 2)

        if self.synthesizer:
            scores = F.relu(split(self.w1(x))) @ self.w2[:, :T] + self.b2[:T]
        else:
            q, k = split(self.query(x)), split(self.key(x))
            scores = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(C // self.heads))
        scores = scores.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
        weights = self.attn_drop(torch.softmax(scores, dim=-1))
        joined = (weights @ split(self.value(x))).transpose(1, 2).reshape(B, T, C)
        return self.resid_drop(self.proj(joined))


class PlainBlock(nn.Module):
    def __init__(self, C: int, H: int, N: int, p: float, synthesizer: bool):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(C), nn.LayerNorm(C)
        self.attn = PlainAttention(C, H, N, p, synthesizer)
        self.mlp = nn.Sequential(
            nn.Linear(C, 4 * C), nn.GELU(), nn.Linear(4 * C, C), nn.Dropout(p)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        return x + self.mlp(self.ln2(x))


class PlainGPT(nn.Module):
    """`logits, loss = model(x, y)`; the loss is the mean over the targets that are not 0 (PAD)."""

    def __init__(
        self,
        vocab_size: int,
        block_size: int,
        n_layer: int = 4,
        n_head: int = 8,
        n_embd: int = 256,
        dropout: float = 0.1,
        synthesizer: bool = False,
    ):
        super().__init__()
        self.tok_emb = nn.Embedding(vocab_size, n_embd)
        self.pos_emb = nn.Parameter(torch.zeros(1, block_size, n_embd))
        self.drop = nn.Dropout(dropout)
        sizes = (n_embd, n_head, block_size, dropout, synthesizer)
        self.blocks = nn.Sequential(*(PlainBlock(*sizes) for _ in range(n_layer)))
        self.ln_f = nn.LayerNorm(n_embd)
        self.head = nn.Linear(n_embd, vocab_size, bias=False)

    def forward(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.drop(self.tok_emb(x) + self.pos_emb[:, : x.shape[1]])
        logits = self.head(self.ln_f(self.blocks(hidden)))
        return logits, F.cross_entropy(logits.flatten(0, 1), y.flatten(), ignore_index=0)


class PlainTraining:
    """The course's loop, one `step` at a time, with its schedule by positions seen."""

    def __init__(
        self,
        model: nn.Module,
        learning_rate: float,
        warmup_tokens: float,
        final_tokens: float,
        betas: tuple[float, float] = (0.9, 0.95),
        weight_decay: float = 0.1,
        grad_norm_clip: float = 1.0,
    ):
        named = list(model.named_parameters())
        groups = [
            {"params": [p for n, p in named if "bias" not in n], "weight_decay": weight_decay},
            {"params": [p for n, p in named if "bias" in n], "weight_decay": 0.0},
        ]
        self.model = model.train()
        self.optimizer = torch.optim.AdamW(groups, lr=learning_rate, betas=tuple(betas))
        self.learning_rate, self.grad_norm_clip = learning_rate, grad_norm_clip
        self.warmup_tokens, self.final_tokens = warmup_tokens, final_tokens
        self.tokens = 0

    def step(self, x: Tensor, y: Tensor) -> float:
        """One update on x, y (B, T); the loss before it."""
        _, loss = self.model(x, y)
        value = loss.item()
        self.model.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.grad_norm_clip)
        self.optimizer.step()
        self.tokens += y.numel()
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * self.lr_multiplier()
        return value

    def lr_multiplier(self) -> float:
        """Warm-up, then a cosine that comes back up after final_tokens; at least 10 %."""
        if self.tokens < self.warmup_tokens:
            return self.tokens / self.warmup_tokens
        span = max(1, self.final_tokens - self.warmup_tokens)
        progress = (self.tokens - self.warmup_tokens) / span
        return max(0.1, 0.5 * (1.0 + math.cos(math.pi * progress)))
