"""Attention in linear time: what the past gives is a sum that does not grow.

Shapes as in core.py; M features of a head. Sums are kept in float32 at least. There is no matrix of
weights to drop entries of, so `attn_pdrop` says nothing here.
"""

import math

import torch
from torch import Tensor, nn

from attention.aft import at_least_float32, safe_exp
from attention.registry import check_heads, check_length, check_positions
from base.dropout import Dropout

CHUNK = 128  # positions that meet each other in a (T, T) matrix; the rest of the past comes as sums


class PrefixAttention(nn.Module):
    """Projections, heads, and the walk through the positions in chunks with a state of sums.

    A subclass gives `init_state` and `absorb(x, state)`: outputs before the projection, (B, H, T,
    D), of at most CHUNK positions after those in `state`, which takes them in.
    """

    inside: tuple[str, ...] = ()

    def __init__(self, config):
        super().__init__()
        self.head_size = check_heads(config)
        self.n_head = config.n_head
        self.max_length = config.block_size
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.resid_drop = Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        check_positions(self, config)

    def init_state(self, batch: int, device, dtype) -> dict:
        raise NotImplementedError

    def absorb(self, x: Tensor, state: dict) -> Tensor:
        raise NotImplementedError

    def roles(self, x: Tensor) -> tuple[Tensor, ...]:
        """Query, key and value of each head, (B, H, T, D), in float32 at least."""
        parts = (self.query(x), self.key(x), self.value(x))
        return tuple(
            at_least_float32(part).unflatten(-1, (self.n_head, -1)).transpose(1, 2)
            for part in parts
        )

    def zeros(self, batch: int, device, dtype, *shape: int) -> Tensor:
        """A sum (B, H, *shape) of nothing."""
        dtype = torch.promote_types(dtype, torch.float32)
        return torch.zeros((batch, self.n_head, *shape), device=device, dtype=dtype)

    def forward(self, x: Tensor, layer_past=None) -> Tensor:
        return self.decode(x, self.init_state(x.shape[0], x.device, x.dtype))

    def decode(self, x: Tensor, state: dict) -> Tensor:
        """Outputs of the positions x (B, T, C) after those in `state`, which takes them in."""
        check_length(self, state["length"] + x.shape[1])
        state["length"] += x.shape[1]
        y = torch.cat([self.absorb(part, state) for part in x.split(CHUNK, dim=1)], dim=2)
        return self.resid_drop(self.proj(y.transpose(1, 2).flatten(2).to(x.dtype)))


class LinearAttention(PrefixAttention):
    """phi(q_t) sum_{s<=t} phi(k_s)^T v_s / phi(q_t) . sum_{s<=t} phi(k_s), phi = elu + 1.

    Transformers are RNNs, arXiv 2006.16236, equations 9 to 12. `key`, `query`, `value`, `proj` as
    in CausalSelfAttention; `pairs` and `keys` are the paper's S and Z. Time O(T (CHUNK + D) C + T
    C^2), memory O(T CHUNK H); the state is C D + C numbers, a step O(C D + C^2).
    """

    def features(self, x: Tensor, is_query: bool) -> Tensor:
        """phi of queries or keys (B, H, T, D) -> (B, H, T, M); the exponential keeps it above 0."""
        return torch.where(x > 0, x + 1, safe_exp(x.clamp(max=0)))

    def feature_count(self) -> int:
        return self.head_size

    def init_state(self, batch: int, device, dtype) -> dict:
        M, D = self.feature_count(), self.head_size
        pairs = self.zeros(batch, device, dtype, M, D)
        keys = self.zeros(batch, device, dtype, M, 1)
        return {"length": 0, "pairs": pairs, "keys": keys}

    def absorb(self, x: Tensor, state: dict) -> Tensor:
        query, key, value = self.roles(x)
        query, key = self.features(query, True), self.features(key, False)
        near = torch.tril(query @ key.transpose(-2, -1))
        numerator = near @ value + query @ state["pairs"]
        denominator = near.sum(-1, keepdim=True) + query @ state["keys"]
        state["pairs"] = state["pairs"] + key.transpose(-2, -1) @ value
        state["keys"] = state["keys"] + key.sum(2)[..., None]
        return numerator / denominator


