"""Which span of a document answers the question that is asked about its title?

`Ranker` learns it from documents and training questions alone: no word of a language and no place
is written down here. The candidates are the runs of capitalised words of a document and the parts
of these runs, and "none": the document does not say. Each has a score, the sum of the weights of
its features (the words around it, the run's number, its own first and last letters), and a softmax
over the document's candidates gives their probabilities. The weights are fitted by AdaGrad (Duchi
et al. 2011) to the log-probability of the training answers; features are hashed into one table
(Weinberger et al. 2009).

A reader is anything with the methods of `Reader`: the ranker, or the course's own network
(network_reader.py, which needs the model and so stands outside this room).
"""

import re
import zlib
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from base.questions import split_row
from training.salience import phrases, runs, title_length

TOKEN = re.compile(r"\w[\w'\u2019-]*|[^\w\s]")
ENDING = re.compile(r"(-|['\u2019]\w?)$")
ABBREVIATED = re.compile(r"\W\w{1,2}\. ")
TABLE = 2**18  # entries of the table of weights; entry 0 is the padding's, and stays 0
LONGEST = 6  # words of a candidate at most
EPOCHS = 6
RATE = 0.1
DECAY = 1e-4  # of a weight, as a share, with each document that touches it
UNLIKELY = 0.01  # spans less probable than that are left out of training runs
BLANK = "\0"  # stands for the title in a form of questions
UNKNOWN = "unknown"  # the answer to a question whose document does not answer it
BRACKETS = {"(": 1, ")": -1}


@dataclass(frozen=True)
class Reading:
    """What a reader makes of one document: spans (start, end), their probabilities, and the
    probability that the document does not answer the question. They add up to one."""

    spans: list[tuple[int, int]]
    chances: list[float]
    none: float

    def best(self) -> tuple[int, int] | None:
        """The likeliest span; None where "none" is likelier than each."""
        if not self.spans or max(self.chances) < self.none:
            return None
        return self.spans[self.chances.index(max(self.chances))]

    def likely(self) -> dict[tuple[int, int], float]:
        """The spans that are not too unlikely and their probabilities if one of them is right."""
        total = sum(self.chances)
        pairs = zip(self.spans, self.chances, strict=True)
        return {span: chance / total for span, chance in pairs if chance >= UNLIKELY * total}


@dataclass(frozen=True)
class Asked:
    """A training question and the document that it is about."""

    document: int
    question: str
    answer: str


class Reader(Protocol):
    """Learns from questions whose documents are known, then reads documents."""

    def fit(self, documents: list[str], asked: list[Asked]) -> "Reader": ...

    def read_all(self, documents: list[str]) -> list[Reading]: ...


def asked_documents(documents: list[str], rows: list[str]) -> list[Asked]:
    """Of `question TAB answer` rows, those about a document, with its number.

    A question is about the documents with the longest title that it mentions as whole words. Where
    several have that title, about those that contain the answer, or, if none does, about all.
    """
    titled: dict[str, list[int]] = {}
    for i, document in enumerate(documents):
        if length := title_length(document):
            titled.setdefault(document[:length], []).append(i)
    asked = []
    for row in rows:
        question, answer = split_row(row)
        mentioned = phrases(question) & titled.keys()
        if mentioned:
            numbers = titled[max(mentioned, key=len)]
            saying = [i for i in numbers if answer in documents[i]]
            asked += [Asked(i, question, answer) for i in saying or numbers]
    return asked


def candidates(document: str) -> list[tuple[int, int, int]]:
    """Starts and ends of the runs of capitalised words after the title, and of the parts of these
    runs, each with the number of its run.

    Runs that an abbreviation's full stop parts (St. Louis) are one. A part may also end before a
    hyphen or an apostrophe with which its last word ends (Chicago's).
    """
    spans = []
    for number, (start, end) in enumerate(joined_runs(document)):
        words = [match.span() for match in re.finditer(r"\S+", document[start:end])]
        for i, (first, _) in enumerate(words):
            for word, last in words[i : i + LONGEST]:
                spans.append((start + first, start + last, number))
                if ending := ENDING.search(document, start + word + 1, start + last):
                    spans.append((start + first, ending.start(), number))
    return spans


def joined_runs(document: str) -> list[tuple[int, int]]:
    """Runs of capitalised words after the title, those joined that an abbreviation parts."""
    joined: list[tuple[int, int]] = []
    for start, end in runs(document, title_length(document) + 1):
        if joined and ABBREVIATED.fullmatch(document, joined[-1][1] - 3, start):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def is_candidate(document: str, answer: str) -> bool:
    return any(document[start:end] == answer for start, end, _ in candidates(document))


