"""Which size is best for a given number of FLOPs?

python -m labs.scaling TASK [--sizes N ...] [--budgets X ...] [--seeds K ...] [--jobs N] [--out F]

TASK: pig_latin   the encoder-decoder of labs/pig_latin, by validation loss
      birthplace  the GPT of src/ on the birthplace corpus, by the loss of documents held out
      knowledge   the same with the knowledge recipe, by wrong answers about people held out

Trains each size until the largest budget is spent, and writes FOLDER/size<N>-seed<k>/result.json,
profiles.md, law.md, law.json and four figures. Runs whose result is there are not repeated.
Started on several machines that share FOLDER, the command divides the runs among them.
"""

import argparse
import importlib
import json

from base.cli import Parser, check_words, whole
from base.errors import UserError, errors_are_sentences
from base.files import write_whole
from labs.common import family

TASKS = {  # name -> the module with SIZES, BUDGETS, SIZE_NAME, SCORE_NAME, Settings and run
    "pig_latin": "labs.pig_latin.sweep",
    "birthplace": "labs.scaling.birthplace",
    "knowledge": "labs.scaling.knowledge",
}
FAR = 1e15  # FLOPs to which the lines are extended


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    p = Parser(prog="python -m labs.scaling", description=__doc__, formatter_class=style)
    p.add_argument("task", choices=TASKS, help="what is trained")
    p.add_argument("--sizes", nargs="+", type=whole(), metavar="N", help="channels")
    p.add_argument("--budgets", nargs="+", type=family.flops, metavar="X", help="FLOPs")
    p.add_argument("--far", type=family.flops, default=FAR, help="FLOPs to extend to (1e15)")
    family.add_options(p, "runs/scaling-<task>")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np

from labs.scaling import fits, plots
from labs.scaling.table import law_table, profiles_table

POINTS = 12  # of a curve, besides the budgets


def marks(budgets: list[float]) -> tuple[float, ...]:
    """FLOPs at which a run is measured: the budgets, and points from a twentieth of the least."""
    points = np.geomspace(min(budgets) / 20, max(budgets), POINTS)
    return tuple(sorted({float(f"{point:.4g}") for point in [*points, *budgets]}))


def main() -> None:
    args = parser().parse_args()
    if str(args.out) == "runs/scaling-<task>":
        args.out = args.out.with_name(f"scaling-{args.task}")
    module = importlib.import_module(TASKS[args.task])
    sizes, budgets = args.sizes or module.SIZES, sorted(args.budgets or module.BUDGETS)
    if len(set(sizes)) < 3:
        raise UserError("--sizes: give at least three; a profile is a quadratic")
    wanted = {
        f"size{size}-seed{seed}": module.Settings(size, marks(budgets), seed=seed)
        for seed in args.seeds
        for size in sizes
    }
    failed = family.run_all(TASKS[args.task], wanted, args.out, args.jobs)
    results = family.results(args.out)
    found = fits.profiles(results, budgets)
    family.finish(
        profiles_table(found), lambda: plots.draw_measured(results, found, module, args.out),
        failed, args.out, "profiles.md",
    )  # fmt: skip
    law = fits.fit(found)
    interval = fits.bootstrap(found, args.far)
    with write_whole(str(args.out / "law.json")) as file:
        json.dump({"law": law._asdict(), "interval": interval._asdict(), "far": args.far}, file)
    family.finish(
        law_table(law, interval, args.far),
        lambda: plots.draw_law(law, interval, args.far, args.out), [], args.out, "law.md",
    )  # fmt: skip


if __name__ == "__main__":
    with errors_are_sentences():
        main()
