"""The GPT of the course: a minGPT with pre-norm blocks and an untied head.

A block, attention and then an MLP, is attention/block.py: some variants stack it in their own way.
Shapes: B batch, T positions, C channels, V vocabulary.
"""

import difflib
import math
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from attention import VARIANTS, Block, positions_name, sinusoids, variant_name
from base.dropout import Dropout
from base.packing import PackedRows, packed

IGNORE = 0  # the target (PAD) that carries no loss
COURSE_SIZES = {"n_layer": 4, "n_head": 8, "n_embd": 256, "block_size": 128}
TARGETS = 64  # the head's number of rows on a CPU is a multiple: each other number costs memory


@dataclass(init=False, eq=False)
class GPTConfig:
    """Every setting of a model; its fields are their only list. Defaults are the course's.

    `variant` names an entry of `attention.VARIANTS`, and a flag of that name (`config.synthesizer =
    True`) does too. As in the original, vocab_size and block_size may be given by position, and any
    other keyword is kept as an attribute; one that looks like a misspelt setting raises ValueError.
    """

    vocab_size: int
    block_size: int
    n_layer: int = COURSE_SIZES["n_layer"]
    n_head: int = COURSE_SIZES["n_head"]
    n_embd: int = COURSE_SIZES["n_embd"]
    embd_pdrop: float = 0.1
    resid_pdrop: float = 0.1
    attn_pdrop: float = 0.1
    variant: str | None = None  # vanilla, unless a flag says otherwise
    positions: str | None = None  # one of attention.POSITIONS, or the variant's own
    bottleneck_dim: int | None = None  # perceiver: latents; 32, or block_size where that is smaller
    aft_window: int = 32  # aft-local, aft-conv
    performer_features: int | None = None  # performer: twice the channels of a head
    performer_redraw: int = 1000  # performer: training passes between draws

    def __init__(self, vocab_size: int, block_size: int, **settings):
        names = [each.name for each in fields(self)]
        for name in names[2:]:
            setattr(self, name, getattr(type(self), name))  # a subclass may have its own defaults
        self.vocab_size, self.block_size = vocab_size, block_size
        for name, value in settings.items():
            near = difflib.get_close_matches(name, names, 1, cutoff=0.8)
            if near and name not in (*names, *VARIANTS) and not hasattr(type(self), name):
                raise ValueError(f"unknown setting {name!r}: did you mean {near[0]!r}?")
            setattr(self, name, value)


class GPT1Config(GPTConfig):
    """Sizes of a network like GPT-1, as in minGPT."""

    n_layer = 12
    n_head = 12
    n_embd = 768


