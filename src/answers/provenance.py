"""What a corpus says about a person: the look-up that stands beside an answer, never in it."""

import random
import re
from collections.abc import Iterable

from answers.answer import Evidence, Sentence

SENTENCE_END = re.compile(r"(?<!\b\w\.)(?<!\bSt\.)(?<!\bDr\.)(?<=[.!?])\s+(?=[^\W\d_a-z])")


# Capitalised words before or after a place that make a longer name of both: New York, J. Raymond,
# St. Louis, Paris Opera; and hyphens: Stratford-upon-Avon.
CAPITALISED = r"[^\W\d_a-z][\w'\u2019-]*"
NAME_BEFORE = re.compile(
    rf"(?:\b(?P<run>{CAPITALISED}(?: {CAPITALISED})*)|\b[^\W\d_a-z]\.|"
    r"\b(?:St|Ste|Mt|Ft|Dr|Mrs?)\.) $|\w-$"
)
NAME_AFTER = re.compile(rf" (?P<run>{CAPITALISED}(?: {CAPITALISED})*)|-\w")
# Words that have their capital from the beginning of a sentence, and the city that a place is.
OPENING = re.compile(
    r"(?:^|[.!?;:\"\u201c(] *)(?:In|At|Near|From|To|Of|On|By|For|With|Since|Until|Outside|Inside|"
    r"Around|Before|After|While|When|Where|As|Although|Though|And|But|Both) $"
)
AFTERWARDS = re.compile(r" (?:City|He|She|It|They|His|Her|Their|The)\b")
BEFORE = 60  # characters before a place that are looked at


def whole_words(text: str) -> re.Pattern:
    """Finds `text` where it is no part of a longer word."""
    return re.compile(rf"(?<!\w){re.escape(text)}(?!\w)")


def begins_with_name(document: str, name: str) -> bool:
    """Whether it begins with the name, and not with a longer one: with no letter, hyphen or further
    capitalised word after it (but where the name ends in a full stop)."""
    rest = document[len(name) :]
    longer = rest.startswith(" ") and rest[1:2].isupper() and not name.endswith(".")
    return document.startswith(name) and not longer and not re.match(r"[\w-]", rest)


class Corpus:
    """Documents, one a line (lines count from 1), and what stands in them."""

    def __init__(self, text: str):
        self.text = text
        self.documents = text.split("\n")
        self.counts: dict[str, int] = {}

    def count(self, words: str) -> int:
        """How many documents have these words in them."""
        if words not in self.counts:
            lines, at, pattern = set(), self.text.find(words) if words else -1, whole_words(words)
            while at != -1:
                if pattern.match(self.text, at):
                    lines.add(self.text.rfind("\n", 0, at))
                at = self.text.find(words, at + 1)
            self.counts[words] = len(lines)
        return self.counts[words]

    def own_lines(self, name: str) -> list[int]:
        """The lines of the documents that begin with the name, and not with a longer one."""
        return [
            line
            for line, document in enumerate(self.documents, start=1)
            if begins_with_name(document, name)
        ]

    def sentence(self, line: int, words: str, name: str = "") -> Sentence | None:
        """The sentence of a document in which these words first stand, but not as part of the
        `name` or of a longer name; None where there is none."""
        document = self.documents[line - 1]
        names = [m.span() for m in re.finditer(re.escape(name), document)] if name else []
        matches = whole_words(words).finditer(document) if words else ()
        for match in matches:
            inside = any(start <= match.start() and match.end() <= end for start, end in names)
            if not inside and not self.in_longer_name(document, *match.span()):
                break
        else:
            return None
        ends = [m for m in SENTENCE_END.finditer(document)]
        first = max((m.end() for m in ends if m.end() <= match.start()), default=0)
        last = min((m.start() for m in ends if m.start() >= match.end()), default=len(document))
        return Sentence(line, document[first:last], match.start() - first, match.end() - first)

    def in_longer_name(self, document: str, start: int, end: int) -> bool:
        """Whether document[start:end] is part of a longer run of capitalised or hyphenated words,
        as York is in New York and Raymond in Raymond Chandler.

        A run of two places is two names where a comma parts them elsewhere in the corpus: "Chicago
        Illinois".
        """
        words, head = document[start:end], document[max(0, start - BEFORE) : start]
        after, before = NAME_AFTER.match(document, end), NAME_BEFORE.search(head)
        if after and not AFTERWARDS.match(document, end):
            if not after["run"] or f"{words}, {after['run']}" not in self.text:
                return True
        if before and not OPENING.search(head):
            return not before["run"] or f"{before['run']}, {words}" not in self.text
        return False

    def look_up(self, name: str, answer: str) -> Evidence:
        """Where the person stands in the corpus, and whether the person's own document mentions the
        answer."""
        lines = self.own_lines(name)
        sentences = [s for line in lines if (s := self.sentence(line, answer, name))]
        count = self.count(name)
        return Evidence(
            name_in_corpus=count > 0,
            documents=count,
            document_line=lines[0] if lines else None,
            answer_in_document=bool(sentences),
            provenance=sentences[0] if sentences else None,
        )


def invented_people(names: Iterable[str], corpus: Corpus, count: int, seed: int = 0) -> list[str]:
    """Up to `count` people who do not exist: first and last names of `names` recombined.

    No full name is in the corpus, and none is one of `names`, with or without its middle names.
    Fewer where the names allow no more; the same for the same seed.
    """
    parts = [name.split() for name in names if len(name.split()) >= 2]
    firsts = sorted({words[0] for words in parts})
    lasts = sorted({words[-1] for words in parts})
    real = {f"{words[0]} {words[-1]}" for words in parts}
    draw, invented, tries = random.Random(seed), {}, 0
    while firsts and len(invented) < count and tries < 50 * count:
        tries += 1
        name = f"{draw.choice(firsts)} {draw.choice(lasts)}"
        if name not in invented and name not in real and name not in corpus.text:
            invented[name] = None
    return list(invented)
