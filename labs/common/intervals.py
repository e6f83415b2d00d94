"""95 % intervals: Student's t over seeds, Wilson's over questions (answers.metrics)."""

import math
import statistics
from collections.abc import Sequence

from answers.metrics import wilson

# 97.5 % points of Student's t for 1 .. 10 degrees of freedom
T_975 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)
Z_975 = 1.959964


def t_975(freedom: int) -> float:
    """97.5 % point of Student's t: a table, then the expansion of Cornish and Fisher."""
    if freedom <= len(T_975):
        return T_975[freedom - 1]
    z = Z_975
    return z + (z**3 + z) / (4 * freedom) + (5 * z**5 + 16 * z**3 + 3 * z) / (96 * freedom**2)


def t_interval(values: Sequence[float]) -> tuple[float, float]:
    """95 % interval of the mean of `values` (two or more): mean +- t s / sqrt(n)."""
    half = t_975(len(values) - 1) * statistics.stdev(values) / math.sqrt(len(values))
    mean = statistics.mean(values)
    return mean - half, mean + half


def share(right: Sequence[int], asked: Sequence[int]) -> tuple[float, float, float]:
    """Mean share right over the seeds, and its 95 % interval: Student's t; with one seed,
    Wilson's over its questions, which says nothing of how seeds differ."""
    shares = [r / n for r, n in zip(right, asked, strict=True)]
    if len(shares) == 1:
        return shares[0], *wilson(right[0], asked[0])
    return statistics.mean(shares), *t_interval(shares)
