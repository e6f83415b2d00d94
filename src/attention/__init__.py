"""Attention layers, and the one registry of variants.

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of a head,
N = block_size. Every layer maps (B, T, C) to (B, T, C), takes at most `max_length` positions and is
causal: output t depends on inputs up to t only. For generation it makes its own state: `state =
layer.init_state(batch, device, dtype)`, then `layer.prefill(x, state)` for the prompt and
`layer.step(x_t, state)` for one position at a time; together they equal `layer(x)` on the whole
sequence. The state knows how many positions it has seen, so rotations and biases go on from there;
all its tensors have the batch first, so that rows of it can be chosen.

A new variant is a class (most derive from CausalSelfAttention and override `roles` or `scores`) and
a line below; the command line, the tests, the study and the benchmarks read it from there.
"""

from attention.aft import AFTConv, AFTFull, AFTLocal, AFTSimple
from attention.block import Block
from attention.core import CausalAttention, CausalSelfAttention
from attention.linear import FastformerAttention, LinearAttention, PerformerAttention
from attention.perceiver import (
    CausalCrossAttention,
    DownProjectBlock,
    Perceiver,
    UpProjectBlock,
    perceiver_blocks,
)
from attention.positions import sinusoids
from attention.registry import (
    POSITIONS,
    VARIANTS,
    Variant,
    bottleneck,
    check_heads,
    positions_name,
    variant_name,
)
from attention.softmax import (
    AdditiveAttention,
    CosineAttention,
    EuclideanAttention,
    MLPAttention,
    RotarySelfAttention,
    SharedKVAttention,
    SharedQKAttention,
    SharedQKVAttention,
    ZeroAfterSoftmaxAttention,
)
from attention.synthesizer import (
    FactorizedDenseSynthesizer,
    FactorizedRandomSynthesizer,
    FixedRandomSynthesizer,
    MixtureSynthesizer,
    RandomSynthesizer,
    SynthesizerAttention,
)

VARIANTS |= {
    "vanilla": Variant(CausalSelfAttention),
    "synthesizer": Variant(SynthesizerAttention),
    "synthesizer-random": Variant(RandomSynthesizer),
    "synthesizer-random-fixed": Variant(FixedRandomSynthesizer),
    "synthesizer-factorized-dense": Variant(FactorizedDenseSynthesizer),
    "synthesizer-factorized-random": Variant(FactorizedRandomSynthesizer),
    "synthesizer-mixture": Variant(MixtureSynthesizer),
    "rope": Variant(RotarySelfAttention, positions="rope"),
    "perceiver": Variant(Perceiver, build_blocks=perceiver_blocks, options=("bottleneck_dim",)),
    "shared-qk": Variant(SharedQKAttention),
    "shared-kv": Variant(SharedKVAttention),
    "shared-qkv": Variant(SharedQKVAttention),
    "mlp-qkv": Variant(MLPAttention),
    "cosine": Variant(CosineAttention),
    "euclidean": Variant(EuclideanAttention),
    "additive": Variant(AdditiveAttention),
    "zero-after-softmax": Variant(ZeroAfterSoftmaxAttention),
    "aft-full": Variant(AFTFull),
    "aft-simple": Variant(AFTSimple),
    "aft-local": Variant(AFTLocal),
    "aft-conv": Variant(AFTConv),
    "performer": Variant(PerformerAttention),
    "fastformer": Variant(FastformerAttention),
    "linear": Variant(LinearAttention),
}

__all__ = [
    "POSITIONS", "VARIANTS", "Variant", "bottleneck", "check_heads", "positions_name",
    "sinusoids", "variant_name", "Block", "CausalAttention", "CausalSelfAttention",
    "SynthesizerAttention",
    "RandomSynthesizer", "FixedRandomSynthesizer", "FactorizedDenseSynthesizer",
    "FactorizedRandomSynthesizer", "MixtureSynthesizer", "RotarySelfAttention", "Perceiver",
    "CausalCrossAttention", "DownProjectBlock", "UpProjectBlock", "SharedQKAttention",
    "SharedKVAttention", "SharedQKVAttention", "MLPAttention", "CosineAttention",
    "EuclideanAttention", "AdditiveAttention", "ZeroAfterSoftmaxAttention", "AFTFull", "AFTSimple",
    "AFTLocal", "AFTConv", "PerformerAttention", "FastformerAttention", "LinearAttention",
]  # fmt: skip
