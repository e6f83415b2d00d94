"""Every attention variant, and every choice of positions for vanilla, trained alike and ranked.

python -m labs.attention_study [--only ARM ...] [--steps N] [--seeds K ...] [--out FOLDER]

Writes FOLDER/<arm>-seed<k>/result.json for each run, then table.md and pictures. Runs whose result
is there are not repeated, so a study can be stopped, started again and extended.
"""

import argparse

from attention import POSITIONS, VARIANTS
from base.cli import Parser, whole
from base.errors import errors_are_sentences
from labs.attention_study import plots
from labs.attention_study.arm import Settings
from labs.attention_study.table import markdown, ranked, same_as_vanilla
from labs.attention_study.world import PLACES
from labs.common import family
from model import COURSE_SIZES


def arms() -> dict[str, tuple[str, str | None]]:
    """Each arm's variant, and its positions where they are not the variant's own."""
    found = {name: (name, None) for name in VARIANTS}
    for positions in POSITIONS:
        if positions != VARIANTS["vanilla"].positions:
            found[f"vanilla+{positions}"] = ("vanilla", positions)
    return found


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    p = Parser(prog="python -m labs.attention_study", description=__doc__, formatter_class=style)
    p.add_argument("--only", nargs="+", metavar="ARM", choices=arms(), help=", ".join(arms()))
    p.add_argument("--steps", type=whole(), default=Settings.steps, help="of training")
    p.add_argument("--people", type=whole(), default=Settings.people, help="to ask about")
    family.add_options(p, "runs/attention_study")
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--preset", choices=("small", "course"), default="small",
        help="course: the handout's model, data and budget (for an accelerator; --steps and "
        "--people say nothing there)",
    )  # fmt: skip
    return p


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
