"""Steps to a validation loss by batch size, each at its best learning rate.

python -m labs.pig_latin.batch_size [--batches B ...] [--rates R ...] [--target L] [--seeds K ...]

Batches are drawn from all pairs (padded), so that each has B. Adam, constant rate. Writes
FOLDER/b<B>-r<R>-seed<k>/result.json, table.md and the figure steps_by_batch.
"""

import argparse
import math
import statistics
from dataclasses import asdict, dataclass

from base.cli import Parser, check_words, real, whole
from base.errors import errors_are_sentences
from labs.common import family

BATCHES = (2, 8, 32, 128, 512)
RATES = (1e-3, 2e-3, 4e-3, 8e-3, 16e-3)


@dataclass(frozen=True)
class Settings:
    """What a run is made of. It ends at the target, or after `most` examples or `fewest` steps,
    whichever is later."""

    batch_size: int
    learning_rate: float
    target: float = 1.0
    hidden: int = 32
    pairs: str = "large"
    most: int = 20_000  # examples
    fewest: int = 200  # steps
    seed: int = 0

    def longest(self) -> int:
        """Steps after which a run gives up."""
        return max(self.fewest, self.most // self.batch_size)


def parser() -> Parser:
    style = argparse.RawDescriptionHelpFormatter
    p = Parser(prog="python -m labs.pig_latin.batch_size", description=__doc__,
               formatter_class=style)  # fmt: skip
    p.add_argument("--batches", nargs="+", type=whole(), default=BATCHES, metavar="B")
    p.add_argument("--rates", nargs="+", type=real(1e6), default=RATES, metavar="R")
    p.add_argument("--target", type=real(1e6), default=Settings.target, help="nats")
    p.add_argument("--hidden", type=whole(), default=Settings.hidden)
    family.add_options(p, "runs/pig_latin-batch_size")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np

import utils
from labs.common.critical import critical_batch
from labs.common.plots import COLOURS, new_figure, save
from labs.pig_latin.data import pairs_path, read_pairs, split
from labs.pig_latin.model import EncoderDecoder, Sizes
from labs.pig_latin.train import Run, Training

SHARES = 200  # a run is measured this often, evenly over its longest length
HELD = 640  # pairs of the validation loss


def run(settings: Settings) -> dict:
    train, held = split(read_pairs(pairs_path(settings.pairs)), settings.seed)
    utils.set_seed(settings.seed)
    model = EncoderDecoder(Sizes(settings.hidden))
    epochs = max(1, settings.longest() * settings.batch_size // len(train))
    how = Training(
        settings.batch_size, epochs, 10**9, settings.learning_rate, decay=1.0, seed=settings.seed,
        padded=True, measure_every=max(1, settings.longest() // SHARES), target=settings.target,
    )  # fmt: skip
    curve = Run(model, train, held[:HELD], how).run()
    return asdict(settings) | {"steps": crossing(curve, settings.target), "curve": curve}


def crossing(curve: list[dict], target: float) -> float | None:
    """The steps at which the validation loss reaches the target, between two measurements by
    interpolation; None where it does not."""
    before = None
    for row in curve:
        if row["validation"] <= target:
            if before is None:
                return float(row["steps"])
            share = (before["validation"] - target) / (before["validation"] - row["validation"])
            return before["steps"] + share * (row["steps"] - before["steps"])
        before = row
    return None


def mean_steps(results: list[dict]) -> dict[tuple[int, float], tuple[float, int]]:
    """(batch, rate) -> the mean steps over the seeds, infinite where one did not reach the target,
    and how many seeds."""
    found: dict[tuple[int, float], list] = {}
    for r in results:
        found.setdefault((r["batch_size"], r["learning_rate"]), []).append(r["steps"])
    return {
        key: (math.inf if None in steps else statistics.mean(steps), len(steps))
        for key, steps in sorted(found.items())
    }


def best(results: list[dict]) -> list[dict]:
    """For each batch size the rate whose mean steps are fewest: {batch, rate, steps, seeds}."""
    found: dict[int, dict] = {}
    for (batch, rate), (steps, seeds) in mean_steps(results).items():
        if steps < found.get(batch, {"steps": math.inf})["steps"]:
            found[batch] = {"batch": batch, "rate": rate, "steps": steps, "seeds": seeds}
    return list(found.values())


def table(results: list[dict], target: float) -> str:
    """A row a batch size, with the steps at each rate; the best one and the law below."""
    steps = mean_steps(results)
    rates = sorted({rate for _, rate in steps})
    heads = ["batch", *(f"steps at {rate:g}" for rate in rates), "best rate", "examples", "seeds"]
    text = f"| {' | '.join(heads)} |\n|{' --- |' * len(heads)}\n"
    rows = best(results)
    for r in rows:
        cells = [steps.get((r["batch"], rate), (None, 0))[0] for rate in rates]
        said = ["not run" if n is None else f"{n:,.0f}" if n < math.inf else "never" for n in cells]
        text += (f"| {r['batch']} | {' | '.join(said)} | {r['rate']:g} "
                 f"| {r['steps'] * r['batch']:,.0f} | {r['seeds']} |\n")  # fmt: skip
    fewest, critical = law_of(rows)
    return text + (
        f"\nSteps to a validation loss of {target:g}: about {fewest:.0f} (1 + {critical:.0f} / B); "
        f"the critical batch size is {critical:.0f} words.\n"
    )


def law_of(rows: list[dict]) -> tuple[float, float]:
    return critical_batch([r["batch"] for r in rows], [r["steps"] for r in rows])


def draw(results: list[dict], target: float, path) -> None:
    """Left the steps by batch size at the best rate, right by rate."""
    figure, (left, right) = new_figure(1, 2, (11, 4.8), sharey=True)
    rows = best(results)
    fewest, critical = law_of(rows)
    b, steps = [r["batch"] for r in rows], [r["steps"] for r in rows]
    left.plot(b, steps, "o", color=COLOURS[0], label="measured, at the best rate")
    x = np.geomspace(min(b), max(b))
    left.plot(x, fewest * (1 + critical / x), color=COLOURS[0], linewidth=1,
              label=f"{fewest:.0f} (1 + {critical:.0f} / B)")  # fmt: skip
    left.plot(x, fewest * critical / x, "--", color=COLOURS[1],
              label="noise decides: half the steps for twice the batch")  # fmt: skip
    left.axhline(fewest, color=COLOURS[2], linestyle="--", label="curvature decides")
    left.axvline(critical, color=COLOURS[3], linestyle=":",
                 label=f"critical batch size {critical:.0f}")  # fmt: skip
    left.set(xscale="log", yscale="log", xlabel="batch size, words",
             ylabel=f"steps to a validation loss of {target:g}")  # fmt: skip
    reached = {key: mean for key, (mean, _) in mean_steps(results).items() if mean < math.inf}
    for colour, batch in zip(COLOURS, b, strict=False):
        rates = [rate for size, rate in reached if size == batch]
        counts = [reached[batch, rate] for rate in rates]
        right.plot(rates, counts, "o-", color=colour, label=f"batch {batch}")
    right.set(xscale="log", xlabel="learning rate of Adam", ylim=(fewest / 2, None))
    left.legend()
    right.legend()
    save(figure, path)


def main() -> None:
    args = parser().parse_args()
    wanted = {
        f"b{b}-r{r:g}-seed{k}": Settings(b, r, args.target, args.hidden, seed=k)
        for k in args.seeds for b in args.batches for r in args.rates
    }  # fmt: skip
    failed = family.run_all("labs.pig_latin.batch_size", wanted, args.out, args.jobs)
    found = family.results(args.out), args.target
    family.finish(
        table(*found), lambda: draw(*found, args.out / "steps_by_batch"), failed, args.out
    )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
