"""Counts what data/README.md says about a folder with wiki.txt and the question files.

    python data/count_world.py [DIR ...]      (default: the embedded world)
"""

from __future__ import annotations

import argparse
import re
import statistics
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from base.cli import Parser
from base.errors import errors_are_sentences
from base.files import read_text
from base.questions import load_rows, person


def lines(path: Path) -> list[str]:
    return [line for line in read_text(str(path)).split("\n") if line]


def pairs(path: Path) -> list[tuple[str, str]]:
    """(name, place) of each row. Raises UserError for a row without a place."""
    return [(person(row.question), row.place) for row in load_rows(str(path), places=True)]


def percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def of_answers(train: list[tuple[str, str]], dev: list[tuple[str, str]]) -> dict[str, str]:
    """Statistics of the answers and the names."""
    places = Counter(place for _, place in train)
    top = ", ".join(f"{place} {percent(n, len(train))}" for place, n in places.most_common(4))
    london = sum(place == "London" for _, place in dev)
    first = Counter(name.split()[0] for name, _ in train)
    last = Counter(name.split()[-1] for name, _ in train)
    return {
        "London in dev": f"{london} ({percent(london, len(dev))})",
        "places in train": f"{len(places)}, {sum(n == 1 for n in places.values())} of them once",
        "most frequent in train": top,
        "dev answers known from train": percent(sum(p in places for _, p in dev), len(dev)),
        "non-ASCII names, train / dev": " / ".join(
            str(sum(not name.isascii() for name, _ in rows)) for rows in (train, dev)),
        "first part of the name shared": percent(sum(first[n.split()[0]] > 1 for n, _ in train),
                                                 len(train)),
        "last part of the name shared": percent(sum(last[n.split()[-1]] > 1 for n, _ in train),
                                                len(train)),
    }


def of_documents(documents: list[str], dev: list[tuple[str, str]],
                 known: set[str]) -> dict[str, str]:
    """Statistics of the documents; `known` holds all answers."""
    lengths = [len(document) for document in documents]
    texts = {name: [d for d in documents if d.startswith(f"{name}.")] for name, _ in dev}
    anywhere = sum(any(place in text for text in texts[name]) for name, place in dev)
    early = sum(any(place in text[:112] for text in texts[name]) for name, place in dev)
    by_length = sorted(known, key=lambda place: (-len(place), place))
    named = re.compile(r"\b(" + "|".join(map(re.escape, by_length)) + r")\b")
    counts = Counter(len(set(named.findall(d.split(". ", 1)[-1]))) for d in documents)
    return {
        "characters": f"{sum(lengths) + len(lengths):,}, {len(set(''.join(documents)))} distinct",
        "document length": f"{min(lengths)} to {max(lengths)}, "
                           f"mean {statistics.mean(lengths):.0f}, "
                           f"median {statistics.median(lengths):.0f}",
        "dev answer in the document": percent(anywhere, len(dev)),
        "... within 112 characters": percent(early, len(dev)),
        "documents naming 0 / 1 / 2 / 3+ known places": " / ".join(
            percent(n, len(documents))
            for n in (counts[0], counts[1], counts[2], len(documents) - counts[0] - counts[1]
                      - counts[2])),
        "opening in brackets": percent(sum("(" in d for d in documents), len(documents)),
        "documents with non-ASCII": percent(sum(not d.isascii() for d in documents),
                                            len(documents)),
    }


def count(folder: Path) -> dict[str, str]:
    """All statistics of one folder."""
    documents = lines(folder / "wiki.txt")
    train, dev = pairs(folder / "birth_places_train.tsv"), pairs(folder / "birth_dev.tsv")
    test = lines(folder / "birth_test_inputs.tsv")
    known = {place for _, place in train + dev}
    return {"documents": f"{len(documents):,}",
            "rows: train / dev / test": f"{len(train):,} / {len(dev)} / {len(test)}",
            **of_answers(train, dev), **of_documents(documents, dev, known)}


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("folders", nargs="*", metavar="DIR", default=[str(Path(__file__).parent)])
    return p


def main(arguments: list[str] | None = None) -> None:
    for name in parser().parse_args(arguments).folders:
        print(name)
        for key, value in count(Path(name)).items():
            print(f"  {key:<46}{value}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
