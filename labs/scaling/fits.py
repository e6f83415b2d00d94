"""IsoFLOP fits: the best size at each budget, and how it grows with the budget.

Hoffmann et al. 2022, arXiv 2203.15556, section 3.2. FLOPs, parameters and tokens are counts; a
score is a loss (lower is better).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from base.errors import UserError

CURVED = 1e-9  # least second derivative of the loss in log parameters


class Optimum(NamedTuple):
    """The minimum of a profile: parameters, loss there, whether it is outside the sizes measured,
    and the coefficients of the quadratic, the highest power first."""

    parameters: float
    loss: float
    outside: bool
    coefficients: tuple[float, float, float]


class NoMinimum(UserError):
    """The losses of a profile have no minimum in a quadratic."""


def find_optimal_params(parameters: Sequence[float], losses: Sequence[float]) -> Optimum:
    """The minimum of a quadratic of the losses in log parameters, by least squares.

    Raises NoMinimum where it is not curved upwards, and UserError for fewer than three sizes.
    """
    if len(set(parameters)) < 3:
        raise UserError(f"{len(set(parameters))} sizes: a profile needs at least three")
    x = np.log(np.asarray(parameters, dtype=float))
    a, b, c = np.polyfit(x, np.asarray(losses, dtype=float), 2)
    if a < CURVED:
        raise NoMinimum("the losses have no minimum among sizes: measure smaller or larger ones")
    best = -b / (2 * a)
    outside = not x.min() <= best <= x.max()
    best_parameters = math.exp(max(-200.0, min(best, 200.0)))
    return Optimum(best_parameters, float(c - b * b / (4 * a)), outside, (a, b, c))


def fit_linear_log(x: Sequence[float], y: Sequence[float]) -> tuple[float, float]:
    """The slope m and the intercept c of log y = m log x + c, by least squares."""
    if len(set(x)) < 2:
        raise UserError(
            "no law: fewer than two budgets have a minimum; give other --sizes or --budgets"
        )
    m, c = np.polyfit(np.log(x), np.log(y), 1)
    return float(m), float(c)


def predict(line: tuple[float, float], x: float) -> float:
    """y at x, of a line in logs."""
    return math.exp(line[0] * math.log(x) + line[1])


def at_budget(curve: Sequence[dict], flops: float, key: str) -> float | None:
    """`key` of a curve at `flops`, linear in log FLOPs between its points; None beyond them."""
    x = np.array([row["flops"] for row in curve], dtype=float)
    if flops > x.max() or flops < 0.99 * x.min():
        return None
    return float(np.interp(math.log(flops), np.log(x), [row[key] for row in curve]))


class Profile(NamedTuple):
    """All runs at one budget, and the seed of each."""

    flops: float
    parameters: list[float]
    losses: list[float]
    tokens: list[float]
    seeds: list[int]


def profiles(results: list[dict], budgets: Sequence[float]) -> list[Profile]:
    """The runs' losses and tokens at each budget that at least three sizes reach."""
    found = []
    for budget in budgets:
        rows = [(r["parameters"], *(at_budget(r["curve"], budget, k) for k in ("score", "tokens")),
                 r["seed"]) for r in results]  # fmt: skip
        columns = list(zip(*(row for row in rows if None not in row), strict=True))
        if columns and len(set(columns[0])) >= 3:
            found.append(Profile(budget, *map(list, columns)))
    if not found:
        raise UserError("no budget that three sizes reach; give smaller --budgets or --sizes")
    return found


def tokens_at(profile: Profile, parameters: float) -> float:
    """Tokens that a model of so many parameters is trained on with the profile's FLOPs: a quadratic
    in logs through the sizes measured."""
    x, y = np.log(profile.parameters), np.log(profile.tokens)
    return safe_exp(float(np.polyval(np.polyfit(x, y, 2), math.log(parameters))))


