"""Queries of a single head of attention, constructed for any keys and values (UW CSE 517, A2, 1).

output(q) = softmax(K q) V, unscaled, for keys K (N, D) and values V (N, E), counted from 0. A
construction answers with a query, or raises NoQuery with the reason why there is none. An error is
the largest absolute difference between an output and the one wanted; TOLERANCE is the handout's.

Selecting value i needs a direction in which key i lies ahead of all others by a margin; a linear
programme finds the widest one. There is none where key i lies in the convex hull of the others.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from base.errors import UserError

Array = NDArray[np.float64]
TOLERANCE = 0.05
FAR = 0.1  # share of the tolerance that a constructed query may be off
FLAT = 1e-9  # margins and residuals below this are zero

HANDOUT_K = [[0.47, 0.65, 0.60], [0.64, 0.50, -0.59], [-0.03, -0.48, -0.88], [0.43, -0.83, 0.35]]
HANDOUT_V = [[-0.07, -0.88, 0.47], [0.37, -0.93, -0.07], [-0.25, -0.75, 0.61], [0.94, 0.20, 0.28]]


class NoQuery(UserError):
    """No query does what was asked, and why."""


def keys_and_values(K: ArrayLike, V: ArrayLike) -> tuple[Array, Array]:
    """Both as float64 matrices. Raises UserError where they are none or do not fit together."""
    try:
        K, V = (np.asarray(matrix, dtype=np.float64) for matrix in (K, V))
    except (TypeError, ValueError):
        raise UserError("K and V: give rows of numbers, all of one length") from None
    for name, matrix in (("K", K), ("V", V)):
        if matrix.ndim != 2 or not matrix.size:
            raise UserError(f"{name}: give a matrix, one row for each key; this is {matrix.shape}")
        if not np.isfinite(matrix).all():
            raise UserError(f"{name}: holds a value that is no finite number; correct it")
    if len(K) != len(V):
        raise UserError(f"K has {len(K)} rows and V {len(V)}; give one value for each key")
    return K, V


def weights(q: ArrayLike, K: ArrayLike) -> Array:
    """softmax(K q): (N,) for one query (D,), (M, N) for M queries (M, D)."""
    scores = np.asarray(q, dtype=np.float64) @ np.asarray(K, dtype=np.float64).T
    powers = np.exp(scores - scores.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def attend(q: ArrayLike, K: ArrayLike, V: ArrayLike) -> Array:
    """softmax(K q) V."""
    return weights(q, K) @ np.asarray(V, dtype=np.float64)


def error(q: ArrayLike, K: ArrayLike, V: ArrayLike, wanted: ArrayLike) -> float:
    """The largest absolute difference between the output of q and `wanted`."""
    return float(np.abs(attend(q, K, V) - wanted).max())


def widest_margin(K: Array, ahead: list[int]) -> tuple[Array, float]:
    """(direction, margin): in it, with entries in [-1, 1], the keys `ahead` are equally far, and
    ahead of every other by the margin, the largest there is (0: they cannot be ahead)."""
    try:
        from scipy.optimize import linprog
    except ImportError:
        raise UserError("this needs scipy: pip install -r requirements-labs.txt") from None
    N, D = K.shape
    behind = [i for i in range(N) if i not in ahead]
    first = K[ahead[0]]
    rows = np.hstack([K[behind] - first, np.ones((len(behind), 1))])  # (k_j - k_i) d + m <= 0
    equal = np.hstack([K[ahead[1:]] - first, np.zeros((len(ahead) - 1, 1))])
    done = linprog(
        np.append(np.zeros(D), -1.0),
        A_ub=rows, b_ub=np.zeros(len(behind)),
        A_eq=equal if len(equal) else None, b_eq=np.zeros(len(equal)) if len(equal) else None,
        bounds=[(-1, 1)] * D + [(0, None)],
    )  # fmt: skip
    if not done.success:
        raise NoQuery(f"the linear programme found no direction: {done.message}")
    return done.x[:D], float(done.x[D])


def smallest_scale(direction: Array, K: Array, V: Array, wanted: Array, allowed: float) -> float:
    """A scale S at which the error of S * direction falls to `allowed`, to one part in a million:
    the smallest one where the error falls as S grows. The caller knows that there is one."""
    high = 1.0
    while error(high * direction, K, V, wanted) > allowed:
        high *= 2
    low = 0.0
    while high - low > 1e-6 * high:
        middle = (low + high) / 2
        if error(middle * direction, K, V, wanted) > allowed:
            low = middle
        else:
            high = middle
    return high


def select(i: int, K: ArrayLike, V: ArrayLike) -> Array:
    """A query (D,) that returns value i. Raises NoQuery where key i lies in the hull of others."""
    return average([i], K, V)


def average(chosen: list[int], K: ArrayLike, V: ArrayLike) -> Array:
    """A query (D,) that returns the mean of the values `chosen`.

    All keys chosen: q = 0 is exact. Else the keys chosen must be equally far in some direction, and
    ahead of all others. Raises NoQuery where they cannot be.
    """
    K, V = keys_and_values(K, V)
    chosen = sorted(set(chosen))
    if not chosen or chosen[0] < 0 or chosen[-1] >= len(K):
        raise UserError(f"{chosen}: choose values between 0 and {len(K) - 1}")
    if len(chosen) == len(K):
        return np.zeros(K.shape[1])
    direction, margin = widest_margin(K, chosen)
    if margin <= FLAT:
        raise NoQuery(reason(chosen))
    return direction * smallest_scale(direction, K, V, V[chosen].mean(0), FAR * TOLERANCE)


def reason(chosen: list[int]) -> str:
    if len(chosen) == 1:
        return (
            f"no query gives key {chosen[0]} nearly all of the weight, as selecting value "
            f"{chosen[0]} by it takes: key {chosen[0]} lies in the convex hull of the other keys, "
            "so in every direction another key is at least as far"
        )
    keys = ", ".join(map(str, chosen))
    return (
        f"no query shares nearly all of the weight evenly between keys {keys}: in no direction are "
        "they equally far and ahead of all others"
    )


def select_all(K: ArrayLike, V: ArrayLike) -> Array:
    """The query matrix Q (N, D) for which softmax(Q K^T) V returns every value at its own row.

    Raises NoQuery where one value cannot be selected.
    """
    return np.stack([select(i, K, V) for i in range(len(np.asarray(K)))])


def average_all(K: ArrayLike, V: ArrayLike) -> Array:
    """The query that averages all values: 0, which gives every key the same weight."""
    return average(list(range(len(np.asarray(K)))), K, V)


def mean_of_keys(K: ArrayLike) -> Array:
    """What one often reads averages all values. It does not: its scores differ between keys."""
    return np.asarray(K, dtype=np.float64).mean(0)


def replace_key(K: ArrayLike, index: int, key: ArrayLike) -> Array:
    """K with another key at `index`."""
    K = np.array(K, dtype=np.float64)
    K[index] = key
    return K


def key_to_join(K: ArrayLike) -> Array:
    """A k_2 for which q = S (k_0 + k_1) averages the first three values.

    It must score as k_0 and k_1 do. With unit keys these score the same, S (1 + k_0 k_1), and so
    does their mean; otherwise it scores the mean of both.
    """
    K = np.asarray(K, dtype=np.float64)
    return (K[0] + K[1]) / 2


def key_to_win(K: ArrayLike) -> Array:
    """The unit k_2 for which q = S (k_0 + k_1) returns v_2: the direction of the query itself,
    in which no unit vector scores more."""
    K = np.asarray(K, dtype=np.float64)
    return (K[0] + K[1]) / np.linalg.norm(K[0] + K[1])


def scale_needed(direction: Array, K: ArrayLike, V: ArrayLike, i: int) -> float:
    """The S at which q = S direction comes within TOLERANCE of value i (see `smallest_scale`).

    Raises NoQuery where key i does not score most, so that no S is large enough.
    """
    K, V = keys_and_values(K, V)
    scores = K @ direction
    others = np.delete(scores, i)
    if len(others) and scores[i] - others.max() <= FLAT:
        raise NoQuery(f"no scale is large enough: key {i} does not score more than all others")
    return smallest_scale(direction, K, V, V[i], TOLERANCE)


def judge(q: ArrayLike, K: ArrayLike, V: ArrayLike, chosen: list[int]) -> tuple[bool, str]:
    """Whether a reader's own query averages the values `chosen` (one: selects it), and in words
    how far it is and why."""
    K, V = keys_and_values(K, V)
    q = np.asarray(q, dtype=np.float64)
    if q.shape != K.shape[1:]:
        raise UserError(f"q has shape {q.shape}; give {K.shape[1]} numbers, as each key has")
    if not np.isfinite(q).all():
        raise UserError("q: holds a value that is no finite number; correct it")
    if not chosen or min(chosen) < 0 or max(chosen) >= len(K):
        raise UserError(f"{chosen}: choose values between 0 and {len(K) - 1}")
    chosen = sorted(set(chosen))
    off = error(q, K, V, V[chosen].mean(0))
    w = weights(q, K)
    listed = ", ".join(f"{value:.3f}" for value in w)
    if off <= TOLERANCE:
        return True, f"right: error {off:.4f} is at most {TOLERANCE}; weights {listed}"
    return False, f"wrong: error {off:.4f} is over {TOLERANCE}; weights {listed}; {why(w, chosen)}"


def why(w: Array, chosen: list[int]) -> str:
    """What is wrong with the weights, in words."""
    share = 1 / len(chosen)
    others = [i for i in range(len(w)) if i not in chosen]
    lost = float(w[others].sum()) if others else 0.0
    lowest = min(chosen, key=lambda i: w[i])
    strongest = max(others, key=lambda i: w[i]) if others else lowest
    if others and w[strongest] > (1 - FLAT) * w[lowest]:
        more = "more than" if w[strongest] > (1 + FLAT) * w[lowest] else "as much as"
        return f"key {strongest}, which was not chosen, scores {more} key {lowest}, which was"
    if lost > share - w[lowest] - lost / len(chosen) + FLAT:
        return f"{lost:.3f} of the weight is on other keys: the same direction, longer, takes less"
    return f"key {lowest} has {w[lowest]:.3f} of the weight where {share:.3f} is wanted"
