"""Positions as tables: sinusoids added to the input, rotations of queries and keys, linear biases.

Learned positions are a parameter of the GPT; no positions are no code.
"""

import math

import torch
from torch import Tensor

BASE = 10000.0
TOKEN_SIZE = 0.02  # the standard deviation of an embedding's initial weights


def sinusoids(length: int, channels: int) -> Tensor:
    """Sinusoidal positions (1, length, C): sin(t w_i) and cos(t w_i) in turn, w_i = BASE^(-2i/C).

    Attention Is All You Need, arXiv 1706.03762, section 3.5. The paper multiplies embeddings by
    sqrt(C) to put them beside waves of height 1; here the waves are brought down to the root mean
    square of the embeddings' initial weights instead, which is the same proportion.
    """
    angles = torch.arange(length)[:, None] * frequencies(channels)
    waves = torch.stack((angles.sin(), angles.cos()), dim=-1).flatten(1)[:, :channels]
    return (TOKEN_SIZE * math.sqrt(2) * waves)[None]


def frequencies(size: int) -> Tensor:
    """The angular frequencies BASE^(-2i/size), i = 0 .. size/2 - 1."""
    return BASE ** (-torch.arange(0, size, 2, dtype=torch.float32) / size)


def rotary_table(length: int, size: int) -> Tensor:
    """cos and sin of t BASE^(-2(i-1)/D) for i in 1 .. D/2: (length, D/2, 2), D = `size`.

    RoFormer, arXiv 2104.09864, section 3.2; the layout is that of the course's 2024 edition.
    Raises ValueError for an odd size, whose last channel has no partner.
    """
    if size % 2:
        raise ValueError(
            f"rotary positions turn pairs of channels, and a head has {size}; choose n_embd and "
            "n_head so that their quotient is even"
        )
    angles = torch.arange(length)[:, None] * frequencies(size)
    return torch.stack((angles.cos(), angles.sin()), dim=-1)


def rotate(x: Tensor, table: Tensor) -> Tensor:
    """x (B, H, T, D) with channels (2i, 2i + 1) of position t turned by the angle in table[t]."""
    if x.device.type == "cpu" and not torch.compiler.is_compiling():
        return turned(x, table)
    a, b = x.unflatten(-1, (-1, 2)).unbind(-1)
    cos, sin = table.to(x.dtype).unbind(-1)
    return torch.stack((a * cos - b * sin, a * sin + b * cos), dim=-1).flatten(-2)


def turned(x: Tensor, table: Tensor) -> Tensor:
    """rotate, as a product of complex numbers: a few times faster on a CPU, where every second
    number is awkward to reach."""
    dtype = torch.promote_types(x.dtype, torch.float32)
    pairs = x.to(dtype).unflatten(-1, (-1, 2)).contiguous()
    angles = torch.view_as_complex(table.to(dtype).contiguous())
    return torch.view_as_real(torch.view_as_complex(pairs) * angles).flatten(-2).to(x.dtype)


def alibi_slopes(heads: int) -> Tensor:
    """Slopes (H,) of the biases -slope (t - s): the powers 2^(-8h/H), h = 1 .. H.

    ALiBi, arXiv 2108.12409. Where H is no power of two, those of the next smaller power, then every
    other one of the next larger power, as the paper's code has it.
    """
    power = 2 ** int(math.log2(heads))
    near = [2 ** (-8 * h / power) for h in range(1, power + 1)]
    far = [2 ** (-4 * h / power) for h in range(1, 2 * power + 1, 2)]
    return torch.tensor((near + far)[:heads])
