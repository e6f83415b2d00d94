"""The lab's own variants. "from-scratch": the GPT of src/ runs on functions of from_scratch.py.
"relu-query": vanilla with a nonlinearity on one of the projections. "mean-of-values": a control.

Importing this module registers them; then `GPTConfig(..., variant="from-scratch")` builds one.
Nothing in src/ is edited for it: this is how a lab brings a variant of its own.
"""

from torch import Tensor

from attention import VARIANTS, CausalSelfAttention, Variant, register
from base.packing import PackedRows, rows_of
from labs.mini_transformer import from_scratch as fs


class FromScratchAttention(CausalSelfAttention):
    """softmax(Q K^T / sqrt(D)) V, computed by eight of the eleven functions.

    The other three put these together, or make projections, which a layer of src/ does itself.
    Parameters and their initial weights are those of CausalSelfAttention, so that the two can be
    compared weight for weight.
    """

    def split(self, x: Tensor) -> Tensor:
        rows = rows_of(x)
        return fs.split_heads(x if rows is None else rows.pad(x), self.n_head)

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        n_embd = query.shape[-1] * self.n_head
        return fs.attn_scaled(fs.pairwise_similarities(query, past[0]), n_embd, self.n_head)

    def weights(self, scores: Tensor, start: int) -> Tensor:
        T, S = scores.shape[-2:]
        mask = fs.make_causal_mask(start + T)[start:, :S].to(scores.device)
        return fs.attn_softmax(fs.apply_causal_mask(mask, self.biased(scores, start)))

    def attend(self, weights: Tensor, value: Tensor, rows: PackedRows | None = None) -> Tensor:
        y = fs.merge_heads(fs.compute_outputs(self.attn_drop(weights), value))
        return self.resid_drop(self.proj(y if rows is None else rows.pack(y)))


class ReLUQueryAttention(CausalSelfAttention):
    """softmax(ReLU(Q) K^T / sqrt(D)) V: no query asks for the opposite of a key's channel."""

    def roles(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.key(x), self.query(x).relu(), self.value(x)


class MeanOfValues(CausalSelfAttention):
    """Queries and keys do not meet: every token takes the mean of the values so far."""

    def scores(self, query: Tensor, past: tuple[Tensor, ...]) -> Tensor:
        return 0 * super().scores(query, past)


ENTRIES = {
    "from-scratch": Variant(
        FromScratchAttention,
        summary="Vanilla, computed by the lab's own functions.",
        equation="softmax(Q K^T / sqrt(D)) V",
        paper="UW CSE 517, assignment 2",
    ),
    "relu-query": Variant(
        ReLUQueryAttention,
        summary="Vanilla with a ReLU on the queries.",
        equation="softmax(ReLU(Q) K^T / sqrt(D)) V",
        paper="UW CSE 517, assignment 2",
    ),
    "mean-of-values": Variant(
        MeanOfValues,
        summary="Every token takes the mean of the values so far: what attention adds to that.",
        equation="mean of V",
        paper="none: a control",
    ),
}


def ensure_registered() -> None:
    """Register those that are not in the registry yet."""
    for name, entry in ENTRIES.items():
        if name not in VARIANTS:
            register(name, entry)


ensure_registered()
