"""Bounds on what chance can do, so that a check of random draws never fails a correct program.

ALPHA is the chance that one bound is broken by a program that keeps the specification; no check
uses more than eight, so its false-alarm rate stays below 8e-7, less than one in a million.
"""

import math

import numpy as np

ALPHA = 1e-7


def hoeffding(count: int) -> float:
    """How far a mean of `count` independent values in [0, 1] strays from its expectation on one
    side, with a chance of at most ALPHA: exp(-2 n t^2) = ALPHA (Hoeffding, 1963)."""
    return math.sqrt(math.log(1 / ALPHA) / (2 * count))


def bernstein(values: np.ndarray) -> float:
    """The same for both sides, from the values' own variance (Maurer and Pontil, 2009, theorem 4):
    sqrt(2 V ln(4 / ALPHA) / n) + 7 ln(4 / ALPHA) / (3 (n - 1))."""
    count, logarithm = len(values), math.log(4 / ALPHA)
    spread = math.sqrt(2 * float(np.var(values, ddof=1)) * logarithm / count)
    return spread + 7 * logarithm / (3 * (count - 1))


def missed(count: int, chance: float, kinds: int) -> float:
    """The chance that one of `kinds` outcomes, each of probability `chance` or more, is absent
    from `count` draws: at most kinds (1 - chance)^count."""
    return kinds * (1 - chance) ** count
