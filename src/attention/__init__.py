"""Attention layers, and the one registry of variants.

Shapes: B batch, T positions, C channels (n_embd), H heads, D = C / H channels of a head,
N = block_size. Every layer maps (B, T, C) to (B, T, C), takes at most `max_length` positions and is
causal: output t depends on inputs up to t only. For generation it makes its own state: `state =
layer.init_state(batch, device, dtype)`, then `layer.decode(x, state)` for the next positions: the
prompt's together, then one at a time. All outputs together equal `layer(x)` on the whole sequence.
The state knows how many positions it has seen, so rotations and biases go on from there;
all its tensors have the batch first, so that rows of it can be chosen.

A new variant is a class (most derive from CausalSelfAttention and override `roles` or `scores`) and
an entry below; the command line, the tests, the study and the benchmarks read it from there. Code
outside src/ adds its own: `attention.register("name", Variant(Layer))`.
"""

from attention.aft import AFTConv, AFTFull, AFTLocal, AFTSimple
from attention.block import Block
from attention.core import CausalAttention, CausalSelfAttention, recognise_vanilla
from attention.linear import FastformerAttention, LinearAttention, PerformerAttention
from attention.perceiver import (
    CausalCrossAttention,
    DownProjectBlock,
    Perceiver,
    UpProjectBlock,
    our_names,
    perceiver_blocks,
    recognise_perceiver,
)
from attention.positions import sinusoids
from attention.registry import (
    POSITIONS,
    VARIANTS,
    Variant,
    bottleneck,
    check_heads,
    positions_name,
    register,
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
    recognise_rotary,
)
from attention.synthesizer import (
    FactorizedDenseSynthesizer,
    FactorizedRandomSynthesizer,
    FixedRandomSynthesizer,
    MixtureSynthesizer,
    RandomSynthesizer,
    SynthesizerAttention,
    recognise_synthesizer,
)

