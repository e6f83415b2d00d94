"""Translate words with a trained model.

python -m labs.pig_latin.translate [WORDS ...] [--model FILE]

Without WORDS it asks for them at a prompt, or reads lines from a pipe. FILE is a run's best.pt
(default: the model that comes with the lab).
"""

import argparse
import sys
from pathlib import Path

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences

MODEL = str(Path(__file__).parent / "data" / "model.pt")


def parser() -> Parser:
    p = Parser(prog="python -m labs.pig_latin.translate", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("words", nargs="*", metavar="WORDS", help="what to translate, lower case")
    p.add_argument("--model", default=MODEL, help="a run's best.pt")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from labs.pig_latin.data import check_word


def load(path: str):
    """The EncoderDecoder in a file. Raises UserError for a file of another kind."""
    from base.tensors import load_tensors
    from labs.pig_latin.model import EncoderDecoder, Sizes

    content = load_tensors(path)
    if not {"sizes", "state"} <= content.keys():
        raise UserError(f"{path}: no model of this lab; give a run's best.pt")
    model = EncoderDecoder(Sizes(*content["sizes"]))
    model.load_state_dict(content["state"])
    return model.eval()


def lines(words: list[str]):
    """What is to be translated: the words given, or what is typed or piped in."""
    if words:
        yield " ".join(words)
    elif sys.stdin.isatty():
        while True:
            try:
                yield input("words: ")
            except EOFError:
                return
    else:
        yield from sys.stdin


def main() -> None:
    args = parser().parse_args()
    model = load(args.model)
    from labs.pig_latin.model import translate

    for line in lines(args.words):
        words = line.split()
        try:
            for word in words:
                check_word(word, "the words")
        except UserError as error:
            if args.words or not sys.stdin.isatty():
                raise
            print(error)
            continue
        print(" ".join(translate(model, words)) if words else "", flush=True)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
