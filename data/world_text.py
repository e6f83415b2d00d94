"""From a person to a document: expands the grammar of world_grammar.py with one stream of dice."""

from __future__ import annotations

import bisect
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import world_grammar as grammar

MONTHS = ("January February March April May June July August September October November "
          "December").split()
LAST_YEAR = 2012  # nothing happens after it
REACH = 112  # characters within which an early birthplace ends
SHORTEST, LONGEST = 38, 516
# Target lengths of documents at the shares 0, 5, 10, 25, 50, 75, 90, 95, 99 and 100 %.
LENGTHS = ((0, 40), (5, 68), (10, 79), (25, 98), (50, 127), (75, 164), (90, 207), (95, 245),
           (99, 340), (100, 480))
AGE_AT_STAGE = {"1": 12, "2": 22, "3": 32, "4": 48, "5": 65, "6": 80}
AGES = {"Y1": (18, 24), "Y2": (25, 33), "Y3": (34, 46), "Y4": (47, 62)}


class Unfit(Exception):
    """A draw that does not suit the person; the caller draws again."""


class Dice:
    """Draws built on random.Random(seed).random() alone, whose stream no Python release changes."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed).random

    def chance(self, share: float) -> bool:
        return self.random() < share

    def below(self, n: int) -> int:
        return int(self.random() * n)

    def between(self, low: int, high: int) -> int:
        """An integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[Any]) -> Any:
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[Any]) -> list[Any]:
        """A new list in random order (Fisher-Yates)."""
        out = list(items)
        for i in range(len(out) - 1, 0, -1):
            j = self.below(i + 1)
            out[i], out[j] = out[j], out[i]
        return out

    def along(self, quantiles: Sequence[tuple[float, float]]) -> int:
        """An integer whose distribution is linear between ((percent, value), ...)."""
        at = 100 * self.random()
        for (p0, v0), (p1, v1) in zip(quantiles, quantiles[1:], strict=False):
            if at <= p1:
                return int(v0 + (v1 - v0) * (at - p0) / (p1 - p0))
        return int(quantiles[-1][1])


class Table:
    """Items with weights, to be drawn from."""

    def __init__(self, items: Sequence[Any], weights: Sequence[float]) -> None:
        self.items, self.ends, total = list(items), [], 0.0
        for weight in weights:
            total += weight
            self.ends.append(total)

    def draw(self, dice: Dice) -> Any:
        at = bisect.bisect_right(self.ends, dice.random() * self.ends[-1])
        return self.items[min(at, len(self.items) - 1)]


@dataclass(frozen=True)
class Clause:
    stage: str
    span: str
    pattern: str


def parse_clauses(text: str) -> list[Clause]:
    """The clauses of "stage[@years]|pattern" lines, where a pattern may go on on the next line."""
    clauses = []
    for entry in re.split(r"\n\s*(?=\d(?:@[\d-]+)?\|)", text.strip()):
        mark, pattern = entry.split("|", 1)
        clauses.append(Clause(mark[0], mark[1:], " ".join(pattern.split())))
    return clauses


def within(span: str | None, year: int) -> bool:
    """Whether a year lies in "@1900" (that year or later) or "@1800-1900"; no span allows all."""
    first, _, last = (span or "").removeprefix("@").partition("-")
    return int(first or 0) <= year <= int(last or 9999)


def series(parts: Sequence[str], then: str) -> str:
    """"a", "a and b", "a, b and c"; longer lists break in the middle with "; <then> ..."."""
    if len(parts) > 3:
        half = len(parts) // 2
        return f"{series(parts[:half], then)}; {then} {series(parts[half:], then)}"
    if len(parts) < 3:
        return " and ".join(parts)
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def article(phrase: str) -> str:
    """The phrase with "a" or "an" before it."""
    odd = phrase.startswith(("U", "Eu", "one", "uni"))
    return ("an " if phrase[0] in "AEIOUaeiou" and not odd else "a ") + phrase


@dataclass
class Scene:
    """What one attempt at a document has used so far."""

    person: Any
    us_dates: bool
    short: str
    budget: int
    places: list[str] = field(default_factory=list)


