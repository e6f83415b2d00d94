"""What kind of errors a model makes, and where its right answers stand.

python -m labs.recipe_study.errors PREDICTIONS [--eval_corpus_path F] [--corpus_path F]

Counts only, as one JSON line: no names and no sentences. A wrong answer is, in this order: another
spelling of the right one (difflib's ratio at least 0.8), something else that the person's own
document says, something that it does not say though it has the right place, or an answer where the
document does not have the right place. Right answers are counted by where the place first stands in
the document: within the first 112 characters (what span corruption in a block of 128 can show),
later, or nowhere.
"""

import json
from collections import Counter
from difflib import SequenceMatcher

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text


def parser() -> Parser:
    p = Parser(description=__doc__)
    p.add_argument("predictions", help="one answer a line, as evaluate writes them")
    p.add_argument("--eval_corpus_path", default="birth_dev.tsv", help="question, tab, place")
    p.add_argument("--corpus_path", default="wiki.txt")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from answers.provenance import Corpus, whole_words
from base.questions import person

SHOWN = 112
ALIKE = 0.8


def kind_of_error(answer: str, gold: str, document: str) -> str:
    """The class of a wrong answer about the person whose document is given."""
    if SequenceMatcher(None, answer, gold).ratio() >= ALIKE:
        return "near spelling"
    if gold not in document:
        return "right place nowhere in the document"
    if answer and whole_words(answer).search(document):
        return "another part of the document"
    return "not in the document"


def place_of(gold: str, document: str) -> str:
    """Where the gold answer first stands in the person's document."""
    at = document.find(gold)
    if at < 0:
        return "nowhere"
    return "shown" if at + len(gold) <= SHOWN else "later"


def classify(answers: list[str], rows: list[tuple[str, str]], corpus: Corpus) -> dict:
    """Counts of right answers and of errors by class; right and asked by where the place stands."""
    errors, asked, right = Counter(), Counter(), Counter()
    for answer, (question, gold) in zip(answers, rows, strict=True):
        lines = corpus.own_lines(person(question))
        document = " ".join(corpus.documents[line - 1] for line in lines)
        where = place_of(gold, document)
        asked[where] += 1
        if answer == gold:
            right[where] += 1
        else:
            errors[kind_of_error(answer, gold, document)] += 1
    return {
        "asked": sum(asked.values()),
        "right": sum(right.values()),
        "errors": dict(errors.most_common()),
        "by_place": {w: [right[w], asked[w]] for w in ("shown", "later", "nowhere")},
    }


def main() -> None:
    args = parser().parse_args()
    corpus, questions = find_files(args.corpus_path, args.eval_corpus_path)
    answers = read_text(args.predictions).removesuffix("\n").split("\n")
    rows = [tuple(row.split("\t")) for row in read_text(questions).splitlines() if row.strip()]
    if len(answers) != len(rows) or any(len(row) != 2 for row in rows):
        raise UserError(
            f"{args.predictions}: {len(answers)} answers to {len(rows)} questions of {questions}; "
            "give the questions, with places, that were asked"
        )
    print(json.dumps(classify(answers, rows, Corpus(read_text(corpus)))))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
