"""What softmax-like layers share, and the first of them, vanilla attention.

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of a head,
N = block_size, S positions seen so far.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention.positions import alibi_slopes, rotary_table, rotate
from attention.registry import check_heads, check_length, check_positions, first_layer
from base.dropout import Dropout
from base.packing import PackedRows, rows_of


class CausalAttention(nn.Module):
    """Heads, the causal mask, dropouts, positions inside, a cache of past positions.

    A subclass builds `attn_drop`, `resid_drop`, `proj` and whatever its scores need (in its own
    order, which fixes the random initial weights), calls `setup`, and says in two methods how
    scores come from inputs: `project(x, start)` gives the query side of these positions
    and the tensors (B, H, T, .) that later positions will need of them, the values last;
    `scores(query, past)` the (B, H, T, S) scores of these positions against all S so far, `past`
    being those tensors of all.
    """

    inside: tuple[str, ...] = ("alibi",)  # the positions that this layer can apply itself
    packs = True  # `project` takes packed inputs (N, C) too: only `split` asks for their shape

    def setup(self, config) -> None:
        """Heads, positions and mask: the buffer `mask` (1, 1, N, N) is 1 where t may see s."""
        self.n_head = config.n_head
        self.max_length = config.block_size
        ones = torch.ones(config.block_size, config.block_size)
        self.register_buffer("mask", torch.tril(ones).view(1, 1, *ones.shape))
        self.positions = check_positions(self, config)
        if self.positions == "rope":
            self.set_rotation(config)
        if self.positions == "alibi":
            slopes = alibi_slopes(config.n_head)
            self.register_buffer("slopes", slopes.view(-1, 1, 1), persistent=False)

    def set_rotation(self, config) -> None:
        table = rotary_table(config.block_size, check_heads(config))
        self.register_buffer("rope_cache", table)  # the 2024 edition's name

    def rotated(self, x: Tensor, start: int) -> Tensor:
        """x (B, H, T, D) turned by its positions from `start`, where the layer has rotary ones."""
        if not hasattr(self, "rope_cache"):
            return x
        return rotate(x, self.rope_cache[start : start + x.shape[2]])

    def split(self, x: Tensor) -> Tensor:
        """(B, T, C), or packed (N, C), -> (B, H, T, D)."""
        rows = rows_of(x)
        x = x if rows is None else rows.pad(x)
        B, T, C = x.shape
        return x.view(B, T, self.n_head, C // self.n_head).transpose(1, 2)

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        raise NotImplementedError

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        raise NotImplementedError

    def weights(self, scores: Tensor, start: int) -> Tensor:
        """How much each position takes of each: softmax of the scores, the future masked."""
        T, S = scores.shape[-2:]
        seen = self.mask[:, :, start : start + T, :S]
        future = torch.zeros_like(seen, dtype=scores.dtype).masked_fill_(seen == 0, float("-inf"))
        return F.softmax(self.biased(scores, start) + future, dim=-1)

    def biased(self, scores: Tensor, start: int) -> Tensor:
        """Scores less slope (t - s), where the layer has ALiBi positions."""
        if self.positions != "alibi":
            return scores
        T, S = scores.shape[-2:]
        t = torch.arange(start, start + T, device=scores.device)[:, None]
        distance = (t - torch.arange(S, device=scores.device)).to(scores.dtype)
        return scores - self.slopes * distance

    def attend(self, weights: Tensor, value: Tensor, rows: PackedRows | None = None) -> Tensor:
        """weights value, heads joined: (B, H, T, S), (B, H, S, D) -> (B, T, C), or packed."""
        y = (self.attn_drop(weights) @ value).transpose(1, 2).flatten(2)
        y = y if rows is None else rows.pack(y)
        return self.resid_drop(self.proj(y))

    def forward(self, x: Tensor, layer_past=None) -> Tensor:
        rows = rows_of(x)
        check_length(self, x.shape[1] if rows is None else rows.shape[1])
        query, past = self.project(x, 0)
        return self.attend(self.weights(self.scores(query, past), 0), past[-1], rows)

    def attention_map(self, x: Tensor) -> Tensor:
        """How much each position takes of each, (B, H, T, T), for inputs x (B, T, C)."""
        check_length(self, x.shape[1])
        query, past = self.project(x, 0)
        return self.weights(self.scores(query, past), 0)

    def init_state(self, batch: int, device, dtype) -> dict:
        """An empty cache: no position seen yet."""
        return {"past": None}

    def decode(self, x: Tensor, state: dict) -> Tensor:
        """Outputs of the positions x (B, T, C) after those in `state`, which takes them in."""
        start = 0 if state["past"] is None else state["past"][-1].shape[2]
        check_length(self, start + x.shape[1])
        query, new = self.project(x, start)
        past = state["past"] = joined(state["past"], new)
        return self.attend(self.weights(self.scores(query, past), start), past[-1])


def joined(old: tuple[Tensor, ...] | None, new: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """The tensors (B, H, S, .) of the positions so far with those (B, H, T, .) of the new ones."""
    if old is None:
        return new
    return tuple(torch.cat(pair, dim=2) for pair in zip(old, new, strict=True))


FUSED_ON = ("cuda",)  # kinds of devices where attention is one kernel, if a layer allows it


class CausalSelfAttention(CausalAttention):
    """Multi-head attention: softmax(Q K^T / sqrt(D)) V, masked to the past (handout, equation 3).

    Attention Is All You Need, arXiv 1706.03762. `key`, `query`, `value`: W^K, W^Q, W^V of all heads
    side by side; `proj`: W^O. Time O(T^2 C + T C^2), memory O(H T^2); a step O(T C + C^2).
    """

    inside = ("rope", "alibi")

    def __init__(self, config):
        super().__init__()
        check_heads(config)
        self.build_projections(config)
        self.attn_drop = Dropout(config.attn_pdrop)
        self.resid_drop = Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.setup(config)

    def build_projections(self, config) -> None:
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)

    def roles(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Key, query and value (B, T, C) of the inputs x (B, T, C)."""
        return self.key(x), self.query(x), self.value(x)

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        key, query, value = (self.split(part) for part in self.roles(x))
        return self.rotated(query, start), (self.rotated(key, start), value)

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        return (query @ past[0].transpose(-2, -1)) * (1.0 / math.sqrt(query.size(-1)))

    def forward(self, x: Tensor, layer_past=None) -> Tensor:
        if x.device.type in FUSED_ON and rows_of(x) is None and self.can_fuse():
            check_length(self, x.shape[1])
            return self.fused(*self.project(x, 0))
        return super().forward(x, layer_past)

    def can_fuse(self) -> bool:
        """Whether the weights are the plain ones: a causal softmax of scaled products, no bias."""
        methods = ("project", "scores", "biased", "weights", "attend")
        return self.positions != "alibi" and all(
            getattr(type(self), name) is getattr(CausalSelfAttention, name) for name in methods
        )

    def fused(self, query: Tensor, past: tuple[Tensor, Tensor]) -> Tensor:
        """What scores, weights and attend give, without a (T, T) matrix in memory."""
        p = self.attn_drop.p if self.training else 0.0
        y = F.scaled_dot_product_attention(query, *past, dropout_p=p, is_causal=True)
        return self.resid_drop(self.proj(y.transpose(1, 2).flatten(2)))


VANILLA_NAMES = {"mask"} | {
    f"{part}.{kind}" for part in ("key", "query", "value", "proj") for kind in ("weight", "bias")
}


def recognise_vanilla(state: dict[str, Tensor]) -> dict | None:
    return {} if first_layer(state).keys() == VANILLA_NAMES else None