class GPT(nn.Module):
    """Next-character model: `logits, loss = model(idx, targets)`."""

    ignore_index = IGNORE

    def __init__(self, config: GPTConfig):
        super().__init__()
        self.config = config
        self.variant = variant_name(config)
        self.block_size = config.block_size
        self.tok_emb = nn.Embedding(config.vocab_size, config.n_embd)
        self.positions = positions_name(config)
        if self.positions == "learned":
            self.pos_emb = nn.Parameter(torch.zeros(1, config.block_size, config.n_embd))
        elif self.positions == "sinusoidal":
            table = sinusoids(config.block_size, config.n_embd)
            self.register_buffer("pos_table", table, persistent=False)
        self.drop = Dropout(config.embd_pdrop)
        build = VARIANTS[self.variant].build_blocks or default_blocks
        self.blocks = nn.Sequential(*build(config))
        self.ln_f = nn.LayerNorm(config.n_embd)
        self.head = nn.Linear(config.n_embd, config.vocab_size, bias=False)
        self.apply(init_weights)
        self.max_length = min(self.block_size, *(block.max_length for block in self.blocks))

    def get_block_size(self) -> int:
        return self.block_size

    def configure_optimizers(self, train_config) -> torch.optim.AdamW:
        """The original's method: AdamW whose weight decay leaves out names with "bias".

        `train_config`: learning_rate, betas and weight_decay.
        """
        trained = [(name, p) for name, p in self.named_parameters() if p.requires_grad]
        decayed = [p for name, p in trained if "bias" not in name]
        groups = [
            {"params": decayed, "weight_decay": train_config.weight_decay},
            {"params": [p for name, p in trained if "bias" in name], "weight_decay": 0.0},
        ]
        return torch.optim.AdamW(groups, lr=train_config.learning_rate, betas=train_config.betas)

    def embed(self, idx: Tensor, start: int = 0) -> Tensor:
        """What the blocks read, (B, T, C): characters idx (B, T) and their positions from `start`.

        Raises ValueError where they reach beyond `max_length`.
        """
        end = start + idx.shape[1]
        if end > self.max_length:
            raise ValueError(
                f"{end} characters are too many for this model, which takes {self.max_length}"
            )
        x = self.tok_emb(idx)
        if self.positions == "learned":
            x = x + self.pos_emb[:, start:end]
        elif self.positions == "sinusoidal":
            x = x + self.pos_table[:, start:end]
        return self.drop(x)

    def hidden(self, idx: Tensor) -> Tensor:
        """Final normed channels (B, T, C) of the characters idx (B, T)."""
        return self.ln_f(self.blocks(self.embed(idx)))

    def forward(self, idx: Tensor, targets: Tensor | None = None):
        """Logits (B, T, V), and the mean cross-entropy over targets that are not PAD, or None."""
        logits = self.head(self.hidden(idx))
        loss = None
        if targets is not None:
            loss = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORE)
        return logits, loss

    def loss_sum(self, idx: Tensor, targets: Tensor) -> Tensor:
        """The sum of the cross-entropies over the targets that are not PAD.

        The same as `forward`'s loss times their number, with the head only where they are (on CPU;
        elsewhere everywhere, since asking where would make the host wait for the device).
        """
        if self.can_pack(idx):
            hidden, targets = self.packed_hidden(idx, targets)
        else:
            hidden, targets = self.hidden(idx).flatten(0, 1), targets.flatten()
        if idx.device.type == "cpu":
            pad = targets == IGNORE
            count = len(pad) - int(pad.sum())
            rows = pad.argsort(stable=True)[: math.ceil(count / TARGETS) * TARGETS]
            hidden, targets = hidden[rows], targets[rows]
        return F.cross_entropy(self.head(hidden), targets, ignore_index=IGNORE, reduction="sum")

    def can_pack(self, idx: Tensor) -> bool:
        """Whether to leave padding out of the blocks: on a CPU, where it pays, and in full
        precision, where it changes a loss by float32's rounding alone."""
        return (
            idx.device.type == "cpu"
            and not torch.is_autocast_enabled("cpu")
            and not torch.compiler.is_compiling()
            and all(isinstance(block, Block) for block in self.blocks)
            and all(getattr(module, "causal", True) for module in self.modules())
        )

    def packed_hidden(self, idx: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """`hidden`, (N, C), of the positions up to each row's last target, and their targets (N,).

        Nothing that carries loss sees the others, as the attention is causal.
        """
        T = idx.shape[1]
        last = (targets != IGNORE) * torch.arange(1, T + 1)
        rows = PackedRows(last.amax(1), T)
        with packed(rows):
            x = rows.pack(self.embed(idx))
            return self.ln_f(self.blocks(x)), targets.flatten()[rows.index]


def default_blocks(config: GPTConfig) -> list[Block]:
    return [Block(config) for _ in range(config.n_layer)]


def init_weights(module: nn.Module) -> None:
    """Linear and Embedding weights normal(0, 0.02), biases 0, LayerNorm 1 and 0."""
    if isinstance(module, (nn.Linear, nn.Embedding)):
        module.weight.data.normal_(mean=0.0, std=0.02)
        if isinstance(module, nn.Linear) and module.bias is not None:
            module.bias.data.zero_()
    elif isinstance(module, nn.LayerNorm):
        module.bias.data.zero_()
        module.weight.data.fill_(1.0)
