"""The bounds hold where chance can be computed exactly or simulated."""

import math
from itertools import product

import numpy as np
from checks import statistics


def test_hoeffding_is_above_the_exact_binomial_tail():
    for count, p in product((53, 211, 1009), (0.05, 0.3, 0.5)):
        limit = count * (p + statistics.hoeffding(count))
        tail = sum(
            math.comb(count, k) * p**k * (1 - p) ** (count - k)
            for k in range(math.ceil(limit), count + 1)
        )
        assert tail <= statistics.ALPHA


def test_bernstein_is_wider_than_what_uniform_shares_do():
    """Shares uniform on (0, 1/2): the bound is above 5.3 standard errors (two sides of 1e-7)."""
    values = np.random.default_rng(3).random(3000) / 2
    assert statistics.bernstein(values) > 5.3 * (0.5 / 12**0.5) / 3000**0.5
    assert statistics.bernstein(values) < 0.04


def test_missed_is_the_coupon_collectors_union_bound():
    assert statistics.missed(2, 0.5, 2) == 0.5  # two fair coins agree
    assert statistics.missed(2500, 0.008, 25) < statistics.ALPHA