VARIANTS |= {
    "vanilla": Variant(
        CausalSelfAttention,
        recognise=recognise_vanilla,
        summary="Multi-head scaled dot-product attention.",
        equation="softmax(Q K^T / sqrt(D)) V",
        paper="1706.03762",
    ),
    "synthesizer": Variant(
        SynthesizerAttention,
        recognise=recognise_synthesizer,
        summary="Dense synthesizer: scores from each position alone.",
        equation="softmax(ReLU(X A + b1) B + b2) V",
        paper="2005.00743",
    ),
    "synthesizer-random": Variant(
        RandomSynthesizer,
        summary="Random synthesizer: learned scores that do not depend on the input.",
        equation="softmax(R) V",
        paper="2005.00743",
    ),
    "synthesizer-random-fixed": Variant(
        FixedRandomSynthesizer,
        summary="Random synthesizer whose scores stay as they were drawn.",
        equation="softmax(R) V",
        paper="2005.00743",
    ),
    "synthesizer-factorized-dense": Variant(
        FactorizedDenseSynthesizer,
        summary="Dense synthesizer from two short factors.",
        equation="softmax(f(X)_(s // b) g(X)_(s mod b)) V",
        paper="2005.00743",
    ),
    "synthesizer-factorized-random": Variant(
        FactorizedRandomSynthesizer,
        summary="Random synthesizer of low rank.",
        equation="softmax(R1 R2^T) V",
        paper="2005.00743",
    ),
    "synthesizer-mixture": Variant(
        MixtureSynthesizer,
        summary="Dense synthesizer and dot products, mixed.",
        equation="softmax(m1 (ReLU(X A + b1) B + b2) + m2 Q K^T / sqrt(D)) V",
        paper="2005.00743",
    ),
    "rope": Variant(
        RotarySelfAttention,
        positions="rope",
        recognise=recognise_rotary,
        summary="Vanilla with queries and keys rotated by their positions.",
        equation="softmax((R_t q_t)^T (R_s k_s) / sqrt(D)) V",
        paper="2104.09864",
    ),
    "perceiver": Variant(
        Perceiver,
        build_blocks=perceiver_blocks,
        options=("bottleneck_dim",),
        recognise=recognise_perceiver,
        summary="Few latent vectors read the input, work, and are read back.",
        equation="softmax(Q_C K_X^T / sqrt(D)) V_X, blocks, softmax(Q_X K_C^T / sqrt(D)) V_C",
        paper="2202.07765",
    ),
    "shared-qk": Variant(
        SharedQKAttention,
        summary="Vanilla with one projection for query and key.",
        equation="softmax(K K^T / sqrt(D)) V",
        paper="UW CSE 517, assignment 2",
    ),
    "shared-kv": Variant(
        SharedKVAttention,
        summary="Vanilla with one projection for key and value.",
        equation="softmax(Q K^T / sqrt(D)) K",
        paper="UW CSE 517, assignment 2",
    ),
    "shared-qkv": Variant(
        SharedQKVAttention,
        summary="Vanilla with one projection for all roles.",
        equation="softmax(K K^T / sqrt(D)) K",
        paper="UW CSE 517, assignment 2",
    ),
    "mlp-qkv": Variant(
        MLPAttention,
        summary="Vanilla with an MLP for each of query, key and value.",
        equation="softmax(Q K^T / sqrt(D)) V, Q = GELU(X W1 + b1) W2 + b2",
        paper="UW CSE 517, assignment 2",
    ),
    "cosine": Variant(
        CosineAttention,
        summary="Cosines of queries and keys, with a learned scale.",
        equation="softmax(tau cos(Q, K)) V",
        paper="2010.04245",
    ),
    "euclidean": Variant(
        EuclideanAttention,
        summary="Near keys count, by distance.",
        equation="softmax(-|q - k|^2 / sqrt(D)) V",
        paper="UW CSE 517, assignment 2",
    ),
    "additive": Variant(
        AdditiveAttention,
        summary="A small network compares query and key.",
        equation="softmax(v^T tanh(W [q; k])) V",
        paper="1409.0473",
    ),
    "zero-after-softmax": Variant(
        ZeroAfterSoftmaxAttention,
        summary="Vanilla masked too late: it is wrong, and meant to be.",
        equation="(softmax(Q K^T / sqrt(D)) * mask) V",
        paper="UW CSE 517, assignment 2",
    ),
    "aft-full": Variant(
        AFTFull,
        summary="Attention free: a bias for each pair of positions.",
        equation="sigmoid(Q_t) sum_s exp(K_s + w_ts) V_s / sum_s exp(K_s + w_ts)",
        paper="2105.14103",
    ),
    "aft-simple": Variant(
        AFTSimple,
        summary="Attention free, without biases.",
        equation="sigmoid(Q_t) sum_s exp(K_s) V_s / sum_s exp(K_s)",
        paper="2105.14103",
    ),
    "aft-local": Variant(
        AFTLocal,
        summary="Attention free, biases within a window.",
        equation="as aft-full, w_ts = 0 where t - s >= window",
        paper="2105.14103",
    ),
    "aft-conv": Variant(
        AFTConv,
        summary="Attention free, biases by distance for each head.",
        equation="as aft-full, w_ts = w_(t - s)",
        paper="2105.14103",
    ),
    "performer": Variant(
        PerformerAttention,
        summary="Linear attention that estimates softmax by random features.",
        equation="phi(q) (sum_s phi(k_s)^T v_s) / phi(q) sum_s phi(k_s), "
        "phi(x) = exp(omega x - |x|^2 / 2)",
        paper="2009.14794",
    ),
    "fastformer": Variant(
        FastformerAttention,
        summary="Additive attention with a global query and a global key.",
        equation="W (k'_t * v_t) + q_t",
        paper="2108.09084",
    ),
    "linear": Variant(
        LinearAttention,
        summary="Linear attention with elu + 1.",
        equation="phi(q) (sum_s phi(k_s)^T v_s) / phi(q) sum_s phi(k_s), phi = elu + 1",
        paper="2006.16236",
    ),
}

__all__ = [
    "POSITIONS", "VARIANTS", "Variant", "bottleneck", "check_heads", "positions_name", "register",
    "our_names", "sinusoids", "variant_name", "Block", "CausalAttention", "CausalSelfAttention",
    "SynthesizerAttention",
    "RandomSynthesizer", "FixedRandomSynthesizer", "FactorizedDenseSynthesizer",
    "FactorizedRandomSynthesizer", "MixtureSynthesizer", "RotarySelfAttention", "Perceiver",
    "CausalCrossAttention", "DownProjectBlock", "UpProjectBlock", "SharedQKAttention",
    "SharedKVAttention", "SharedQKVAttention", "MLPAttention", "CosineAttention",
    "EuclideanAttention", "AdditiveAttention", "ZeroAfterSoftmaxAttention", "AFTFull", "AFTSimple",
    "AFTLocal", "AFTConv", "PerformerAttention", "FastformerAttention", "LinearAttention",
]  # fmt: skip
