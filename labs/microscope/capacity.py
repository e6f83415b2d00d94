"""How much does a model hold? Bits a parameter, by size, people, exposures and optimizer.

python -m labs.microscope.capacity [--sizes 20k ...] [--people N ...] [--exposures N ...] [--out F]

Every run has a folder in F (see labs/common/family.py): a study can be stopped, started again and
extended, and several processes or machines that share F take different runs. table.md and a
picture are made of all results in F.
"""

import argparse
import sys

from base.cli import Parser, check_words, real, whole
from base.errors import UserError, errors_are_sentences
from base.files import write_whole
from base.source import default_of, literal
from labs.common import family

HOLDING = "../labs/microscope/holding.py"


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    shapes, rates = literal(HOLDING, "SHAPES"), literal(HOLDING, "RATES")
    batch = default_of(HOLDING, "Settings", "batch")
    usual = ", ".join(f"{rate} for {optimizer}" for optimizer, rate in rates.items())
    p = Parser(prog="python -m labs.microscope.capacity", description=__doc__,
               formatter_class=style)  # fmt: skip
    p.add_argument("--sizes", nargs="+", choices=shapes, default=["20k"], metavar="SIZE",
                   help=f"parameters, of {', '.join(shapes)} (default: 20k)")  # fmt: skip
    p.add_argument("--people", nargs="+", type=whole(), default=[1000, 2000, 4000], metavar="N")
    p.add_argument("--exposures", nargs="+", type=whole(), default=[100], metavar="N",
                   help="how often each document is read (default: 100)")  # fmt: skip
    p.add_argument("--optimizers", nargs="+", choices=rates, default=list(rates))
    p.add_argument("--rates", nargs="+", type=real(1.0), metavar="RATE",
                   help=f"learning rates, of one optimizer (default: {usual})")  # fmt: skip
    p.add_argument("--batch", type=whole(), default=batch, metavar="ROWS",
                   help=f"documents read in a step (default: {batch})")  # fmt: skip
    p.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu",
                   help="where the models are trained (default: cpu)")  # fmt: skip
    family.add_options(p, "runs/capacity")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.common.plots import COLOURS, new_figure, save, without_matplotlib
from labs.microscope.holding import RATES, SHAPES, Settings

COLUMNS = ("parameters", "people", "exposures", "batch", "optimizer", "rate", "seed",
           "demand, bits a parameter", "held, float32", "of it names", "held, int8",
           "seconds")  # fmt: skip


def name_of(s: Settings) -> str:
    batch = f"-batch{s.batch}" if s.batch != Settings.batch else ""
    rate = f"-rate{s.rate:g}" if s.rate != RATES[s.optimizer] else ""
    times = f"{s.size}-{s.people}-people-{s.exposures}-times"
    return f"{times}{batch}-{s.optimizer}{rate}-seed{s.seed}"


def ordered(results: list[dict]) -> list[dict]:
    return sorted(results, key=lambda r: (r["parameters"], r["exposures"], r["people"],
                                          r["batch"], r["optimizer"], r["rate"],
                                          r["seed"]))  # fmt: skip


def markdown(results: list[dict]) -> str:
    """A row a run."""
    lines = [f"| {' | '.join(COLUMNS)} |", "|" + " --- |" * len(COLUMNS)]
    for r in ordered(results):
        full, small = r["float32"], r["int8"]
        names = (full["bits"] - full["of places"]) / r["parameters"]
        lines.append(
            f"| {r['parameters']:,} | {r['people']:,} | {r['exposures']:,} | {r['batch']} | "
            f"{r['optimizer']} | {r['rate']:g} | {r['seed']} | {r['demand']:.2f} | "
            f"{full['per parameter']:.2f} | {names:.2f} | {small['per parameter']:.2f} | "
            f"{r['seconds']:.0f} |"
        )
    return "\n".join(lines) + "\n"


def best_rates(results: list[dict]) -> list[dict]:
    """Of runs that differ in their rate alone, the one with the lowest training loss."""
    best: dict[tuple, dict] = {}
    for r in sorted(results, key=lambda r: r["float32"]["p1"] + r["float32"]["p2"]):
        others = ("size", "people", "exposures", "batch", "optimizer", "seed")
        best.setdefault(tuple(r[name] for name in others), r)
    return list(best.values())


def draw(results: list[dict], path) -> None:
    """Held against demand at the best rates: a line an optimizer and number of exposures, a marker
    a size."""
    figure, axis = new_figure()
    results = best_rates(results)
    lines = sorted({(r["exposures"], r["optimizer"]) for r in results})
    markers = dict(zip(SHAPES, "osD", strict=True))
    for colour, (exposures, optimizer) in zip(COLOURS, lines, strict=False):
        for size in SHAPES:
            own = [r for r in results if (r["exposures"], r["optimizer"], r["size"])
                   == (exposures, optimizer, size)]  # fmt: skip
            own.sort(key=lambda r: r["demand"])
            if own:
                demand, held = zip(*((r["demand"], r["float32"]["per parameter"]) for r in own),
                                   strict=True)  # fmt: skip
                label = f"{optimizer}, {exposures:,} times, {size}"
                axis.plot(demand, held, marker=markers[size], color=colour, label=label)
    most = max(r["demand"] for r in results)
    axis.plot([0, most], [0, most], ":", color="grey", label="everything")
    axis.axhline(2, linestyle="--", color="grey")
    axis.annotate("2 bits (arXiv 2404.05405)", (most, 2), ha="right", va="bottom")
    axis.set_ylim(0, max(2.3, 1.05 * max(r["float32"]["per parameter"] for r in results)))
    axis.set_xlabel("what the world would take, bits a parameter")
    axis.set_ylabel("held, bits a parameter")
    axis.legend()
    save(figure, path)


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.rates and len(args.optimizers) > 1:
        raise UserError("--rates: give one of --optimizers, whose rates they are")
    wanted = [Settings(size, people, exposures, optimizer, rate, seed, args.batch, args.device)
              for exposures in args.exposures for size in args.sizes for people in args.people
              for optimizer in args.optimizers
              for rate in args.rates or [RATES[optimizer]] for seed in args.seeds]  # fmt: skip
    runs = {name_of(settings): settings for settings in wanted}
    failed = family.run_all("labs.microscope.holding", runs, args.out, args.jobs)
    family.refuse_failed(failed, args.out)
    results = family.results(args.out)
    text = markdown(results)
    with write_whole(str(args.out / "table.md")) as file:
        file.write(text)
    print(text, end="")
    try:
        draw(results, args.out / "capacity")
    except ImportError:
        without_matplotlib()


if __name__ == "__main__":
    with errors_are_sentences():
        main(sys.argv[1:])
