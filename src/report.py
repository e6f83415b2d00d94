"""One HTML page from what `run.py evaluate --report` wrote: how right, how sure, and from where.

    python src/report.py FILE.jsonl ... -o report.html [--inside] [--numbers numbers.json]

Several files (no pretraining, pretrained, each variant) are compared in one table, the best run
first. The page needs no network. With --inside it holds each run's model too (about 9 MB each), and
every question can be looked at as explore.py shows it. --numbers writes its figures alone (no
names, no sentences) as JSON.
"""

import argparse
import json

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.interrupts import importing


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+", metavar="FILE.jsonl", help="from run.py evaluate --report")
    p.add_argument("-o", "--output", help="the page; report.html unless --numbers is given")
    p.add_argument(
        "--inside",
        action="store_true",
        help="hold the models too: what happens inside at each question",
    )
    p.add_argument("--numbers", help="where the figures go, as JSON")
    return p


def inside(run, path: str) -> str:
    """The page of a run's model (see explore.py). Raises UserError where the model is not there any
    more, or another one than that which gave the answers in `path`."""
    import os

    from explore import page_of
    from params import read_description

    about = run.about
    if not (about.params and about.corpus):
        raise UserError(f"{path}: does not say which params and corpus it is of; drop --inside")
    for file in (about.params, about.corpus):
        if not os.path.exists(file):
            raise UserError(
                f"{path}: its model cannot be shown, for {file} is not there; start the command "
                "in the folder in which `evaluate --report` ran, or drop --inside"
            )
    if read_description(about.params).get("params") != about.trained.get("params"):
        raise UserError(
            f"{about.params}: not the model that gave the answers in {path}; run `evaluate "
            "--report` again, or drop --inside"
        )
    return page_of([about.params], about.corpus, about.variant)


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    with importing():
        from answers.answer import run_path
        from base.files import check_outputs, write_whole
        from page.numbers import labels_apart, load_run, numbers
        from page.sections import page

    output = args.output or (None if args.numbers else "report.html")
    if args.inside and not output:
        raise UserError("--inside is for the page; give -o too")
    check_outputs([output, args.numbers], [*args.files, *map(run_path, args.files)])
    runs = [load_run(path) for path in args.files]
    labels_apart(runs)
    if output:
        pairs = zip(runs, args.files, strict=True)
        text = page(runs, [inside(*pair) for pair in pairs] if args.inside else None)
        with write_whole(output) as file:
            file.write(text)
        print(f"{output}: {len(text.encode()) / 1e6:.2f} MB")
    if args.numbers:
        with write_whole(args.numbers) as file:
            json.dump([numbers(run) for run in runs], file, indent=2)
            file.write("\n")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
