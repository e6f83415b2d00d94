"""Relatives of vanilla attention: other roles for the projections, other scores, other masks.

Shapes as in core.py. Unless a docstring says otherwise, the cost is vanilla's.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from attention.core import VANILLA_NAMES, CausalSelfAttention
from attention.registry import first_layer


class RotarySelfAttention(CausalSelfAttention):
    """Vanilla attention of rotated queries and keys: softmax((R_t q_t)^T (R_s k_s) / sqrt(D)) V.

    RoFormer (RoPE), arXiv 2104.09864; the course's 2024 edition. R_t turns channels (2i - 1, 2i) of
    a head by t 10000^(-2(i-1)/D), so that a score depends on t - s only. `rope_cache`: the cosines
    and sines (N, D/2, 2). No parameters of its own; O(T C) more time than vanilla.
    """

    def setup(self, config) -> None:
        super().setup(config)
        self.set_rotation(config)


def recognise_rotary(state: dict[str, Tensor]) -> dict | None:
    """The heads show in the width of `rope_cache` (N, D/2, 2)."""
    layer = first_layer(state)
    if layer.keys() != VANILLA_NAMES | {"rope_cache"} or layer["rope_cache"].ndim != 3:
        return None
    channels = state["tok_emb.weight"].shape[1]
    return {"n_head": channels // max(1, 2 * layer["rope_cache"].shape[1])}


class SharedQKAttention(CausalSelfAttention):
    """Vanilla with one projection for query and key: softmax(K K^T / sqrt(D)) V.

    UW CSE 517, assignment 2, part 2.2. `key`: the shared W^Q = W^K. Scores are symmetric.
    """

    def build_projections(self, config) -> None:
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)

    def roles(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key = self.key(x)
        return key, key, self.value(x)


class SharedKVAttention(CausalSelfAttention):
    """Vanilla with one projection for key and value: softmax(Q K^T / sqrt(D)) K.

    UW CSE 517, assignment 2, part 2.2. `key`: the shared W^K = W^V.
    """

    def build_projections(self, config) -> None:
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)

    def roles(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key = self.key(x)
        return key, self.query(x), key


class SharedQKVAttention(CausalSelfAttention):
    """Vanilla with one projection for all roles: softmax(K K^T / sqrt(D)) K.

    UW CSE 517, assignment 2, part 2.2. `key`: the shared W^Q = W^K = W^V.
    """

    def build_projections(self, config) -> None:
        self.key = nn.Linear(config.n_embd, config.n_embd)

    def roles(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        key = self.key(x)
        return key, key, key


class MLPAttention(CausalSelfAttention):
    """Vanilla with Linear, GELU, Linear for each of Q, K and V.

    UW CSE 517, assignment 2, part 2.2. `key`, `query`, `value`: the three networks, C wide within.
    Three more C x C products than vanilla.
    """

    def build_projections(self, config) -> None:
        C = config.n_embd
        for role in ("key", "query", "value"):
            setattr(self, role, nn.Sequential(nn.Linear(C, C), nn.GELU(), nn.Linear(C, C)))


class CosineAttention(CausalSelfAttention):
    """softmax(tau cos(Q, K)) V: the scores do not grow with the length of query and key.

    UW CSE 517, assignment 2, part 2.2 ("a different, custom operation"); Query-Key Normalization,
    arXiv 2010.04245. `tau` (H, 1, 1): the learned scale of each head, 10 at first.
    """

    def build_projections(self, config) -> None:
        super().build_projections(config)
        self.tau = nn.Parameter(torch.full((config.n_head, 1, 1), 10.0))

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        query, key = F.normalize(query, dim=-1), F.normalize(past[0], dim=-1)
        return self.tau * (query @ key.transpose(-2, -1))


class EuclideanAttention(CausalSelfAttention):
    """softmax(-|q - k|^2 / sqrt(D)) V: near keys count, whatever their length.

    UW CSE 517, assignment 2, part 2.2 ("a different, custom operation"). Computed as
    2 q k^T - |q|^2 - |k|^2, without a (T, T, D) tensor.
    """

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        key = past[0]
        squares = query.square().sum(-1)[..., :, None] + key.square().sum(-1)[..., None, :]
        return (2 * (query @ key.transpose(-2, -1)) - squares) / math.sqrt(query.size(-1))


class AdditiveAttention(CausalSelfAttention):
    """softmax(v^T tanh(W [q; k])) V.

    UW CSE 517, assignment 2, part 2.2 ("a different, custom operation"); Bahdanau et al., arXiv
    1409.0473. `wide` (D, 2D) and `v` (D): W and v, shared by the heads. Time O(T^2 C + T C^2),
    memory O(H T^2 D); in training the hidden layer is computed again for the gradient, so that only
    one layer's stands in memory at a time.
    """

    inside = ("alibi",)  # tanh undoes what rotations promise: scores of differences only

    def build_projections(self, config) -> None:
        super().build_projections(config)
        D = config.n_embd // config.n_head
        self.wide = nn.Parameter(torch.randn(D, 2 * D) / math.sqrt(2 * D))
        self.v = nn.Parameter(torch.randn(D) / math.sqrt(D))

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        w_query, w_key = self.wide.chunk(2, dim=1)
        pair = query @ w_query.T, past[0] @ w_key.T
        if self.training and torch.is_grad_enabled():
            return checkpoint(self.hidden_scores, *pair, use_reentrant=False)
        return self.hidden_scores(*pair)

    def hidden_scores(self, query: Tensor, key: Tensor) -> Tensor:
        return torch.tanh(query[..., :, None, :] + key[..., None, :, :]) @ self.v


class ZeroAfterSoftmaxAttention(CausalSelfAttention):
    """Vanilla masked too late: softmax over all positions, then 0 for the future. It is wrong.

    UW CSE 517, assignment 2, part 2.2. The future still stands in the softmax's denominator, so
    that output t changes with inputs after t, and the weights of a row sum to less than 1. In
    generation the future is not there: a step gives what a full pass over the positions so far
    gives at the last of them, while earlier outputs stay as they were (a full pass moves them too).
    """

    causal = False  # read by decode.py: nothing of the past can be kept

    def weights(self, scores: Tensor, start: int) -> Tensor:
        T, S = scores.shape[-2:]
        seen = self.mask[:, :, start : start + T, :S]
        return F.softmax(self.biased(scores, start), dim=-1) * seen