class Ranker:
    """Scores candidates by their features; see the module."""

    def __init__(self, seed: int = 0):
        self.weights = np.zeros(TABLE)
        self.generator = np.random.default_rng(seed)

    def fit(self, documents: list[str], asked: list[Asked]) -> "Ranker":
        """Learn from questions whose documents are known. Returns itself."""
        answers: dict[int, set[str]] = {}
        for one in asked:
            answers.setdefault(one.document, set()).add(one.answer)
        examples = []
        for i, right in answers.items():
            spans = candidates(documents[i])
            wanted = [documents[i][start:end] in right for start, end, _ in spans]
            rows = features(documents[i], spans)
            examples.append((rows, np.array([*wanted, not any(wanted)])))
        squares = np.full(TABLE, 1e-2)
        for _ in range(EPOCHS):
            for e in self.generator.permutation(len(examples)):
                self.learn(*examples[e], squares)
        return self

    def learn(self, rows: np.ndarray, right: np.ndarray, squares: np.ndarray) -> None:
        """One step of AdaGrad on one document: features (n, F), which of the n are right (n,)."""
        chances = softmax(self.weights[rows].sum(1))
        wanted = chances * right / max(chances[right].sum(), 1e-12)
        touched, place = np.unique(rows, return_inverse=True)
        each = np.broadcast_to((chances - wanted)[:, None], rows.shape)
        gradient = np.bincount(place.ravel(), each.ravel(), len(touched))
        gradient += DECAY * self.weights[touched]
        squares[touched] += gradient**2
        self.weights[touched] -= RATE * gradient / np.sqrt(squares[touched])
        self.weights[0] = 0.0

    def read(self, document: str) -> Reading:
        """The probabilities of a document's candidates, and of "none"."""
        spans = candidates(document)
        chances = softmax(self.weights[features(document, spans)].sum(1))
        return Reading([(start, end) for start, end, _ in spans], chances[:-1].tolist(),
                       float(chances[-1]))  # fmt: skip

    def read_all(self, documents: list[str]) -> list[Reading]:
        """The reading of each document."""
        return [self.read(document) for document in documents]


def softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max())
    return powers / powers.sum()


# -- features ----------------------------------------------------------------------------------


def features(document: str, spans: list[tuple[int, int, int]]) -> np.ndarray:
    """Entries of the table for each span and, last, for "none": (n + 1, F), padded with 0."""
    title = title_length(document)
    tokens = [(m.start(), m.end(), m.group()) for m in TOKEN.finditer(document, title + 1)]
    name = set(TOKEN.findall(document[:title]))
    words = [shape(word, name) for _, _, word in tokens]
    starts = [start for start, _, _ in tokens]
    whole: dict[int, tuple[int, int]] = {}  # start and end of each run
    for start, end, number in spans:
        low, high = whole.get(number, (start, end))
        whole[number] = (min(low, start), max(high, end))
    rows = []
    for start, end, number in spans:
        i, j = bisect_left(starts, start), bisect_left(starts, end)
        around = surroundings(words, i, j)
        part = (start > whole[number][0], end < whole[number][1])
        rows.append(around + itself(document[start:end], number, part, name))
    rows.append(["none"] + [f"none {word}" for word in dict.fromkeys(words)])
    width = max(map(len, rows))
    table = np.zeros((len(rows), width), dtype=np.int64)
    for row, names in zip(table, rows, strict=True):
        row[: len(names)] = [1 + zlib.crc32(text.encode()) % (TABLE - 1) for text in names]
    return table


def shape(word: str, name: set[str]) -> str:
    """A word as features see it: those of the title alike, digits alike."""
    if word in name:
        return "N"
    return re.sub(r"\d", "0", word)


def surroundings(words: list[str], i: int, j: int) -> list[str]:
    """Features of what stands around words i to j."""
    b = ["^", "^", "^", *words[:i]][-3:]
    a = [*words[j : j + 2], "$", "$"][:2]
    depth = sum(BRACKETS.get(word, 0) for word in words[:i])
    lower = next((word for word in reversed(words[:i]) if word[0].islower()), "")
    names = [
        f"b {b[2]}", f"bb {b[1]} {b[2]}", f"bbb {b[0]} {b[1]} {b[2]}",
        f"a {a[0]}", f"aa {a[0]} {a[1]}", f"ba {b[2]} {a[0]}", f"bba {b[1]} {b[2]} {a[0]}",
        f"low {lower}", f"low b {lower} {b[2]}", f"open {depth > 0}", f"open b {depth > 0} {b[2]}",
    ]  # fmt: skip
    return names + [f"w {word}" for word in dict.fromkeys(words[:i])]


