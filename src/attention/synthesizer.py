"""Synthesizers: scores that no query meets a key for (Synthesizer, arXiv 2005.00743).

Shapes as in core.py; W = N - 1 is the width of their weights, which is what the datasets give.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention.core import CausalAttention, CausalSelfAttention
from attention.registry import check_heads, check_length, first_layer
from base.dropout import Dropout


class SynthesizerAttention(CausalAttention):
    """Dense synthesizer: softmax(ReLU(X A + b1) B + b2) V, masked (handout, equation 5).

    Synthesizer, arXiv 2005.00743, section 3.1. `w1`: A and b1 of all heads side by side; `w2`
    (D, W): B; `b2` (W): b2, both shared by the heads; `value`, `proj` as in CausalSelfAttention.
    The weights fix the widest input. Time O(T^2 C + T C^2), memory O(H T^2).
    """

    def __init__(self, config):
        super().__init__()
        width, size = config.block_size - 1, check_heads(config)
        self.build_scores(config, size, width)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.attn_drop = Dropout(config.attn_pdrop)
        self.resid_drop = Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.setup(config)
        self.max_length = width
        self.init_scores()

    def build_scores(self, config, size: int, width: int) -> None:
        self.w1 = nn.Linear(config.n_embd, config.n_embd)
        self.w2 = nn.Parameter(torch.zeros(size, width))
        self.b2 = nn.Parameter(torch.zeros(width))

    def init_scores(self) -> None:
        nn.init.uniform_(self.w2, -0.001, 0.001)

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        return F.relu(self.split(self.w1(x))), (self.split(self.value(x)),)

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        width = past[-1].shape[2]
        return query @ self.w2[:, :width] + self.b2[:width]


SYNTHESIZER_NAMES = {"mask", "w2", "b2"} | {
    f"{part}.{kind}" for part in ("w1", "value", "proj") for kind in ("weight", "bias")
}


def recognise_synthesizer(state: dict[str, Tensor]) -> dict | None:
    """The heads show in the height of `w2` (D, W)."""
    layer = first_layer(state)
    if layer.keys() != SYNTHESIZER_NAMES or layer["w2"].ndim != 2:
        return None
    return {"n_head": state["tok_emb.weight"].shape[1] // max(1, layer["w2"].shape[0])}



class FactorizedDenseSynthesizer(SynthesizerAttention):
    """Dense synthesizer from two short factors: score s is f(x)_(s // b) g(x)_(s mod b).

    Synthesizer, arXiv 2005.00743, section 3.2: f (a long) is tiled b times, element by element, g
    (b long) a times as a whole, and their product, a b >= W, is cut to W (8 x 16 for 127). f and g
    are linear in ReLU(X A + b1). `w1`: A and b1 of all heads; `wf` (D, a), `bf`, `wg` (D, b), `bg`:
    f and g, shared by the heads. Time O(T^2 H + T C (C + a + b)), memory O(H T^2).
    """

    def build_scores(self, config, size: int, width: int) -> None:
        a, b = factors(width)
        self.w1 = nn.Linear(config.n_embd, config.n_embd)
        self.wf, self.bf = nn.Parameter(torch.zeros(size, a)), nn.Parameter(torch.ones(a))
        self.wg, self.bg = nn.Parameter(torch.zeros(size, b)), nn.Parameter(torch.zeros(b))

    def init_scores(self) -> None:
        for weight in (self.wf, self.wg):
            nn.init.uniform_(weight, -0.001, 0.001)

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        f, g = query @ self.wf + self.bf, query @ self.wg + self.bg
        return (f[..., :, None] * g[..., None, :]).flatten(-2)[..., : past[-1].shape[2]]


def factors(width: int) -> tuple[int, int]:
    """a and b with a b >= width: a the largest power of two up to sqrt(width)."""
    a = 2 ** int(math.log2(math.isqrt(max(1, width))))
    return a, math.ceil(width / a)


class RandomSynthesizer(SynthesizerAttention):
    """Random synthesizer: softmax(R) V, masked; who looks where does not depend on the input.

    Synthesizer, arXiv 2005.00743, section 3.1. `r` (H, W, W): R of each head, normal(0, 1) at
    first, learned. Time O(T^2 C + T C^2), memory O(H T^2). Decoding needs no cache: as the weights
    are known, each position adds its share to all outputs to come: O(W C) a row, and once for all
    rows the softmax of R, O(H W^2), a step.
    """

    packs = False

    def build_scores(self, config, size: int, width: int) -> None:
        self.r = nn.Parameter(torch.randn(config.n_head, width, width))

    def init_scores(self) -> None:
        """R is drawn where it is built."""

    def table(self) -> Tensor:
        """R (H, W, W)."""
        return self.r

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        value = self.split(self.value(x))
        T = x.shape[1]
        rows = self.table()[:, start : start + T].expand(x.shape[0], -1, -1, -1)
        return rows, (value,)

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        return query[..., : past[-1].shape[2]]

    def init_state(self, batch: int, device, dtype) -> dict:
        """`sums` (B, H, W, D): what the positions seen give to each output."""
        size = self.proj.in_features // self.n_head
        shape = (batch, self.n_head, self.max_length, size)
        return {"length": 0, "sums": torch.zeros(shape, device=device, dtype=dtype)}

    def decode(self, x: Tensor, state: dict) -> Tensor:
        start, end = state["length"], state["length"] + x.shape[1]
        check_length(self, end)
        weights = self.weights(self.table()[None], 0)[..., start:end]
        state["sums"] = state["sums"] + weights @ self.split(self.value(x))
        state["length"] = end
        y = state["sums"][:, :, start:end].transpose(1, 2).flatten(2)
        return self.resid_drop(self.proj(y))


class FixedRandomSynthesizer(RandomSynthesizer):
    """Random synthesizer whose R stays as it was drawn (arXiv 2005.00743, section 3.1).

    `r` (H, W, W) is a buffer: it is saved, and does not learn. Cost as RandomSynthesizer.
    """

    def build_scores(self, config, size: int, width: int) -> None:
        self.register_buffer("r", torch.randn(config.n_head, width, width))


class FactorizedRandomSynthesizer(RandomSynthesizer):
    """Random synthesizer of rank k: R = R1 R2^T (arXiv 2005.00743, section 3.2; k = 8 as there).

    `r1`, `r2` (H, W, k), learned. 2 H W k parameters instead of H W^2; cost as RandomSynthesizer.
    """

    RANK = 8

    def build_scores(self, config, size: int, width: int) -> None:
        shape = (config.n_head, width, self.RANK)
        self.r1 = nn.Parameter(torch.randn(shape) * self.RANK**-0.25)
        self.r2 = nn.Parameter(torch.randn(shape) * self.RANK**-0.25)

    def table(self) -> Tensor:
        return self.r1 @ self.r2.transpose(-2, -1)


class MixtureSynthesizer(CausalSelfAttention):
    """Dense plus dot-product scores: softmax(m1 (ReLU(X A + b1) B + b2) + m2 Q K^T / sqrt(D)) V.

    Synthesizer, arXiv 2005.00743, section 3.3. `mix` (2): logits of the weights m = softmax(mix),
    equal at first; `w1`, `w2`, `b2` as in SynthesizerAttention, the rest as in CausalSelfAttention.
    Cost: both.
    """

    def build_projections(self, config) -> None:
        super().build_projections(config)
        size, width = config.n_embd // config.n_head, config.block_size - 1
        self.w1 = nn.Linear(config.n_embd, config.n_embd)
        self.w2 = nn.Parameter(torch.empty(size, width).uniform_(-0.001, 0.001))
        self.b2 = nn.Parameter(torch.zeros(width))
        self.mix = nn.Parameter(torch.zeros(2))

    def setup(self, config) -> None:
        super().setup(config)
        self.max_length = config.block_size - 1

    def project(self, x: Tensor, start: int) -> tuple[Tensor, tuple[Tensor, ...]]:
        query, past = super().project(x, start)
        return torch.cat((query, F.relu(self.split(self.w1(x)))), dim=-1), past

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        query, hidden = query.chunk(2, dim=-1)
        width = past[-1].shape[2]
        dense = hidden @ self.w2[:, :width] + self.b2[:width]
        m = self.mix.softmax(0)
        return m[0] * dense + m[1] * super().scores(query, past)