class Law(NamedTuple):
    """What the profiles say. `optima` and `tokens` belong to `flops`; `refused` are the budgets
    without a minimum; the lines are (slope, intercept) in logs. `all_inside`: whether the lines go
    through the minima among the sizes measured alone."""

    flops: list[float]
    optima: list[Optimum]
    tokens: list[float]
    refused: list[float]
    parameters_line: tuple[float, float]
    tokens_line: tuple[float, float]
    all_inside: bool


def fit(found: list[Profile]) -> Law:
    """The law of some profiles. Its lines leave out minima outside the sizes measured, unless fewer
    than two others are there. Raises UserError where fewer than two budgets have a minimum."""
    flops, optima, tokens, refused = [], [], [], []
    for profile in found:
        try:
            optimum = find_optimal_params(profile.parameters, profile.losses)
        except NoMinimum:
            refused.append(profile.flops)
            continue
        flops.append(profile.flops)
        optima.append(optimum)
        tokens.append(tokens_at(profile, optimum.parameters))
    used = [n for n, optimum in enumerate(optima) if not optimum.outside]
    all_inside = len(used) >= 2
    used = used if all_inside else range(len(optima))
    x = [flops[n] for n in used]
    lines = (
        fit_linear_log(x, [y[n] for n in used]) for y in ([o.parameters for o in optima], tokens)
    )
    return Law(flops, optima, tokens, refused, *lines, all_inside)


class Interval(NamedTuple):
    """Percentiles 2.5 and 97.5 of what resampled profiles say; `refused` draws gave no line.
    `seeds`: how many the runs have."""

    parameters: tuple[float, float]
    tokens: tuple[float, float]
    exponent: tuple[float, float]
    refused: int
    draws: int
    seeds: int


def bootstrap(found: list[Profile], flops: float, draws: int = 1000, seed: int = 0) -> Interval:
    """Intervals of the optimum at `flops`, from draws with replacement: of the seeds, where there
    are two or more (all runs of a seed together, the same seeds at every budget), and then of the
    residuals of each quadratic (made larger by sqrt(n / (n - 3)) for the three numbers fitted)."""
    random = np.random.default_rng(seed)
    seeds = sorted({s for profile in found for s in profile.seeds})
    rows, refused = [], 0
    for _ in range(draws):
        chosen = random.choice(seeds, len(seeds)).tolist() if len(seeds) > 1 else seeds
        try:
            law = fit([resampled(of_seeds(profile, chosen), random) for profile in found])
        except UserError:
            refused += 1
            continue
        line, tokens = law.parameters_line, law.tokens_line
        rows.append((log_at(line, flops), log_at(tokens, flops), line[0]))
    if len(rows) < draws / 2:
        raise UserError(f"{refused} of {draws} resampled profiles have no minimum: no interval")
    low, high = np.percentile(rows, (2.5, 97.5), axis=0)
    spans = [tuple(map(safe_exp, (low[i], high[i]))) for i in (0, 1)]
    exponent = float(low[2]), float(high[2])
    return Interval(spans[0], spans[1], exponent, refused, draws, len(seeds))


def log_at(line: tuple[float, float], x: float) -> float:
    return line[0] * math.log(x) + line[1]


def safe_exp(x: float) -> float:
    return math.exp(max(-700.0, min(x, 700.0)))


def of_seeds(profile: Profile, chosen: Sequence[int]) -> Profile:
    """The runs of the seeds chosen, those of a seed chosen twice twice."""
    rows = [n for seed in chosen for n, own in enumerate(profile.seeds) if own == seed]
    columns = ([column[n] for n in rows] for column in profile[1:])
    return Profile(profile.flops, *columns)


def resampled(profile: Profile, random: np.random.Generator) -> Profile:
    x, y = np.log(profile.parameters), np.asarray(profile.losses)
    smooth = np.polyval(np.polyfit(x, y, 2), x)
    n = len(x)
    scale = math.sqrt(n / (n - 3)) if n > 3 else 1.0
    drawn = smooth + scale * random.choice(y - smooth, n)
    return profile._replace(losses=drawn.tolist())
