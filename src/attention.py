"""Attention layers, and the one registry of variants.

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of a head,
N = block_size. Every layer maps (B, T, C) to (B, T, C) and is causal: output t depends on inputs
up to t only. For generation it makes its own state: `state = layer.init_state(batch, device,
dtype)`, then `layer.prefill(x, state)` for the prompt and `layer.step(x_t, state)` for one position
at a time; together they equal `layer(x)` on the whole sequence.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dropout import Dropout


def check_heads(config) -> None:
    """Raise ValueError unless the heads divide the channels."""
    if config.n_embd % config.n_head:
        raise ValueError(
            f"n_embd {config.n_embd} cannot be divided among n_head {config.n_head} heads; "
            "choose a multiple"
        )


class CausalAttention(nn.Module):
    """What softmax-like layers share: heads, the causal mask, dropouts, a cache of past positions.

    A subclass builds `value`, `attn_drop`, `resid_drop`, `proj` and whatever its scores need (in
    its own order, which fixes the random initial weights), and says how scores come from inputs:
    `features(x)` gives the tensors (B, H, T, D) that later positions will need of these ones, the
    values last; `scores(x, past, start)` the (B, H, T, start + T) scores of these positions
    against all so far, `past` being the features of all.
    """

    def setup(self, config) -> None:
        """Heads and mask: the buffer `mask` (1, 1, N, N) is 1 where position t may see s."""
        self.n_head = config.n_head
        self.max_length = config.block_size
        ones = torch.ones(config.block_size, config.block_size)
        self.register_buffer("mask", torch.tril(ones).view(1, 1, *ones.shape))

    def split(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, H, T, D)."""
        B, T, C = x.shape
        return x.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        raise NotImplementedError

    def scores(self, x: Tensor, past: tuple[Tensor, ...], start: int) -> Tensor:
        raise NotImplementedError

    def attend(self, scores: Tensor, value: Tensor, start: int) -> Tensor:
        """softmax(scores, masked) value, heads joined: (B, H, T, S), (B, H, S, D) -> (B, T, C)."""
        B, H, T, S = scores.shape
        scores = scores.masked_fill(self.mask[:, :, start : start + T, :S] == 0, float("-inf"))
        weights = self.attn_drop(F.softmax(scores, dim=-1))
        joined = (weights @ value).transpose(1, 2).contiguous().view(B, T, -1)
        return self.resid_drop(self.proj(joined))

    def check_length(self, length: int) -> None:
        if length > self.max_length:
            raise ValueError(
                f"{type(self).__name__} is {self.max_length} positions wide and cannot take "
                f"{length}; shorten the input or build the model with a larger block_size"
            )

    def forward(self, x: Tensor, layer_past=None) -> Tensor:
        self.check_length(x.shape[1])
        past = self.features(x)
        return self.attend(self.scores(x, past, 0), past[-1], 0)

    def init_state(self, batch: int, device, dtype) -> dict:
        """An empty cache: no position seen yet."""
        return {"past": None}

    def prefill(self, x: Tensor, state: dict) -> Tensor:
        """Outputs of the positions x (B, T, C) after those in `state`, which takes them in."""
        new = self.features(x)
        old = state["past"]
        start = 0 if old is None else old[-1].shape[2]
        self.check_length(start + x.shape[1])
        past = new if old is None else tuple(
            torch.cat(pair, dim=2) for pair in zip(old, new, strict=True)
        )
        state["past"] = past
        return self.attend(self.scores(x, past, start), past[-1], start)

    def step(self, x_t: Tensor, state: dict) -> Tensor:
        """Output of the one next position x_t (B, 1, C)."""
        return self.prefill(x_t, state)


class CausalSelfAttention(CausalAttention):
    """Multi-head attention: softmax(Q K^T / sqrt(D)) V, masked to the past (handout, equation 3).

    Attention Is All You Need, arXiv 1706.03762. `key`, `query`, `value`: W^K, W^Q, W^V of all heads
    side by side; `proj`: W^O. Time O(T^2 C + T C^2), memory O(H T^2).
    """

    def __init__(self, config):
        super().__init__()
        check_heads(config)
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = Dropout(config.attn_pdrop)
        self.resid_drop = Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.setup(config)

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        return self.split(self.key(x)), self.split(self.value(x))

    def scores(self, x: Tensor, past: tuple[Tensor, ...], start: int) -> Tensor:
        query, key = self.split(self.query(x)), past[0]
        return (query @ key.transpose(-2, -1)) * (1.0 / math.sqrt(key.size(-1)))


class SynthesizerAttention(CausalAttention):
    """Dense synthesizer: softmax(ReLU(X A + b1) B + b2) V, masked (handout, equation 5).

    Synthesizer, arXiv 2005.00743, section 3.1. `w1`: A and b1 of all heads side by side; `w2`
    (D, N - 1): B; `b2` (N - 1): b2, both shared by the heads; `value`, `proj` as in
    CausalSelfAttention. The weights fix the widest input: N - 1 positions, which is what the
    datasets give. Time O(T^2 C + T C^2), memory O(H T^2).
    """

    def __init__(self, config):
        super().__init__()
        check_heads(config)
        width = config.block_size - 1
        self.w1 = nn.Linear(config.n_embd, config.n_embd)
        self.w2 = nn.Parameter(torch.zeros(config.n_embd // config.n_head, width))
        self.b2 = nn.Parameter(torch.zeros(width))
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = Dropout(config.attn_pdrop)
        self.resid_drop = Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.setup(config)
        self.max_length = width
        nn.init.uniform_(self.w2, -0.001, 0.001)

    def features(self, x: Tensor) -> tuple[Tensor, ...]:
        return (self.split(self.value(x)),)

    def scores(self, x: Tensor, past: tuple[Tensor, ...], start: int) -> Tensor:
        width = start + x.shape[1]
        return F.relu(self.split(self.w1(x))) @ self.w2[:, :width] + self.b2[:width]


@dataclass(frozen=True)
class Variant:
    """An entry of the registry: the layer, its default positions, and, where a variant changes the
    stack of blocks itself, the function (config) -> list of blocks that builds it."""

    layer: type[nn.Module]
    positions: str = "learned"
    build_blocks: Callable | None = None


VARIANTS: dict[str, Variant] = {
    "vanilla": Variant(CausalSelfAttention),
    "synthesizer": Variant(SynthesizerAttention),
}


def variant_name(config) -> str:
    """The variant that `config` asks for: its `variant`, or a flag (`config.synthesizer = True`).

    Raises ValueError for a name that the registry does not have, or for two at once.
    """
    flags = [name for name in VARIANTS if getattr(config, name.replace("-", "_"), False)]
    name = getattr(config, "variant", None)
    names = flags + ([name] if name and name not in flags else [])
    if len(names) > 1:
        raise ValueError(f"the configuration asks for {' and '.join(names)}; choose one")
    name = names[0] if names else "vanilla"
    if name not in VARIANTS:
        raise ValueError(f"unknown variant {name!r}; choose one of {', '.join(VARIANTS)}")
    return name
