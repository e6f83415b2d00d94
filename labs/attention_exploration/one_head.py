"""What one head can average, and what it cannot (CS224N, A5, question 1b to 1e).

Vectors are rows; `weights` and `attend` are those of playground.py: softmax(K q) and its mean of V.
"""

import math

import numpy as np

from labs.attention_exploration.playground import Array, attend, weights

SHARPNESS = 20.0  # c of (c) and (d)
ALPHA = 1e-5  # the keys' variance in (c) and (d)
STRETCH = 0.5  # of key a along its mean


def extractor(basis: Array) -> Array:
    """(b, i) M = sum a_i a_i^T for orthonormal rows a_i: M (v_a + v_b) = v_a for v_a in their span
    and v_b orthogonal to it."""
    return basis.T @ basis


def averaging_query(k_a: Array, k_b: Array, c: float) -> Array:
    """(b, ii) q = c (k_a + k_b). With n orthogonal unit keys the other n - 2 together have weight
    (n - 2) / (n - 2 + 2 e^c)."""
    return c * (k_a + k_b)


def sample_keys(means: Array, alpha: float, stretch: float, rng: np.random.Generator) -> Array:
    """(c) Keys (N, D) from normal(mean_i, alpha I); the first one's covariance has `stretch` times
    mean_0 mean_0^T besides, so that its length varies."""
    keys = means + math.sqrt(alpha) * rng.normal(size=means.shape)
    keys[0] += math.sqrt(stretch) * rng.normal() * means[0]
    return keys


def share_of_first(length: float, c: float) -> float:
    """(c) The weight of v_a among v_a and v_b, for k_a = length mu_a and k_b = mu_b, q = c (mu_a +
    mu_b): sigmoid(c (length - 1)). It swings between 0 and 1 as the length passes 1."""
    return 1 / (1 + math.exp(-c * (length - 1)))


def distribution(log_odds: Array, c: float, alpha: float, stretch: float) -> Array:
    """(c) The share of draws with smaller log-odds of v_a against v_b for one head.

    They are c (k_a - k_b)(mu_a + mu_b), a normal variable with mean 0 and variance
    c^2 (4 alpha + stretch).
    """
    scale = c * math.sqrt(4 * alpha + stretch)
    return np.array([(1 + math.erf(x / scale / math.sqrt(2))) / 2 for x in log_odds])


def two_heads(keys: Array, means: Array, V: Array, c: float) -> Array:
    """(d) The mean of two heads' outputs, with q_1 = c mu_a and q_2 = c mu_b: each needs only
    that its own key is ahead of the others; how far does not matter much."""
    return (attend(c * means[0], keys, V) + attend(c * means[1], keys, V)) / 2


def self_attention(x: Array, Q: Array, K: Array, V: Array) -> Array:
    """(e) Outputs c_i = sum_j softmax_j(x_j^T K^T Q x_i) V x_j of the inputs x (n, D)."""
    return weights(x @ Q.T, x @ K.T) @ (x @ V.T)


def projections(u_a: Array, u_b: Array, u_c: Array, u_d: Array) -> tuple[Array, Array, Array]:
    """(e, ii) Q, K, V with c_2 near u_b and c_1 near u_b - u_c, for x = (u_d + u_b, u_a, u_c + u_b)
    and orthogonal u of norm beta: x_2 asks for u_d, which x_1 has; x_1 asks for u_c, which x_3
    has; V keeps u_b and turns u_c round. Both errors shrink as e^(-beta^2)."""
    square = u_a @ u_a
    Q = (np.outer(u_d, u_a) + np.outer(u_c, u_d)) / square
    V = (np.outer(u_b, u_b) - np.outer(u_c, u_c)) / square
    return Q, np.eye(len(u_a)), V
