"""The noisy quadratic model: how batch size and learning rate work together.

python -m labs.scaling.noisy_quadratic [--out FOLDER]

L(w) = 1/2 sum_i h_i w_i^2. A batch of B gives the gradient h_i w_i + noise of variance c_i / B,
with c_i = h_i. Zhang et al. 2019, arXiv 1907.04164. Writes three figures and numbers.json.
"""

import argparse
import json
import math
from pathlib import Path

from base.cli import Parser, check_words
from base.errors import errors_are_sentences
from base.files import write_whole


def parser() -> Parser:
    p = Parser(prog="python -m labs.scaling.noisy_quadratic", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("--out", type=Path, default=Path("runs/noisy_quadratic"), help="the folder")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np

from labs.common.critical import critical_batch
from labs.common.plots import COLOURS, new_figure, save, without_matplotlib

DIMENSIONS = 100  # with h_i = 1 / i
TARGET = 0.02  # share of the initial loss
BATCHES = [2.0**k for k in range(0, 17)]
RATES = np.geomspace(1e-4, 1.9, 120)  # below 2 / h_1 = 2, where descent diverges
NEVER = math.inf


def second_moment(h, c, rate: float, batch: float, steps, start=1.0) -> np.ndarray:
    """E[w^2] after `steps` steps from w^2 = start, in closed form.

    Each step multiplies it by r = (1 - rate h)^2 and adds rate^2 c / B.
    """
    h, steps = np.asarray(h, float), np.asarray(steps, float)
    r, added = (1 - rate * h) ** 2, rate**2 * np.asarray(c, float) / batch
    grown = np.where(r == 1, steps, (1 - r**steps) / np.where(r == 1, 1.0, 1 - r))
    return r**steps * start + grown * added


def simulated(h, c, rate: float, batch: float, steps: int, runs: int, seed: int = 0) -> np.ndarray:
    """w after `steps` steps of stochastic gradient descent from w = 1, (runs, dimensions)."""
    random = np.random.default_rng(seed)
    h, c = np.atleast_1d(np.asarray(h, float)), np.atleast_1d(np.asarray(c, float))
    w = np.ones((runs, len(h)))
    for _ in range(steps):
        noise = random.standard_normal(w.shape) * np.sqrt(c / batch)
        w = w - rate * (h * w + noise)
    return w


def diagonal(dimensions: int = DIMENSIONS) -> np.ndarray:
    """The curvatures h_i = 1 / i."""
    return 1 / np.arange(1, dimensions + 1)


def loss(h, rate: float, batch: float, steps: float) -> float:
    """Expected loss after `steps` steps from w = 1."""
    return float(0.5 * (h * second_moment(h, h, rate, batch, steps)).sum())


def steps_to(target: float, h, rate: float, batch: float, most: float = 2.0**40) -> float:
    """The first number of steps whose expected loss is at most `target`; infinity for none.

    Every term of the loss moves in one direction only, and so the crossing is searched for by
    doubling and halving.
    """
    steps = 1.0
    while loss(h, rate, batch, steps) > target:
        steps *= 2
        if steps > most:
            return NEVER
    low, high = steps / 2, steps
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if loss(h, rate, batch, middle) <= target else (middle, high)
    return high


def best_rate(target: float, h, batch: float) -> tuple[float, float]:
    """The learning rate with the fewest steps to the target, and these steps."""
    counts = [steps_to(target, h, rate, batch) for rate in RATES]
    best = int(np.argmin(counts))
    return float(RATES[best]), counts[best]


def curve() -> list[dict]:
    h = diagonal()
    target = TARGET * 0.5 * h.sum()
    rows = []
    for batch in BATCHES:
        rate, steps = best_rate(target, h, batch)
        rows.append({"batch": batch, "rate": rate, "steps": steps})
    return rows


def draw(rows: list[dict], critical: tuple[float, float], out: Path) -> None:
    """Three figures. Raises ImportError where matplotlib is not installed."""
    figure, axis = new_figure()
    steps = np.arange(0, 201)
    for colour, batch in zip(COLOURS, (1, 8, 64), strict=False):
        exact = [second_moment(1.0, 1.0, 0.1, batch, n) for n in steps]
        axis.plot(steps, exact, color=colour, label=f"batch {batch}, closed form")
        dots = steps[::20]
        seen = [(simulated(1.0, 1.0, 0.1, batch, n, 2000) ** 2).mean() for n in dots]
        axis.plot(dots, seen, "o", color=colour, label=f"batch {batch}, 2,000 simulated runs")
    axis.set(yscale="log", xlabel="steps (rate 0.1, h = c = 1)", ylabel="E[w²]")
    axis.legend()
    save(figure, out / "second_moment")
    batches, rates, counts = ([row[k] for row in rows] for k in ("batch", "rate", "steps"))
    figure, axis = new_figure()
    axis.plot(batches, rates, "o-", color=COLOURS[0], label="h = 1 / i, 100 dimensions")
    axis.axhline(2.0, color=COLOURS[6], linestyle=":", label="2 / largest h: descent diverges")
    axis.set(xscale="log", yscale="log", xlabel="batch size", ylabel="best learning rate")
    axis.legend()
    save(figure, out / "best_rate")
    figure, axis = new_figure()
    fewest, middle = critical
    axis.plot(batches, counts, "o", color=COLOURS[0], label="steps at the best rate")
    fitted = [fewest * (1 + middle / b) for b in batches]
    label = f"{fewest:.0f} (1 + {middle:.0f} / B)"
    axis.plot(batches, fitted, color=COLOURS[0], linewidth=1, label=label)
    axis.plot(batches, [fewest * middle / b for b in batches], "--", color=COLOURS[1],
              label="noise decides: half the steps for twice the batch")  # fmt: skip
    axis.axhline(fewest, color=COLOURS[2], linestyle="--", label="curvature decides")
    axis.axvline(middle, color=COLOURS[3], linestyle=":", label=f"critical batch size {middle:.0f}")
    axis.set(xscale="log", yscale="log", xlabel="batch size", ylim=(fewest / 3, None),
             ylabel=f"steps to {TARGET:.0%} of the initial loss")  # fmt: skip
    axis.legend()
    save(figure, out / "steps_by_batch")


def main() -> None:
    out = parser().parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    rows = curve()
    critical = critical_batch([r["batch"] for r in rows], [r["steps"] for r in rows])
    for row in rows:
        print(f"batch {row['batch']:6.0f}: best rate {row['rate']:.4f}, {row['steps']:,.0f} steps")
    print(f"fewest steps {critical[0]:.0f}, critical batch size {critical[1]:.0f}")
    with write_whole(str(out / "numbers.json")) as file:
        json.dump({"curve": rows, "fewest": critical[0], "critical": critical[1]}, file, indent=1)
    try:
        draw(rows, critical, out)
    except ImportError:
        without_matplotlib()


if __name__ == "__main__":
    with errors_are_sentences():
        main()
