"""Which spans of a document are worth asking for.

Told by titles, capitals and training questions: no word of a language and no place is written down.
"""

import re
from collections import Counter
from collections.abc import Iterator

from base.questions import split_row

TITLE = re.compile(r"(.{2,}?)(?<!\b\w)\. ")  # up to the first full stop that ends no initial
WORD = re.compile(r"\w[\w'\u2019-]*")
NEAR = 64  # characters before a span in which its word is looked for
BEFORE = re.compile(r"(\w+|[^\w\s])\s*$")  # the word or mark that a span follows


def title_length(document: str) -> int:
    """Length of what a document starts with, up to a full stop and a blank; 0 where nothing is."""
    title = TITLE.match(document)
    return len(title.group(1)) if title else 0


def salient_spans(document: str, title: int) -> list[tuple[int, int]]:
    """Starts and ends of the runs of capitalised words after the title.

    Not those that only repeat words of the title.
    """
    known = set(WORD.findall(document[:title]))
    return [
        (start, end)
        for start, end in runs(document, title + 2)
        if not known.issuperset(WORD.findall(document[start:end]))
    ]


def runs(document: str, start: int) -> Iterator[tuple[int, int]]:
    """Starts and ends of runs of capitalised words from `start` on; a number ends one."""
    begin = end = None
    for word in WORD.finditer(document, start):
        char = document[word.start()]
        if begin is not None and (document[end : word.start()] != " " or not char.isupper()):
            yield begin, end
            begin = None
        if char.isupper():
            begin = word.start() if begin is None else begin
            end = word.end()
    if begin is not None:
        yield begin, end


def answer_likeness(
    documents: list[str], spans: list[tuple[int, int, int]], questions: list[str]
) -> list[float]:
    """How much each span, (document, start, length), looks like what questions ask for, 0 to 1.

    Learning what to mask from questions (arXiv 2012.15856), as simply as can be: how often a span
    that follows the same word is the answer, in the documents whose title a question mentions (as
    whole words; a shorter title inside a name counts too). All alike, where no span is an answer.
    `questions`: rows `question TAB answer`.
    """
    answers: dict[int, set[str]] = {}
    titled: dict[str, list[int]] = {}
    for i, document in enumerate(documents):
        if length := title_length(document):
            titled.setdefault(document[:length], []).append(i)
    for row in questions:
        question, answer = split_row(row)
        for mentioned in phrases(question) & titled.keys():
            for i in titled[mentioned]:
                answers.setdefault(i, set()).add(answer)
    answered, seen = Counter(), Counter()
    before = []
    for i, start, length in spans:
        word = BEFORE.search(documents[i], max(0, start - NEAR), start)
        before.append(word.group(1) if word else "")
        if i in answers:
            seen[before[-1]] += 1
            answered[before[-1]] += documents[i][start : start + length] in answers[i]
    usual = answered.total() / seen.total() if answered.total() else 1.0
    return [(answered[word] + usual) / (seen[word] + 1) for word in before]


def phrases(question: str) -> set[str]:
    """All runs of whole words in a question, without a mark after the last."""
    words = question.split(" ")
    ends = range(1, len(words) + 1)
    return {" ".join(words[a:b]).rstrip("?,;:") for b in ends for a in range(b)}
