"""How good is a reader? Which span of a document answers, told on training people held out.

python -m labs.recipe_study.readers [--reader ranker word-before network] [--folds N] [--steps N]

Fits each reader to four fifths of the people whom the training questions ask about, and lets it
read the documents of the last fifth; so for the first N of the five folds. The same people for
all readers. Prints the counts, the share that is right, and how often "none" is, with Wilson 95 %
intervals; and how many answers are right where they are drawn by the reader's probabilities, as the
recipe `reading` draws them, or its best one is taken, where that is not "none". "word-before" is
what the recipe `knowledge` drew spans by until 2026-11-27 (training/salience.py). Dev is never
opened.
"""

import argparse
import time
from collections.abc import Iterable

from base.cli import Parser, check_words, whole
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text
from base.source import literal

FOLDS = 5
MAKERS = ("ranker", "word-before", "network")


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--reader", nargs="+", choices=MAKERS, default=list(MAKERS))
    p.add_argument("--folds", type=whole(1, FOLDS), default=1)
    p.add_argument("--steps", type=whole(), default=literal("network_reader.py", "STEPS"),
                   help="of the network's training (%(default)s)")  # fmt: skip
    p.add_argument("--seed", type=whole(0), default=0)
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import network_reader
from answers.metrics import wilson
from dataset import CharCorruptionDataset, NameDataset
from training.reader import (
    Asked,
    Ranker,
    Reading,
    accuracy,
    asked_documents,
    held_out_readings,
    title_of,
)
from training.salience import answer_likeness, salient_spans


class WordBefore:
    """The likeness by the word before a span, as a reader. It never says "none" of a span."""

    def fit(self, documents: list[str], asked: list[Asked]) -> "WordBefore":
        self.documents = documents
        self.rows = [f"{one.question}\t{one.answer}" for one in asked]
        return self

    def read_all(self, documents: list[str]) -> list[Reading]:
        every = self.documents + documents
        found = [salient_spans(document, len(title_of(document))) for document in every]
        spans = [(i, a, b - a) for i, own in enumerate(found) for a, b in own]
        likeness = iter(answer_likeness(every, spans, self.rows))
        readings = []
        for own in found:
            each = [next(likeness) for _ in own]
            readings.append(Reading(own, [x / sum(each) for x in each], 0.0 if own else 1.0))
        return readings[len(self.documents) :]


def drawn(
    documents: list[str], asked: Iterable[Asked], readings: Iterable[Reading]
) -> tuple[float, float]:
    """Of answers drawn by the readings' probabilities: how many are expected to be right, and how
    many are drawn at all, "none" being no answer."""
    right = given = 0.0
    for one, reading in zip(asked, readings, strict=True):
        pairs = zip(reading.spans, reading.chances, strict=True)
        text = documents[one.document]
        right += sum(chance for (a, b), chance in pairs if text[a:b] == one.answer)
        given += sum(reading.chances)
    return right, given


def share(part: int, whole: int) -> str:
    """A share with its interval, as text."""
    if not whole:
        return "0 of 0"
    low, high = wilson(part, whole)
    return f"{part} of {whole}, {100 * part / whole:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


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
        "word-before": WordBefore,
        "network": lambda: network_reader.NetworkReader(corpus, args.seed, args.steps),
    }
    for name in args.reader:
        began = time.monotonic()
        folds = range(args.folds)
        readings = held_out_readings(corpus.data, asked, FOLDS, args.seed, makers[name], folds)
        held = [asked[k] for k in readings]
        counts = accuracy(corpus.data, held, readings.values())
        seconds = time.monotonic() - began
        right_drawn, given = drawn(corpus.data, held, readings.values())
        share_drawn = right_drawn / given if given else 0.0
        right = share(counts["right"], counts["questions"])
        none = share(counts["none rightly"], counts["none"])
        print(
            f"{name}, {args.folds} of {FOLDS} folds, {seconds:.0f} seconds: right {right}; "
            f"a candidate answers {counts['possible']}; none rightly {none}; "
            f"drawn answers {right_drawn:.0f} of {given:.0f}, {share_drawn:.1%}; "
            f"best ones {share(counts['right'], counts['questions'] - counts['none'])}",
            flush=True,
        )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
