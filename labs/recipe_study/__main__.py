"""Which ingredient of a recipe does what: each removed, and each alone.

python -m labs.recipe_study [--only ARM ...] [--people N] [--steps N] [--out FOLDER]

Trains on a part of the corpus, asks about training people whose questions were held out (never
dev), and writes FOLDER/<arm>-seed<k>/result.json, table.md and curves.png. Runs whose result is
there are not repeated.
"""

import argparse

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from base.source import default_of, keys
from labs.common import family
from training.config import add_flags

ARM_FILE = "../labs/recipe_study/arm.py"
SIZES = ("people", "held_out", "steps", "n_embd")


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    arms = keys(ARM_FILE, "ARMS")
    p = Parser(prog="python -m labs.recipe_study", description=__doc__, formatter_class=style)
    p.add_argument("--only", nargs="+", metavar="ARM", choices=arms, help=", ".join(arms))
    for name in SIZES:
        p.add_argument(f"--{name}", type=whole(), default=default_of(ARM_FILE, "Settings", name))
    add_flags(p, "device")
    family.add_options(p, "runs/recipe_study")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.recipe_study.arm import ARMS, Settings
from labs.recipe_study.table import draw, table


def main() -> None:
    args = parser().parse_args()
    sizes = {name: getattr(args, name) for name in SIZES}
    wanted = {
        f"{arm.replace(', ', '-').replace(' ', '-')}-seed{seed}": Settings(
            arm, repr(ARMS[arm]), seed=seed, device=args.device, **sizes
        )
        for seed in args.seeds
        for arm in args.only or ARMS
    }
    failed = family.run_all("labs.recipe_study.arm", wanted, args.out, args.jobs)
    results = family.results(args.out)
    family.finish(table(results), lambda: draw(results, args.out / "curves"), failed, args.out)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
