"""Writes the embedded world: invented people and sentences about them.

    python data/make_world.py [--people 2937] [--seed 224] [--out DIR] [--uniform]

The same arguments give the same bytes with every Python from 3.10 on. What the files hold, and how
they compare with the course's own data, stands in data/README.md.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from world_people import LONDON, Atlas, Namer, Person, Place, Registrar
from world_text import Dice, Writer
from world_uniform import NAMES, uniform_files

from base.cli import Parser, whole
from base.errors import UserError, errors_are_sentences

PEOPLE, SEED = 2937, 224
FEWEST, MOST = 60, 100_000  # people
LONDON_SHARE = {"train": 0.046, "dev": 0.05, "test": 0.05}
LATE_SHARE, ABSENT_SHARE = 0.035, 0.042
UNSEEN_SHARE = 0.08  # of the held-out answers, never an answer in train
RESERVED = 0.14  # share of the less frequent places that no training person is born in


@dataclass
class World:
    """`people` in the order of wiki.txt; `rows` has (name, place) pairs for train, dev and test."""

    people: list[Person]
    rows: dict[str, list[tuple[str, str]]]


def share(rows: int, part: float) -> int:
    """The rounded part of a number of rows, at least one."""
    return max(1, int(rows * part + 0.5))


def sizes(people: int) -> dict[str, int]:
    """Rows per split, in the course's proportion 2,000 : 500 : 437, and the people nobody asks
    about."""
    dev, test = share(people, 500 / PEOPLE), share(people, 437 / PEOPLE)
    return {"train": people - dev - test, "dev": dev, "test": test,
            "nobody": share(people, 60 / PEOPLE)}


class Maker:
    """Builds one world."""

    def __init__(self, seed: int) -> None:
        self.dice = Dice(seed)
        self.atlas, self.namer = Atlas(self.dice), Namer(self.dice)
        self.registrar = Registrar(self.dice, self.atlas, self.namer)
        self.writer = Writer(self.dice, self.atlas, self.namer)
        self.reserved = self.reserve()
        self.answers: set[str] = set()  # what the train file answers

    def reserve(self) -> set[str]:
        """Names of places kept from the training people: no country, state or frequent town."""
        wider = {place.qualifier for place in self.atlas.places}
        wider |= {place.country.removeprefix("the ") for place in self.atlas.places}
        rare = sorted({p.name for p in self.atlas.places if 0 < p.weight < 0.12})
        common = {p.name for p in self.atlas.places if p.weight >= 0.12}
        return {name for name in rare
                if name not in wider and name not in common and self.dice.chance(RESERVED)}

    def fits(self, place: Place, split: str, unseen: bool) -> bool:
        """Whether somebody of this split may be born there."""
        if place.name == LONDON or split in ("train", "nobody"):
            return place.name not in self.reserved and place.name != LONDON
        return place.name in (self.reserved if unseen else self.answers)

    def births(self, split: str, count: int, rows: int) -> list[tuple[str, Place]]:
        """(culture, birthplace) of `count` people; exactly the wanted share of `rows` is London."""
        unseen = share(rows, UNSEEN_SHARE) if split in ("dev", "test") else 0
        births = []
        for i in range(count):
            culture = self.namer.cultures.draw(self.dice)
            place = self.atlas.birthplace(culture)
            while not self.fits(place, split, i < unseen):
                culture = self.namer.cultures.draw(self.dice)
                place = self.atlas.birthplace(culture)
            births.append((culture, place))
        if split != "nobody":
            londoners = share(rows, LONDON_SHARE[split])
            while londoners:
                i = unseen + self.dice.below(count - unseen)
                culture, place = births[i]
                likely = 0.9 if culture in ("anglo", "gaelic") else 0.6
                if place.name != LONDON and self.dice.chance(likely):
                    births[i], londoners = (culture, self.atlas.london), londoners - 1
        return self.dice.shuffled(births)

    def settle(self, split: str, count: int, rows: int) -> list[Person]:
        """The people of one split, still without documents."""
        births = self.births(split, count, rows)
        late, absent = share(count, LATE_SHARE), share(count, ABSENT_SHARE)
        kinds = ["late"] * late + ["absent"] * absent + ["early"] * (count - late - absent)
        if split == "nobody":
            kinds = ["absent"] * count
        kinds = self.dice.shuffled(kinds)
        return [self.registrar.person(culture, place, split, kind)
                for (culture, place), kind in zip(births, kinds, strict=True)]

    def ask_twice(self, people: list[Person], count: int) -> None:
        """Gives `count` people a second answer: the county, state or country after the town."""
        eligible = [person for person in people if person.kind == "early" and person.qualifier
                    and not person.qualifier.startswith(("the ", "D.C."))]
        for person in self.dice.shuffled(eligible)[:count]:
            person.more_answers.append(person.qualifier)

    def world(self, people: int) -> World:
        """People, documents and questions."""
        wanted = sizes(people)
        twice = wanted["nobody"]
        groups = {"train": self.settle("train", wanted["train"] - twice, wanted["train"])}
        self.ask_twice(groups["train"], twice)
        for person in groups["train"]:
            self.answers |= {person.place.name, *person.more_answers}
        for split in ("dev", "test"):
            groups[split] = self.settle(split, wanted[split], wanted[split])
        groups["nobody"] = self.settle("nobody", twice, 0)
        rows = {}
        for split in LONDON_SHARE:
            rows[split] = self.dice.shuffled([
                (person.head, answer) for person in groups[split]
                for answer in (person.place.name, *person.more_answers)])
        everybody = self.dice.shuffled([person for group in groups.values() for person in group])
        for person in everybody:
            person.template, person.text = self.writer.write(person)
        first = groups["nobody"][0]
        first.template, first.text = self.writer.write_question(first)
        self.complete_alphabet(everybody)
        return World(everybody, rows)

    def complete_alphabet(self, people: list[Person]) -> None:
        """In small worlds: an answer with a character that no document has gets into its
        person's document, since models take their vocabulary from the documents."""
        alphabet = set().union(*(person.text for person in people))
        for person in people:
            if person.split != "nobody" and not alphabet.issuperset(person.place.name):
                person.kind = "early"
                person.template, person.text = self.writer.write(person)
                alphabet.update(person.text)


