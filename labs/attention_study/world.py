"""Data of the study: a world small enough for minutes on a CPU, or the files of data/.

Either way some documents are held out of pretraining, none of them about a person that a question
of the train or dev file asks about.
"""

import random
from dataclasses import dataclass

import torch
from torch import Tensor

from base.errors import UserError
from base.files import find_files, read_text
from dataset import CharCorruptionDataset

SOUNDS = [a + b for a in "bdfgklmnprstv" for b in ("a", "e", "i", "o", "u", "an", "or", "il")]
WORK = ("sold maps", "made bread", "drew birds", "wrote songs", "built boats", "taught law")
HELD_OUT = 100  # documents
PLACES = 24  # of the small world: guessing is right once in as many


@dataclass(frozen=True)
class World:
    """`documents`, the indices of those `held_out`, and questions as the course's files have them
    (`question TAB place`, a line each)."""

    documents: list[str]
    held_out: list[int]
    train: str
    dev: str


def small_world(people: int, seed: int = 224) -> World:
    """`people` to ask about, half of them in train and half in dev, and HELD_OUT others.

    A document says first where somebody was born, then what else is said of people here, in any
    order, up to some 120 characters: every kind of sentence stands in every part of a document
    but the first, so that positions beyond a short block hold nothing unheard of.
    """
    dice = random.Random(seed)
    places = distinct(dice, PLACES, 2)
    names = [
        f"{first} {last}"
        for first, last in zip(
            distinct(dice, people + HELD_OUT, 2), distinct(dice, people + HELD_OUT, 3), strict=True
        )
    ]
    homes = [dice.choice(places) for _ in names]
    documents = [
        document(dice, name, place, places) for name, place in zip(names, homes, strict=True)
    ]
    rows = [f"Where was {n} born?\t{p}\n" for n, p in zip(names, homes, strict=True)][:people]
    held_out = list(range(people, people + HELD_OUT))
    documents.append("Where was it? Nobody knew.")  # the questions' characters
    return World(documents, held_out, "".join(rows[::2]), "".join(rows[1::2]))


def distinct(dice: random.Random, count: int, syllables: int) -> list[str]:
    """`count` different invented names."""
    found: dict[str, None] = {}
    while len(found) < count:
        found["".join(dice.choices(SOUNDS, k=syllables)).capitalize()] = None
    return list(found)


def document(dice: random.Random, name: str, place: str, places: list[str]) -> str:
    births = ("{} was born in {}.", "{} came from {}.", "{}, a child of {}, left early.")
    sentences = [f"{name}.", dice.choice(births).format(name, place)]
    while len(" ".join(sentences)) < 125:
        more = (
            f"Later {dice.choice(WORK)}.",
            f"Lived in {dice.choice(places)}.",
            f"Died in {dice.randint(1700, 1999)}.",
        )
        sentences.append(dice.choice(more))
    return " ".join(sentences)


def course_world() -> World:
    """The files in data/cs224n/, or the embedded world in data/ where those are not."""
    corpus, train, dev = (
        read_text(path)
        for path in find_files("wiki.txt", "birth_places_train.tsv", "birth_dev.tsv")
    )
    documents = corpus.split("\n")
    asked = {
        line.split("\t")[0].removeprefix("Where was ").removesuffix(" born?")
        for line in (train + dev).splitlines()
    }
    others = [
        i for i, text in enumerate(documents)
        if text.strip() and not any(text.startswith(name) for name in asked)
    ]  # fmt: skip
    if len(others) < HELD_OUT:
        raise UserError(
            f"wiki.txt: only {len(others)} documents that nobody asks about, and {HELD_OUT} are "
            "held out; give a larger corpus"
        )
    return World(documents, sorted(random.Random(0).sample(others, HELD_OUT)), train, dev)


class Kept:
    """The documents of a CharCorruptionDataset that are not held out, as a dataset to train on."""

    def __init__(self, dataset: CharCorruptionDataset, held_out: list[int]):
        self.dataset = dataset
        out = set(held_out)
        self.indices = torch.tensor([i for i in range(len(dataset)) if i not in out])
        self.row_length = dataset.row_length

    def __len__(self) -> int:
        return len(self.indices)

    def batch(self, indices: Tensor, epoch: int, device, parts: int = 1) -> list:
        return self.dataset.batch(self.indices[indices], epoch, device, parts)
