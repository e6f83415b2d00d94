"""Floating-point operations of a training step, counted exactly for its matrix products.

A product of (m, n) with (n, k) is 2 m n k. The backward pass of a product is two products of the
same size, so training costs three times the forward pass. Sums, softmax, ReLU and embeddings are
not counted, nor by torch.utils.flop_counter, to which a test holds these formulas.
"""

from labs.pig_latin.model import Sizes


def encoder_decoder(sizes: Sizes, S: int, T: int) -> int:
    """FLOPs of training on one pair: S source and T target symbols, EOS included."""
    h, layers, vocabulary = sizes
    encoder = 2 * S * h * h * 4 + 2 * S * S * h * 2  # Q, K, V, MLP; scores and contexts
    self_attention = 2 * T * h * h * 3 + 2 * T * T * h * 2
    cross_attention = 2 * T * h * h + 2 * S * h * h * 2 + 2 * T * S * h * 2
    decoder = self_attention + cross_attention + 2 * T * h * h  # and the MLP
    return 3 * (layers * (encoder + decoder) + 2 * T * h * vocabulary)
