"""The accuracy of answering "London" to every question of the dev set (handout, part d)."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "src"))

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import find_files
from base.interrupts import importing
from base.questions import load_rows, places_of


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "questions", nargs="?", default="birth_dev.tsv", help="question, tab, place (birth_dev.tsv)"
    )
    return p


def main(argv: list[str] | None = None) -> None:
    (path,) = find_files(parser().parse_args(argv).questions)
    places = places_of(load_rows(path))
    if places is None:
        raise UserError(f"{path}: has no places to compare with; give rows of question, tab, place")
    with importing():
        import utils  # torch, which `--help` does not need

    total, correct = utils.score_places(places, ["London"] * len(places))
    print(f"Correct: {correct} out of {total}: {correct / total * 100}%")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
