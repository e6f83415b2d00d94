"""Multi-head attention from scratch (UW CSE 517, assignment 2, section 2.1).

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of a head. All
functions take any leading dimensions; `mask[t, s]` is true where position t may look at s.
Held to torch.nn.functional.multi_head_attention_forward in tests/labs/test_from_scratch.py.
"""

import math

import torch
from torch import Tensor, nn


def init_qkv_proj(n_embd: int) -> tuple[nn.Linear, nn.Linear, nn.Linear]:
    """The projections of query, key and value, each from C channels to C."""
    return nn.Linear(n_embd, n_embd), nn.Linear(n_embd, n_embd), nn.Linear(n_embd, n_embd)


def pairwise_similarities(Q: Tensor, K: Tensor) -> Tensor:
    """Dot products A (..., T, S) of queries Q (..., T, D) and keys K (..., S, D)."""
    return Q @ K.transpose(-2, -1)


def attn_scaled(A: Tensor, n_embd: int, n_heads: int) -> Tensor:
    """A / sqrt(D): dot products of D unit normals then have variance 1."""
    return A / math.sqrt(n_embd / n_heads)


def attn_softmax(A: Tensor) -> Tensor:
    """Weights over the keys: every row of A sums to 1."""
    return A.softmax(dim=-1)


def compute_outputs(A: Tensor, V: Tensor) -> Tensor:
    """Means (..., T, D) of the values V (..., S, D) with weights A (..., T, S)."""
    return A @ V


def make_causal_mask(n_tok: int) -> Tensor:
    """(T, T) booleans: true where the key is not later than the query."""
    return torch.ones(n_tok, n_tok, dtype=torch.bool).tril()


def apply_causal_mask(mask: Tensor, A: Tensor) -> Tensor:
    """A with -inf where the mask is false; softmax turns that into a weight of exactly 0."""
    return A.masked_fill(mask == 0, -math.inf)


def split_heads(x: Tensor, n_heads: int) -> Tensor:
    """(B, T, C) to (B, H, T, D): head h has channels h D to (h + 1) D."""
    return x.unflatten(-1, (n_heads, -1)).transpose(-3, -2)


def split_heads_qkv(Q: Tensor, K: Tensor, V: Tensor, n_heads: int) -> tuple[Tensor, ...]:
    """All three, split."""
    return split_heads(Q, n_heads), split_heads(K, n_heads), split_heads(V, n_heads)


def merge_heads(y: Tensor) -> Tensor:
    """(B, H, T, D) back to (B, T, C)."""
    return y.transpose(-3, -2).flatten(-2)


def self_attention(
    Q: Tensor, K: Tensor, V: Tensor, n_heads: int = 1, causal: bool = True
) -> Tensor:
    """softmax(Q K^T / sqrt(D)) V in each head; (B, T, C) in and out, without output projection."""
    q, k, v = split_heads_qkv(Q, K, V, n_heads)
    A = attn_scaled(pairwise_similarities(q, k), Q.shape[-1], n_heads)
    if causal:
        A = apply_causal_mask(make_causal_mask(Q.shape[-2]).to(A.device), A)
    return merge_heads(compute_outputs(attn_softmax(A), v))
