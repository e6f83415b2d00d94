"""The Perceiver of the course's 2023 edition: a stack that works on few learned vectors.

Perceiver AR, arXiv 2202.07765, is where the cross-attention to a short causal latent array comes
from. Shapes as in core.py; m = bottleneck_dim latent vectors.
"""

import copy

import torch
from torch import Tensor, nn

from attention.block import Block
from attention.core import CausalSelfAttention, joined
from attention.registry import bottleneck, check_length


class CausalCrossAttention(CausalSelfAttention):
    """softmax(Q K^T / sqrt(D)) V with queries from one sequence, keys and values from another.

    2023 edition. Query i sees keys s <= i: the mask is the lower triangle, its rows cut to the
    queries and its columns to the keys. Names as in CausalSelfAttention. Time O(T_q T_kv C + (T_q +
    T_kv) C^2), memory O(H T_q T_kv).
    """

    inside = ()

    def forward(self, x_kv: Tensor, x_q: Tensor) -> Tensor:
        """x_kv (B, T_kv, C), x_q (B or 1, T_q, C) -> (B, T_q, C)."""
        return self.decode(x_kv, x_q, self.init_state(x_kv.shape[0], x_kv.device, x_kv.dtype))

    def init_state(self, batch: int, device, dtype) -> dict:
        return {"past": None, "queries": 0}

    def decode(self, x_kv: Tensor, x_q: Tensor, state: dict) -> Tensor:
        """Outputs of the next queries x_q, once the next keys and values x_kv are taken in."""
        start, end = state["queries"], state["queries"] + x_q.shape[1]
        check_length(self, max(x_kv.shape[1], end))
        state["queries"] = end
        if x_kv.shape[1]:
            new = self.split(self.key(x_kv)), self.split(self.value(x_kv))
            state["past"] = joined(state["past"], new)
        scores = self.scores(self.split(self.query(x_q)), state["past"])
        return self.attend(self.weights(scores, start), state["past"][-1])


class DownProjectBlock(Block):
    """Latent vectors read the input: c = C + attention(x, norm(C)), then c + MLP(norm(c)).

    2023 edition. `C` (1, m, C): the learned vectors, Xavier uniform. Latent i sees inputs s <= i,
    so inputs from m on are read by none. Latents beyond the input's end, which no output sees, are
    not computed.
    """

    def __init__(self, config):
        super().__init__(config, CausalCrossAttention)
        self.C = nn.Parameter(torch.empty(1, config.bottleneck_dim, config.n_embd))
        nn.init.xavier_uniform_(self.C)

    def forward(self, x_input: Tensor) -> Tensor:
        """(B, T, C) -> (B, min(T, m), C)."""
        state = self.init_state(x_input.shape[0], x_input.device, x_input.dtype)
        return self.decode(x_input, state)

    def decode(self, x_input: Tensor, state: dict) -> Tensor:
        """The latents (B, 0 .. T, C) that the next inputs (B, T, C) complete."""
        latents = self.C[:, state["queries"] : state["queries"] + x_input.shape[1]]
        if latents.shape[1] == 0:
            return x_input[:, :0]
        read = x_input[:, : latents.shape[1]]
        y = latents + self.attn.decode(read, self.ln1(latents), state)
        return y + self.mlp(self.ln2(y))


class UpProjectBlock(Block):
    """The input reads the latents y: x = x + attention(norm(y), x), then x + MLP(norm(x)).

    2023 edition. Input t sees latents i <= t.
    """

    def __init__(self, config):
        super().__init__(config, CausalCrossAttention)

    def forward(self, y: Tensor, x_input: Tensor) -> Tensor:
        """(B, m, C), (B, T, C) -> (B, T, C)."""
        state = self.init_state(x_input.shape[0], x_input.device, x_input.dtype)
        return self.decode(y, x_input, state)

    def decode(self, y: Tensor, x_input: Tensor, state: dict) -> Tensor:
        """Outputs of the next inputs, once the next latents are taken in."""
        x = x_input + self.attn.decode(self.ln1(y), x_input, state)
        return x + self.mlp(self.ln2(x))


class Perceiver(nn.Module):
    """The whole stack: m latents read the input, n_layer - 2 blocks work on them, the input reads
    them back (2023 edition; Perceiver AR, arXiv 2202.07765).

    `down_block`, `blocks`, `up_block` as in the 2023 edition. What token t >= m can know of the
    past is what the first m tokens left in the latents. Time O(T C^2 + T m C) beside the middle's
    O(m^2 C + m C^2) a layer, memory O(H T m); the state holds at most m positions, a step O(m C +
    C^2).
    """

    def __init__(self, config):
        super().__init__()
        config = with_bottleneck(config)
        self.max_length = config.block_size
        middle = copy.copy(config)
        middle.block_size, middle.positions = config.bottleneck_dim, "none"
        self.down_block = DownProjectBlock(config)
        self.blocks = nn.ModuleList(
            Block(middle, CausalSelfAttention) for _ in range(config.n_layer - 2)
        )
        self.up_block = UpProjectBlock(config)

    def forward(self, x: Tensor) -> Tensor:
        y = self.down_block(x)
        for block in self.blocks:
            y = block(y)
        return self.up_block(y, x)

    def init_state(self, batch: int, device, dtype) -> dict:
        where = (batch, device, dtype)
        return {
            "down": self.down_block.init_state(*where),
            "middle": [block.init_state(*where) for block in self.blocks],
            "up": self.up_block.init_state(*where),
        }

    def decode(self, x: Tensor, state: dict) -> Tensor:
        """Outputs of the positions x (B, T, C) after those in `state`, which takes them in."""
        y = self.down_block.decode(x, state["down"])
        if y.shape[1]:
            for block, inner in zip(self.blocks, state["middle"], strict=True):
                y = block.decode(y, inner)
        return self.up_block.decode(y, x, state["up"])


def with_bottleneck(config):
    """A copy of `config` with its bottleneck_dim. Raises ValueError for a stack too short."""
    if config.n_layer < 2:
        raise ValueError(
            f"a perceiver needs a block down and a block up, and n_layer is {config.n_layer}; "
            "choose 2 or more"
        )
    config = copy.copy(config)
    config.bottleneck_dim = bottleneck(config)
    return config


def perceiver_blocks(config) -> list[nn.Module]:
    return [Perceiver(config)]


def recognise_perceiver(state: dict[str, Tensor]) -> dict | None:
    """The latents show in `down_block.C` (1, m, C); both cross-attentions count as layers."""
    latents = state.get("blocks.0.down_block.C")
    if latents is None or latents.ndim != 3:
        return None
    inner = {name.split(".")[3] for name in state if name.startswith("blocks.0.blocks.")}
    return {"n_layer": len(inner) + 2, "bottleneck_dim": latents.shape[1]}


def our_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """State with the names of a perceiver's stack here, where it has the course's of 2023."""
    if "down_block.C" not in state:
        return state
    stack = ("down_block.", "blocks.", "up_block.")
    return {
        f"blocks.0.{name}" if name.startswith(stack) else name: value
        for name, value in state.items()
    }
