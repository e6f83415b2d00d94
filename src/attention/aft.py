"""Attention Free Transformers (arXiv 2105.14103): a weighted mean of values for each channel.

Y_t = sigmoid(Q_t) * sum_{s<=t} exp(K_s + w_{t,s}) * V_s / sum_{s<=t} exp(K_s + w_{t,s}), products
and quotient channel by channel; w is what the four variants differ in. Their weights are not
dropped, so `attn_pdrop` says nothing here.

Shapes: B batch, T positions, C channels, N = block_size, S positions at hand, G groups of channels
with a w of their own (1, or the heads in aft-conv).
"""

import torch
from torch import Tensor, nn

from attention.registry import check_heads, check_length, check_positions
from base.dropout import Dropout

LARGEST = 40.0  # exponents beyond are cut, so that sums of exp(K + w) stay finite and above 0


def safe_exp(x: Tensor) -> Tensor:
    """exp(x), in float32 at least, with x held to +-LARGEST."""
    return at_least_float32(x).clamp(-LARGEST, LARGEST).exp()


def at_least_float32(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


class AFTSimple(nn.Module):
    """AFT-simple: w = 0 (arXiv 2105.14103, section 3.2), and what all AFTs share.

    `key`, `query`, `value`: W^K, W^Q, W^V; `proj`: an output projection, as in CausalSelfAttention.
    Time O(T^2 C + T C^2) as one product with a triangle of ones, memory O(T^2 + T C); the state is
    two sums (C), a decoding step O(C^2).

    `window` is how far back w reaches: for older positions it is 0, so their terms are kept as a
    sum. A subclass says w in `log_weights`.
    """

    inside: tuple[str, ...] = ()
    groups = 1

    def __init__(self, config):
        super().__init__()
        check_heads(config)
        self.key = nn.Linear(config.n_embd, config.n_embd)
        self.query = nn.Linear(config.n_embd, config.n_embd)
        self.value = nn.Linear(config.n_embd, config.n_embd)
        self.resid_drop = Dropout(config.resid_pdrop)
        self.proj = nn.Linear(config.n_embd, config.n_embd)
        self.max_length = config.block_size
        self.window = 0
        check_positions(self, config)
        self.build_bias(config)

    def build_bias(self, config) -> None:
        """The parameters of w, and `window`."""

    def log_weights(self, t: Tensor, s: Tensor) -> Tensor:
        """w_{t,s} (G or 1, T, S) of positions t (T, 1) and s (1, S), where t - s is in the window;
        anything elsewhere."""
        return torch.zeros((), device=t.device)

    def weights(self, start: int, first: int, end: int, device) -> Tensor:
        """exp(w_{t,s}), 0 where s > t, for t = start .. end - 1 and s = first .. end - 1."""
        t = torch.arange(start, end, device=device)[:, None]
        s = torch.arange(first, end, device=device)[None]
        near = (t - s >= 0) & (t - s < self.window)
        w = safe_exp(self.log_weights(t, s).masked_fill(~near, 0.0))
        return w * (s <= t)

    def forward(self, x: Tensor, layer_past=None) -> Tensor:
        return self.decode(x, self.init_state(x.shape[0], x.device, x.dtype))

    def init_state(self, batch: int, device, dtype) -> dict:
        """Terms (B, 2, G, ., C/G) of numerator, denominator: `older` summed, `recent` in full."""
        size = self.proj.in_features // self.groups
        dtype = torch.promote_types(dtype, torch.float32)
        recent = torch.zeros((batch, 2, self.groups, 0, size), device=device, dtype=dtype)
        return {"length": 0, "older": recent.sum(3, keepdim=True), "recent": recent}

    def decode(self, x: Tensor, state: dict) -> Tensor:
        """Outputs of the positions x (B, T, C) after those in `state`, which takes them in."""
        start, end = state["length"], state["length"] + x.shape[1]
        check_length(self, end)
        key = safe_exp(self.key(x))
        terms = torch.stack((key * self.value(x), key), dim=1)
        terms = terms.unflatten(-1, (self.groups, -1)).transpose(2, 3)
        recent = torch.cat((state["recent"], terms), dim=3)
        S = recent.shape[3]
        weights = self.weights(start, end - S, end, x.device).to(recent.dtype)
        numerator, denominator = (weights @ recent + state["older"]).unbind(1)
        leave = max(0, S - max(0, self.window - 1))
        state["older"] = state["older"] + recent[:, :, :, :leave].sum(3, keepdim=True)
        state["recent"], state["length"] = recent[:, :, :, leave:], end
        mean = (numerator / denominator).transpose(1, 2).flatten(2)
        y = torch.sigmoid(self.query(x)) * mean.to(x.dtype)
        return self.resid_drop(self.proj(y))


class AFTFull(AFTSimple):
    """AFT-full: w_{t,s} free (arXiv 2105.14103, section 3.1).

    `w` (N, N): the biases of pairs of positions, 0 at first (the paper writes w as a product of two
    short factors where N is large). Time O(T^2 C + T C^2), memory O(N^2 + T C); as w differs for
    every pair, decoding keeps the terms of all positions: O(T C) a step.
    """

    def build_bias(self, config) -> None:
        self.window = config.block_size
        self.w = nn.Parameter(torch.zeros(config.block_size, config.block_size))

    def log_weights(self, t: Tensor, s: Tensor) -> Tensor:
        return self.w[t, s]


class AFTLocal(AFTFull):
    """AFT-local: w_{t,s} free where t - s < window, 0 farther back (arXiv 2105.14103, section 3.2).

    `config.aft_window` positions, 32 unless it says otherwise (all, where N is smaller). `w` (N,
    window): the bias of position t for s = t - j in [t, j], 0 at first. Time and memory of the full
    pass as AFT-full; the state is a sum and a window: O(window C) a step.
    """

    def build_bias(self, config) -> None:
        self.window = min(config.block_size, config.aft_window)
        self.w = nn.Parameter(torch.zeros(config.block_size, self.window))

    def log_weights(self, t: Tensor, s: Tensor) -> Tensor:
        return self.w[t, (t - s).clamp(0, self.window - 1)]


class AFTConv(AFTSimple):
    """AFT-conv: w_{t,s} = w_{t-s}, a causal convolution for each head, 0 beyond the kernel.

    arXiv 2105.14103, section 3.3, in one dimension and causal. `w` (H, kernel): the bias of a head
    for s = t - j in [., j], 0 at first; the kernel is `config.aft_window` wide, as in AFTLocal.
    Time O(T^2 C + T C^2), memory O(H T^2 + T C); the state is a sum and a window: O(kernel C) a
    step.
    """

    def build_bias(self, config) -> None:
        self.groups = config.n_head
        self.window = min(config.block_size, config.aft_window)
        self.w = nn.Parameter(torch.zeros(config.n_head, self.window))

    def log_weights(self, t: Tensor, s: Tensor) -> Tensor:
        return self.w[:, (t - s).clamp(0, self.window - 1)]