def itself(text: str, number: int, part: tuple[bool, bool], name: set[str]) -> list[str]:
    """Features of a span's own text and place."""
    parts = TOKEN.findall(text)
    return [
        f"run {min(number, 9)}", f"part {part}", f"size {len(parts)} {part}",
        f"last {parts[-1]}", f"first {parts[0]}", f"pre {text[:3]}", f"suf {text[-3:]}",
        f"named {any(word in name for word in parts)}",
    ]  # fmt: skip


# -- what a training run takes from a reader -----------------------------------------------------


def learn_to_read(documents: list[str], rows: list[str], reader: Reader) -> Reader | None:
    """`reader`, fitted to `question TAB answer` rows; None where they teach nothing.

    Prints what it learns from, or why it cannot.
    """
    asked = asked_documents(documents, rows)
    answered = sum(is_candidate(documents[one.document], one.answer) for one in asked)
    if answered:
        many = "answers that stand in their documents"
        one = "answer that stands in its document"
        print(f"the reader learns from {answered} {one if answered == 1 else many}")
        return reader.fit(documents, asked)
    if not any(map(title_length, documents)):
        reason = "no document starts with a title and a full stop"
    elif not asked:
        reason = "no question mentions the title of a document"
    else:
        reason = "no answer is a run of capitalised words in the document that it is about"
    print(f"no reader: {reason}; only the training questions are asked")
    return None


def read_questions(
    documents: list[str],
    rows: list[str],
    readings: list[Reading],
    best: bool = False,
    unknown: bool = False,
) -> list[tuple[str, float]]:
    """Rows `question TAB answer` about the titles that `rows` do not ask about, each with its
    probability: the answers as a reader has them, "none" left out. With `best`, its best one alone;
    with `unknown`, "none" is asked as well and answered by UNKNOWN.

    They are asked in the words that most of `rows` use.
    """
    asked = asked_documents(documents, rows)
    known = {title_of(documents[one.document]) for one in asked}
    form = question_form(documents, asked)
    answered = []
    for document, reading in zip(documents, readings, strict=True):
        title = title_of(document)
        if not title or title in known:
            continue
        chances: Counter[str] = Counter()
        for (start, end), chance in zip(reading.spans, reading.chances, strict=True):
            chances[document[start:end]] += chance
        if unknown:
            chances[UNKNOWN] += reading.none
        if best:
            none = 0.0 if unknown else reading.none
            chances = Counter({text: 1 for text, c in chances.most_common(1) if c > none})
        question = form.replace(BLANK, title)
        answered += [(f"{question}\t{text}", c) for text, c in chances.items() if c >= UNLIKELY]
    return answered


def question_form(documents: list[str], asked: list[Asked]) -> str:
    """What most questions are where BLANK stands for the title."""
    forms = Counter(
        one.question.replace(title_of(documents[one.document]), BLANK, 1) for one in asked
    )
    return forms.most_common(1)[0][0]


def title_of(document: str) -> str:
    return document[: title_length(document)]


# -- how good a reader is ----------------------------------------------------------------------


def held_out_readings(
    documents: list[str],
    asked: list[Asked],
    folds: int = 5,
    seed: int = 0,
    make: Callable[[], Reader] | None = None,
    only: Collection[int] | None = None,
) -> dict[int, Reading]:
    """Of each question, by its number in `asked`, the reading by a reader that was fitted to the
    other folds; `make` makes one (a Ranker, if not given). With `only`, of the folds with these
    numbers.

    All questions about one document are in one fold.
    """
    numbers = sorted({one.document for one in asked})
    order = np.random.default_rng(seed).permutation(len(numbers))
    fold = {numbers[k]: position % folds for position, k in enumerate(order)}
    readings: dict[int, Reading] = {}
    for number in range(folds) if only is None else only:
        reader = make() if make else Ranker(seed)
        reader.fit(documents, [one for one in asked if fold[one.document] != number])
        held = [i for i in numbers if fold[i] == number]
        readings |= zip(held, reader.read_all([documents[i] for i in held]), strict=True)
    return {k: readings[one.document] for k, one in enumerate(asked) if one.document in readings}


def accuracy(
    documents: list[str], asked: Iterable[Asked], readings: Iterable[Reading]
) -> dict[str, int]:
    """Counts: questions, right ones, those that a candidate answers, those read as "none", and the
    latter where indeed no candidate does (so their share of those is the precision of "none")."""
    counts: Counter[str] = Counter(dict.fromkeys(COUNTED, 0))
    for one, reading in zip(asked, readings, strict=True):
        counts["questions"] += 1
        document, best = documents[one.document], reading.best()
        possible = any(document[a:b] == one.answer for a, b in reading.spans)
        counts["right"] += best is not None and document[best[0] : best[1]] == one.answer
        counts["possible"] += possible
        counts["none"] += best is None
        counts["none rightly"] += best is None and not possible
    return dict(counts)


COUNTED = ("questions", "right", "possible", "none", "none rightly")
