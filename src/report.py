"""One HTML page from what `run.py evaluate --report` wrote: how right, how sure, and from where.

    python src/report.py FILE.jsonl ... -o report.html [--numbers numbers.json]

Several files (no pretraining, pretrained, each variant) are compared in one table, the best run
first. The page needs no network. --numbers writes its figures alone (no names, no sentences) as
JSON.
"""

import argparse
import json

from base.cli import Parser
from base.errors import errors_are_sentences


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("files", nargs="+", metavar="FILE.jsonl", help="from run.py evaluate --report")
    p.add_argument("-o", "--output", help="the page; report.html unless --numbers is given")
    p.add_argument("--numbers", help="where the figures go, as JSON")
    return p


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    from answers.answer import run_path
    from base.files import check_outputs, write_whole
    from page.numbers import labels_apart, load_run, numbers
    from page.sections import page

    output = args.output or (None if args.numbers else "report.html")
    check_outputs([output, args.numbers], [*args.files, *map(run_path, args.files)])
    runs = [load_run(path) for path in args.files]
    labels_apart(runs)
    if output:
        text = page(runs)
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
