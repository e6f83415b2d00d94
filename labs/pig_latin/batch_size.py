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

BATCHES = (8, 32, 128, 512, 2048)
RATES = (5e-4, 1e-3, 2e-3, 4e-3, 8e-3)


@dataclass(frozen=True)
class Settings:
    """What a run is made of. It ends at the target, or after `most` examples or `fewest` steps,
    whichever is later."""

    batch_size: int
    learning_rate: float
    target: float = 1.5
    hidden: int = 32
    pairs: str = "large"
    most: int = 100_000  # examples
    fewest: int = 400  # steps
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


def best(results: list[dict]) -> list[dict]:
    """For each batch size the rate whose mean steps are fewest: {batch, rate, steps, seeds}."""
    found: dict[int, dict] = {}
    by_setting: dict[tuple, list] = {}
    for r in results:
        by_setting.setdefault((r["batch_size"], r["learning_rate"]), []).append(r["steps"])
    for (batch, rate), steps in sorted(by_setting.items()):
        mean = math.inf if None in steps else statistics.mean(steps)
        if mean < found.get(batch, {"steps": math.inf})["steps"]:
            found[batch] = {"batch": batch, "rate": rate, "steps": mean, "seeds": len(steps)}
    return list(found.values())


def table(rows: list[dict], target: float, fewest: float, critical: float) -> str:
    text = "| batch | best rate | steps | examples | seeds |\n| --- | --- | --- | --- | --- |\n"
    for r in rows:
        text += (f"| {r['batch']} | {r['rate']:g} | {r['steps']:,.0f} "
                 f"| {r['steps'] * r['batch']:,.0f} | {r['seeds']} |\n")  # fmt: skip
    return text + (
        f"\nSteps to a validation loss of {target:g}: about {fewest:.0f} (1 + {critical:.0f} / B); "
        f"the critical batch size is {critical:.0f} words.\n"
    )


def draw(rows: list[dict], target: float, fewest: float, critical: float, path) -> None:
    figure, axis = new_figure()
    b, steps = [r["batch"] for r in rows], [r["steps"] for r in rows]
    axis.plot(b, steps, "o", color=COLOURS[0], label="measured, at the best rate")
    axis.plot(b, [fewest * (1 + critical / x) for x in b], color=COLOURS[0], linewidth=1,
              label=f"{fewest:.0f} (1 + {critical:.0f} / B)")  # fmt: skip
    axis.plot(b, [fewest * critical / x for x in b], "--", color=COLOURS[1],
              label="noise decides: half the steps for twice the batch")  # fmt: skip
    axis.axhline(fewest, color=COLOURS[2], linestyle="--", label="curvature decides")
    axis.set(xscale="log", yscale="log", xlabel="batch size, words", ylim=(fewest / 3, None),
             ylabel=f"steps to a validation loss of {target:g}")  # fmt: skip
    axis.legend()
    save(figure, path)


def main() -> None:
    args = parser().parse_args()
    wanted = {
        f"b{b}-r{r:g}-seed{k}": Settings(b, r, args.target, args.hidden, seed=k)
        for k in args.seeds for b in args.batches for r in args.rates
    }  # fmt: skip
    failed = family.run_all("labs.pig_latin.batch_size", wanted, args.out, args.jobs)
    rows = best(family.results(args.out))
    fewest, critical = critical_batch([r["batch"] for r in rows], [r["steps"] for r in rows])
    found = rows, args.target, fewest, critical
    family.finish(
        table(*found), lambda: draw(*found, args.out / "steps_by_batch"), failed, args.out
    )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
