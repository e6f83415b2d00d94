"""A block of the stack: attention and MLP, each after a norm and beside the stream."""

from torch import Tensor, nn

from attention.registry import VARIANTS, variant_name
from base.dropout import Dropout
from base.packing import rows_of


class Block(nn.Module):
    """x + attention(norm(x)), then x + MLP(norm(x)), the MLP four times as wide as the channels.

    The attention is that of the configuration's variant, or of the class `layer`.
    """

    def __init__(self, config, layer: type[nn.Module] | None = None):
        super().__init__()
        self.ln1 = nn.LayerNorm(config.n_embd)
        self.ln2 = nn.LayerNorm(config.n_embd)
        self.attn = (layer or VARIANTS[variant_name(config)].layer)(config)
        self.mlp = nn.Sequential(
            nn.Linear(config.n_embd, 4 * config.n_embd),
            nn.GELU(),
            nn.Linear(4 * config.n_embd, config.n_embd),
            Dropout(config.resid_pdrop),
        )

    @property
    def max_length(self) -> int:
        """The most positions that the attention takes."""
        return self.attn.max_length

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, C) -> (B, T, C); or packed, (N, C) -> (N, C)."""
        normed, rows = self.ln1(x), rows_of(x)
        if rows is None or getattr(self.attn, "packs", False):
            x = x + self.attn(normed)
        else:
            x = x + rows.pack(self.attn(rows.pad(normed)))
        return x + self.mlp(self.ln2(x))

    def init_state(self, batch: int, device, dtype) -> dict:
        """The state of the attention before the first position."""
        return self.attn.init_state(batch, device, dtype)

    def decode(self, x: Tensor, state: dict) -> Tensor:
        """Outputs (B, T, C) of the positions x after those in `state`, which takes them in."""
        x = x + self.attn.decode(self.ln1(x), state)
        return x + self.mlp(self.ln2(x))