def make_world(people: int = PEOPLE, seed: int = SEED) -> World:
    """The world of this size and seed; `people` is the number of documents and of questions."""
    return Maker(seed).world(people)


def files(world: World) -> dict[str, str]:
    """The text of each file by its name."""
    questions = {split: [(f"Where was {name} born?", place) for name, place in rows]
                 for split, rows in world.rows.items()}
    lines = {
        "wiki.txt": [person.text for person in world.people],
        "birth_places_train.tsv": ["\t".join(row) for row in questions["train"]],
        "birth_dev.tsv": ["\t".join(row) for row in questions["dev"]],
        "birth_test_inputs.tsv": [question for question, _ in questions["test"]],
        "birth_test.tsv": ["\t".join(row) for row in questions["test"]]}
    return {name: "\n".join(content) + "\n" for name, content in lines.items()}


def world_files(people: int, seed: int) -> dict[str, str]:
    return files(make_world(people, seed))


def write_files(texts: dict[str, str], folder: Path) -> None:
    """Writes all files beside their final names first, then moves them there."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [(folder / f".{name}.{os.getpid()}.part", folder / name) for name in texts]
    try:
        for (part, _), text in zip(parts, texts.values(), strict=True):
            part.write_bytes(text.encode("utf-8"))
        for part, final in parts:
            os.replace(part, final)
    finally:
        for part, _ in parts:
            part.unlink(missing_ok=True)


def parser() -> Parser:
    p = Parser(description="Write a world of people and birthplaces.")
    p.add_argument("--people", type=whole(1, NAMES // 2), default=PEOPLE,
                   help="documents (default 2937)")
    p.add_argument("--seed", type=whole(0, 2**32 - 1), default=SEED, help=f"default {SEED}")
    p.add_argument("--out", type=Path, default=Path(__file__).resolve().parent,
                   help="folder to write to (default: beside this program)")
    p.add_argument("--uniform", action="store_true",
                   help="names and places independent and uniform, nothing to guess from: "
                   "wiki.txt and birth_places_train.tsv only")
    return p


def main(arguments: list[str] | None = None) -> None:
    chosen = parser().parse_args(arguments)
    if chosen.uniform and chosen.out.resolve() == Path(__file__).resolve().parent:
        raise UserError("--uniform: give --out, or the project's own world is overwritten")
    if not chosen.uniform and not FEWEST <= chosen.people <= MOST:
        raise UserError(f"--people {chosen.people}: give a number from {FEWEST} to {MOST}")
    try:
        texts = (uniform_files if chosen.uniform else world_files)(chosen.people, chosen.seed)
        write_files(texts, chosen.out)
    except OSError as error:
        raise UserError(
            f"{chosen.out}: cannot be written ({error.strerror}); give another --out"
        ) from None
    print(f"wrote {chosen.people} documents and as many questions to {chosen.out}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