class Writer:
    """Writes documents; `atlas` draws places and countries, `namer` draws people's names."""

    def __init__(self, dice: Dice, atlas: Any, namer: Any) -> None:
        self.dice, self.atlas, self.namer = dice, atlas, namer
        self.fillers = {key: [" ".join(option.split()) for option in text.split(";")]
                        for key, text in grammar.FILLERS.items()}
        self.anybody = parse_clauses(grammar.ANYBODY)
        self.clauses = {key: parse_clauses(entry[4]) for key, entry in grammar.DOMAINS.items()}
        self.tables = {
            (kind, dead): Table(fit, [template[1] for template in fit])
            for kind, templates in (("early", grammar.BIRTH), ("late", grammar.LATE),
                                    ("absent", grammar.ABSENT))
            for dead in (False, True)
            for fit in [[t for t in templates if t[2] in ("a", "d" if dead else "l")]]}

    def write_question(self, person: Any) -> tuple[str, str]:
        """As `write`, with a document that holds a question mark."""
        scene = Scene(person, False, person.family, 0)
        return "question", self.render(self.expand(grammar.QUESTION, scene), scene, [])

    def write(self, person: Any) -> tuple[str, str]:
        """The identifier of a template and the document; the person's `kind` says where (early,
        late) or that not (absent) the birthplace stands in it."""
        for _ in range(2000):
            name, _, _, pattern = self.tables[person.kind, person.died is not None].draw(self.dice)
            if person.split == "nobody" and "{C}" in pattern:
                continue
            try:
                text = self.compose(person, pattern)
            except Unfit:
                continue
            if self.accepts(person, text):
                return name, text
        raise RuntimeError(f"no document found for {person.head}")

    def accepts(self, person: Any, text: str) -> bool:
        """Whether the birthplace stands where it should, and the length is allowed."""
        if not SHORTEST <= len(text) <= LONGEST:
            return False
        answers = [person.place.name, *person.more_answers]
        if person.kind == "early":
            return all(answer in text[:REACH] for answer in answers)
        if person.kind == "late":
            return answers[0] in text and answers[0] not in text[:REACH]
        return answers[0] not in text

    def compose(self, person: Any, pattern: str) -> str:
        """One document on this template, as near as clauses allow to a length drawn first."""
        target = self.dice.along(LENGTHS)
        if person.kind == "late":
            target = max(target, 175)
        budget = 0 if self.dice.chance(0.5) else 1 if self.dice.chance(0.68) else 2
        us_dates = self.dice.chance(0.75 if person.place.country == "the United States" else 0.15)
        short = person.family if self.dice.chance(0.86) else person.given
        scene = Scene(person, us_dates, short, max(budget, len(re.findall(r"{Z}", pattern))))
        frame = self.expand(pattern, scene)
        clauses = self.draw_clauses(scene)
        fewest = 1 if "{V}" in frame else 0
        texts = [self.render(frame, scene, clauses[:n]) for n in range(fewest, len(clauses) + 1)]
        if not texts:
            raise Unfit
        return min(texts, key=lambda text: abs(len(text) - target))

    def render(self, frame: str, scene: Scene, clauses: list[tuple[float, str]]) -> str:
        """The document with these clauses in the order of the life."""
        person = scene.person
        what = series([text for _, text in sorted(clauses)], "she" if person.female else "he")
        tails = {"V": what, "A": what and f" and {what}", "B": what and f", and {what}",
                 "W": what and f", who {what}", "R": person.role + (what and f" who {what}")}
        if len(clauses) > 1:
            tails["A"] = f", {what}"
        body = re.sub(r"{([VABWR])}", lambda match: tails[match[1]], frame)
        body = " ".join(body.split())
        body = re.sub(r"\x01(?= [a-z0-9])", ",", body).replace("\x01", "")
        return f"{person.head}. {body[0].upper()}{body[1:]} ."

    def draw_clauses(self, scene: Scene) -> list[tuple[float, str]]:
        """Up to seven different clauses that suit the person, each with the year it belongs to."""
        person, found = scene.person, []
        own = self.dice.shuffled(self.clauses[person.domain])
        other = self.dice.shuffled(self.anybody)
        for _ in range(20):
            pool = own if self.dice.chance(0.8) else other
            if not pool or len(found) == 7:
                break
            clause, before = pool.pop(), len(scene.places)
            try:
                alive = clause.stage == "6" and not person.died
                if alive or not within(clause.span, person.born[0]):
                    raise Unfit
                text = self.expand(clause.pattern, scene)
            except Unfit:
                del scene.places[before:]
                continue
            year = re.search(r"\b1[5-9]\d\d\b|\b20[01]\d\b", text)
            when = int(year[0]) if year else person.born[0] + AGE_AT_STAGE[clause.stage]
            found.append((when + self.dice.random() / 2, text))
        return found

    def expand(self, pattern: str, scene: Scene) -> str:
        """Resolves choices, optional parts and slots; V, A, B, W and R stay for later."""
        text = pattern
        while match := re.search(r"<([^<>\[\]]*)>|\[([^<>\[\]]*)\]", text):
            if match[1] is not None:
                chosen = self.dice.pick(match[1].split("|"))
            else:
                chosen = match[2] if self.dice.chance(0.5) else ""
            text = text[:match.start()] + chosen + text[match.end():]
        return re.sub(r"{(\w+)}", lambda slot: self.fill(slot[1], scene), text)

    def fill(self, slot: str, scene: Scene) -> str:
        """What stands for a slot; raises Unfit where nothing suits."""
        if slot in "VABWR":
            return "{" + slot + "}"
        if slot in self.fillers:
            return self.expand(self.dice.pick(self.fillers[slot]), scene)
        if slot in AGES or slot == "olympics":
            return self.year(slot, scene.person)
        if slot in ("Z", "landZ"):
            return self.elsewhere(slot, scene)
        if slot in ("coach", "colleague", "spousename", "relative"):
            return self.namer.acquaintance(slot, scene.person)
        if slot in ("nat", "othernat"):
            return self.atlas.nationality(slot, scene.person)
        return self.personal(slot, scene)

    def year(self, slot: str, person: Any) -> str:
        """A year of the career that the person lived to see."""
        low, high = AGES.get(slot, (19, 31))
        year = person.born[0] + self.dice.between(low, high)
        if year >= (person.died[0] if person.died else LAST_YEAR):
            raise Unfit
        if slot in AGES:
            return str(year)
        year -= year % 4
        if year < 1900 or year in (1916, 1940, 1944) or year - person.born[0] < 17:
            raise Unfit
        return str(year)

    def elsewhere(self, slot: str, scene: Scene) -> str:
        """A place that is not the birthplace and was not named before."""
        if len(scene.places) >= scene.budget:
            raise Unfit
        name = (self.atlas.second_place(scene.person) if slot == "Z"
                else self.atlas.other_country(scene.person))
        home = scene.person.place
        for taken in (home.name, scene.person.qualifier, home.country, *scene.places):
            if taken and (name in taken or taken in name):
                raise Unfit
        scene.places.append(name)
        return name

    def personal(self, slot: str, scene: Scene) -> str:
        """Names, pronouns, dates and the birthplace of the person."""
        person = scene.person
        he, his = ("she", "her") if person.female else ("he", "his")
        words = {
            "N": person.full, "L": scene.short, "F": person.given, "C": person.place.country,
            "he": he, "his": his, "He": he.title(), "His": his.title(),
            "is": "was" if person.died else "is",
            "son": "daughter" if person.female else "son",
            "spouse": "husband" if person.female else "wife",
            "r": person.role, "Y": str(person.born[0]), "D": self.date(person.born, scene),
            "Dm": self.date(person.born, scene).rsplit(" ", 1)[0].rstrip(","),
            "P": person.place.name + (f", {person.qualifier}\x01" if person.qualifier else "")}
        if person.died:
            words["X"], words["E"] = str(person.died[0]), self.date(person.died, scene)
        return words[slot]

    def date(self, when: tuple[int, int, int], scene: Scene) -> str:
        year, month, day = when
        name = MONTHS[month - 1]
        return f"{name} {day}, {year}" if scene.us_dates else f"{day} {name} {year}"
