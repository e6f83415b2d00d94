"""Every attention variant, and every choice of positions for vanilla, trained alike and ranked.

python -m labs.attention_study [--only ARM ...] [--steps N] [--seeds K ...] [--out FOLDER]

Writes FOLDER/<arm>-seed<k>/result.json for each run, then table.md and pictures. Runs whose result
is there are not repeated, so a study can be stopped, started again and extended.
"""

import argparse

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from base.source import default_of, keys, literal
from labs.common import family

ARM_FILE = "../labs/attention_study/arm.py"


def arms() -> dict[str, tuple[str, str | None]]:
    """Each arm's variant, and its positions where they are not the variant's own."""
    found = {name: (name, None) for name in keys("attention/__init__.py", "VARIANTS")}
    for positions in literal("attention/registry.py", "POSITIONS"):
        if positions != "learned":  # vanilla's own
            found[f"vanilla+{positions}"] = ("vanilla", positions)
    return found


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    p = Parser(prog="python -m labs.attention_study", description=__doc__, formatter_class=style)
    p.add_argument("--only", nargs="+", metavar="ARM", choices=arms(), help=", ".join(arms()))
    p.add_argument("--steps", type=whole(), help="of training",
                   default=default_of(ARM_FILE, "Settings", "steps"))  # fmt: skip
    p.add_argument("--people", type=whole(), help="to ask about",
                   default=default_of(ARM_FILE, "Settings", "people"))  # fmt: skip
    family.add_options(p, "runs/attention_study")
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--preset", choices=("small", "course"), default="small",
        help="course: the handout's model, data and budget (for an accelerator; --steps and "
        "--people say nothing there)",
    )  # fmt: skip
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.attention_study import plots
from labs.attention_study.arm import Settings
from labs.attention_study.table import markdown, ranked, same_as_vanilla
from labs.attention_study.world import PLACES
from model import COURSE_SIZES


def settings_of(args: argparse.Namespace, arm: str, seed: int) -> Settings:
    variant, positions = arms()[arm]
    sizes = COURSE_SIZES if args.preset == "course" else {}
    return Settings(
        variant, positions, seed, args.preset, args.people, args.steps, device=args.device, **sizes
    )


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    wanted = {
        f"{arm}-seed{seed}": settings_of(args, arm, seed)
        for seed in args.seeds
        for arm in args.only or arms()
    }
    failed = family.run_all("labs.attention_study.arm", wanted, args.out, args.jobs)
    results = family.results(args.out)
    rows = ranked(results)
    for name in same_as_vanilla(results):
        print(f"warning: {name} has exactly vanilla's loss: does its variant do anything?")
    guessing = None if args.preset == "course" else 1 / PLACES
    family.finish(markdown(rows), lambda: plots.draw(rows, args.out, guessing), failed, args.out)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