class PerformerAttention(LinearAttention):
    """FAVOR+: linear attention whose features estimate softmax attention without bias.

    Performers, arXiv 2009.14794: phi(x) = exp(omega x - |x|^2 / 2) / sqrt(M) for x = q / D^(1/4)
    and k / D^(1/4), so that E[phi(q) . phi(k)] = exp(q . k / sqrt(D)). `omega` (M, D): Gaussian
    rows, orthogonal within each D of them, M = `config.performer_features` (2 D unless it says
    otherwise); drawn anew every `config.performer_redraw` training passes (1000), counted in
    `passes`. 1 / sqrt(M) and each query's largest exponent cancel in the quotient. Time and memory
    as LinearAttention, with M for D.
    """

    recordable = False  # see training/device.py: `count_pass` draws new features now and then

    def __init__(self, config):
        super().__init__(config)
        features = config.performer_features or 2 * self.head_size
        self.redraw_every = config.performer_redraw
        self.register_buffer("omega", orthogonal_features(features, self.head_size))
        self.register_buffer("passes", torch.zeros((), dtype=torch.long))
        self.counted = (id(self.passes), 0, 0)  # see count_pass

    def features(self, x: Tensor, is_query: bool) -> Tensor:
        x = x * self.head_size**-0.25
        exponents = x @ self.omega.to(x.dtype).T - x.square().sum(-1, keepdim=True) / 2
        if is_query:
            exponents = exponents - exponents.amax(-1, keepdim=True)
        return safe_exp(exponents)

    def feature_count(self) -> int:
        return self.omega.shape[0]

    def forward(self, x: Tensor, layer_past=None) -> Tensor:
        if self.training:
            self.count_pass()
        return super().forward(x)

    @torch.compiler.disable
    def count_pass(self) -> None:
        """Draw new features when their time has come: a function of the passes made alone.

        `counted`: which tensor `passes` was, its version and its value after the last count here. A
        number on the device is read only where somebody else has changed it since, by loading
        params say: reading makes the program wait for a GPU.
        """
        tensor, version, count = self.counted
        if (tensor, version) != (id(self.passes), self.passes._version):
            count = int(self.passes)
        self.passes += 1
        self.counted = (id(self.passes), self.passes._version, count + 1)
        if (count + 1) % self.redraw_every == 0:
            self.omega.copy_(orthogonal_features(*self.omega.shape))


def orthogonal_features(count: int, size: int) -> Tensor:
    """`count` Gaussian rows of `size`, orthogonal to each other within each `size` of them.

    Every row alone is normal: the Q of a QR decomposition is uniform over the rotations only with
    the signs that make R's diagonal positive (Mezzadri, arXiv math-ph/0609050).
    """
    Q, R = torch.linalg.qr(torch.randn(math.ceil(count / size), size, size))
    rows = (Q * R.diagonal(dim1=1, dim2=2).sign()[:, None]).transpose(1, 2).flatten(0, 1)[:count]
    return rows * torch.randn(count, size).norm(dim=1, keepdim=True)


class FastformerAttention(PrefixAttention):
    """Additive attention with a global query and a global key, each over the past only.

    Fastformer, arXiv 2108.09084, made causal by prefix softmax: a_s = exp(w_q . q_s / sqrt(D));
    q'_t = sum_{s<=t} a_s q_s / sum_{s<=t} a_s; p_s = q'_s * k_s; b_s = exp(w_k . p_s / sqrt(D));
    k'_t the same mean of p; Y_t = W (k'_t * v_t) + q_t. `wq`, `wk` (H, D): the paper's w_q, w_k;
    `proj`: W. Time O(T C^2), memory O(T C); the state is 2 C + 2 H numbers, a step O(C^2).
    """

    def __init__(self, config):
        super().__init__(config)
        self.wq = nn.Parameter(0.02 * torch.randn(self.n_head, self.head_size))
        self.wk = nn.Parameter(0.02 * torch.randn(self.n_head, self.head_size))

    def init_state(self, batch: int, device, dtype) -> dict:
        shape = (1, self.head_size + 1)  # a weighted sum, and the sum of the weights
        sums = {name: self.zeros(batch, device, dtype, *shape) for name in ("query", "key")}
        return {"length": 0} | sums

    def absorb(self, x: Tensor, state: dict) -> Tensor:
        query, key, value = self.roles(x)
        pairs = self.prefix_mean(query, self.wq, state, "query") * key
        return self.prefix_mean(pairs, self.wk, state, "key") * value

    def prefix_mean(self, x: Tensor, w: Tensor, state: dict, name: str) -> Tensor:
        """Means of x (B, H, T, D) over the past, weighted by exp(w . x / sqrt(D))."""
        weight = safe_exp(x @ w.to(x.dtype)[..., None] / math.sqrt(self.head_size))
        sums = state[name] + torch.cumsum(torch.cat((weight * x, weight), dim=-1), dim=2)
        state[name] = sums[:, :, -1:]
        return sums[..., :-1] / sums[..., -1:]

    def decode(self, x: Tensor, state: dict) -> Tensor:
        return super().decode(x, state) + self.resid_drop(self.query(x))
