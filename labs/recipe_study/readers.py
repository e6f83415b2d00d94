"""How good is a reader? Which span of a document answers, told on training people held out.

python -m labs.recipe_study.readers [--reader ranker network] [--folds N] [--steps N] [--seed N]

Fits each reader to four fifths of the people whom the training questions ask about, and lets it
read the documents of the last fifth; so for the first N of the five folds. The same people for
both readers. Prints the counts, the share that is right, and how often "none" is, with Wilson 95 %
intervals. Dev is never opened.
"""

import argparse
import time

import network_reader
from answers.metrics import wilson
from base.cli import Parser, whole
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text
from dataset import CharCorruptionDataset, NameDataset
from run import READERS
from training.reader import Ranker, accuracy, asked_documents, held_out_readings

FOLDS = 5


def share(part: int, whole: int) -> str:
    """A share with its interval, as text."""
    if not whole:
        return "0 of 0"
    low, high = wilson(part, whole)
    return f"{part} of {whole}, {100 * part / whole:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--reader", nargs="+", choices=READERS, default=list(READERS))
    p.add_argument("--folds", type=whole(1, FOLDS), default=1)
    p.add_argument("--steps", type=whole(), default=network_reader.STEPS,
                   help="of the network's training (%(default)s)")  # fmt: skip
    p.add_argument("--seed", type=whole(0), default=0)
    return p


def main() -> None:
    args = parser().parse_args()
    corpus_path, train_path = find_files("wiki.txt", "birth_places_train.tsv")
    corpus = CharCorruptionDataset(read_text(corpus_path), 128, args.seed)
    questions = NameDataset(corpus, read_text(train_path), True, source=train_path)
    asked = asked_documents(corpus.data, questions.data)
    if len({one.document for one in asked}) < FOLDS:
        raise UserError(f"{train_path}: asks about fewer than {FOLDS} documents; give more rows")
    makers = {
        "ranker": lambda: Ranker(args.seed),
        "network": lambda: network_reader.NetworkReader(corpus, args.seed, args.steps),
    }
    for name in args.reader:
        began = time.monotonic()
        folds = range(args.folds)
        readings = held_out_readings(corpus.data, asked, FOLDS, args.seed, makers[name], folds)
        held = [asked[k] for k in readings]
        counts = accuracy(corpus.data, held, readings.values())
        seconds = time.monotonic() - began
        right = share(counts["right"], counts["questions"])
        none = share(counts["none rightly"], counts["none"])
        print(
            f"{name}, {args.folds} of {FOLDS} folds, {seconds:.0f} seconds: right {right}; "
            f"a candidate answers {counts['possible']}; none rightly {none}",
            flush=True,
        )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
