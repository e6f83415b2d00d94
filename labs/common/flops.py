"""Floating-point operations of training src/model.py's GPT, counted exactly for its products.

A product of (m, n) with (n, k) is 2 m n k. The backward pass of a product is two products of the
same size, so training costs three times the forward pass. Sums, softmax, GELU, layer norms and
embeddings are not counted, nor by torch.utils.flop_counter, to which a test holds the formula.
"""


def gpt(channels: int, layers: int, vocabulary: int, positions: int) -> int:
    """FLOPs of training src/model.py's GPT on one row of so many positions, with all its outputs:
    per layer four projections, an MLP of width 4 C, scores and contexts."""
    C, T = channels, positions
    block = 2 * T * C * C * (4 + 8) + 2 * T * T * C * 2
    return 3 * (layers * block + 2 * T * C * vocabulary)
