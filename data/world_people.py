"""Who lives in the embedded world: places to be born in, names, years, professions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import world_grammar as grammar
from world_names import CULTURES
from world_places import BOOST, COUNTRIES, ELSEWHERE
from world_text import Dice, Table, Unfit, article, within

LONDON = "London"
AT_HOME = 0.68  # share of people who are born in the countries of their name
YEARS = ((0, 1570), (2, 1661), (10, 1812), (25, 1882), (50, 1936), (75, 1962), (90, 1976),
         (100, 1990))
ACCENTS = str.maketrans(dict(zip("áàâäåãăąčćçďéèêëěęğíìîïıłńňñóòôöőőøřšśşťúùûüűůýžźżÁÅÉÍÖØÓŠŞČŽŁÇ",
                                 "aaaaaaaacccdeeeeeegiiiiilnnnooooooorssstuuuuuuyzzzAAEIOOOSSCZLC",
                                 strict=True)) | {"ß": "ss", "æ": "ae"})


@dataclass(frozen=True)
class Place:
    """A birthplace; `qualifier` is the county or state that may follow its name."""

    name: str
    country: str
    since: int
    weight: float
    qualifier: str = ""


@dataclass
class Person:
    """Somebody with a document. `head` is the name in the question and at the document's start,
    `more_answers` holds a wider place that a second question asks for."""

    head: str
    full: str
    given: str
    family: str
    culture: str
    female: bool
    place: Place
    qualifier: str
    born: tuple[int, int, int]
    died: tuple[int, int, int] | None
    domain: str
    role: str
    split: str
    kind: str
    more_answers: list[str] = field(default_factory=list)
    template: str = ""
    text: str = ""


def plain(country: str) -> str:
    return country.removeprefix("the ")


def read_places() -> list[Place]:
    """All places of world_places.py with their weights, London last."""
    places = []
    for country, (_, since, share, text) in COUNTRIES.items():
        entries = [entry.strip().partition("/") for entry in text.split(",")]
        weights = [1 / (rank + 3) ** 1.2 for rank in range(len(entries))]
        for (name, _, qualifier), weight in zip(entries, weights, strict=True):
            name = plain(country) if name == "*" else name
            weight = share * weight / sum(weights) * BOOST.get(name, 1)
            places.append(Place(name, country, since, weight, qualifier))
    return [*places, Place(LONDON, "England", 1560, 0.0)]


class Atlas:
    """Draws places: birthplaces by culture, second places, countries."""

    def __init__(self, dice: Dice) -> None:
        self.dice, self.places = dice, read_places()
        self.london = self.places[-1]
        self.everywhere = Table(self.places, [place.weight for place in self.places])
        self.in_country = {
            country: Table(group, [place.weight for place in group])
            for country in COUNTRIES
            for group in [[p for p in self.places[:-1] if p.country == country]]}
        self.homes = {}
        for culture, entry in CULTURES.items():
            pairs = [item.strip().rsplit(":", 1) for item in entry["home"].split(",")]
            self.homes[culture] = Table([c for c, _ in pairs], [float(w) for _, w in pairs])
        self.extra = [" ".join(name.split()) for name in ELSEWHERE.split(",")]

    def birthplace(self, culture: str) -> Place:
        """Mostly at home, else anywhere: a name hints at a place, and no more than that."""
        if self.dice.chance(AT_HOME):
            return self.in_country[self.homes[culture].draw(self.dice)].draw(self.dice)
        return self.everywhere.draw(self.dice)

    def second_place(self, person: Person) -> str:
        """A town of the same country, of the wide world, or one that is nobody's birthplace."""
        if self.dice.chance(0.12):
            return self.dice.pick(self.extra)
        if self.dice.chance(0.06):
            return LONDON
        table = self.everywhere
        if self.dice.chance(0.6):
            table = self.in_country[person.place.country]
        place = table.draw(self.dice)
        if place.name == plain(place.country) or place.since > person.born[0] + 40:
            raise Unfit
        return place.name

    def other_country(self, person: Person) -> str:
        return self.everywhere.draw(self.dice).country

    def nationality(self, slot: str, person: Person) -> str:
        """The adjective of the country of birth, or of another one."""
        if slot == "nat":
            return COUNTRIES[person.place.country][0]
        adjective = COUNTRIES[self.everywhere.draw(self.dice).country][0]
        if adjective == COUNTRIES[person.place.country][0]:
            raise Unfit
        return adjective


def parts(words: str) -> list[tuple[str, str]]:
    """(name, native spelling or "") of each word of a list in world_names.py."""
    split = (word.replace("_", " ").partition(":") for word in words.split())
    return [(name, native) for name, _, native in split]


class Namer:
    """Puts names together."""

    def __init__(self, dice: Dice) -> None:
        self.dice = dice
        self.cultures = Table(list(CULTURES), [entry["share"] for entry in CULTURES.values()])
        self.lists = {
            (culture, key): Table(names, [1 / (rank + 4) ** power for rank in range(len(names))])
            for culture, entry in CULTURES.items()
            for key, power in (("male", 0.95), ("female", 0.8), ("family", 0.4), ("stems", 0),
                               ("endings", 0.3))
            for names in [parts(entry[key])]}

    def given(self, culture: str, female: bool) -> tuple[str, str]:
        return self.lists[culture, "female" if female else "male"].draw(self.dice)

    def family(self, culture: str, female: bool = False) -> tuple[str, str]:
        """A family name from the list, or made from a stem and an ending."""
        if self.dice.chance(CULTURES[culture]["made"]):
            stem, native = self.lists[culture, "stems"].draw(self.dice)
            ending, native_ending = self.lists[culture, "endings"].draw(self.dice)
            if stem[-1] == ending[0] and stem[-2] == ending[0]:
                ending = ending[1:]
            name, native = stem + ending, native + native_ending
        else:
            name, native = self.lists[culture, "family"].draw(self.dice)
        if female and culture == "russian" and name.endswith(("v", "n")):
            return name + "a", native and native + "а"
        if female and culture in ("russian", "polish") and name.endswith("ki"):
            return name[:-1] + "a", ""
        if female and culture == "russian" and name.endswith("sky"):
            return name[:-1] + "aya", native and native[:-2] + "ая"
        return name, native

    def acquaintance(self, slot: str, person: Person) -> str:
        """The name of a parent (same family name), a spouse, a teacher, a colleague."""
        female = not person.female if slot == "spousename" else self.dice.chance(0.15)
        given = self.given(person.culture, female and slot != "relative")[0]
        family = self.family(person.culture)[0]
        if slot == "relative":
            family = person.family
        last_first = person.culture in ("chinese", "korean")
        return f"{family} {given}" if last_first else f"{given} {family}"

    def name(self, culture: str, female: bool, born: int) -> dict[str, str]:
        """head, full, given and family of a new person."""
        dice = self.dice
        (given, native), (family, native_family) = (self.given(culture, female),
                                                    self.family(culture, female))
        between, more = self.middle(culture, female, given)
        if culture in ("chinese", "korean"):
            head = full = f"{family} {given}"
        else:
            head, full = f"{given} {between}{family}", f"{given} {more}{family}"
        if culture in ("anglo", "gaelic") and not female:
            if born > 1840 and dice.chance(0.012):
                head, full = f"{head} Jr.", f"{full} Jr."
            elif born < 1900 and dice.chance(0.03):
                nth = dice.pick(("1st", "2nd", "3rd", "4th", "5th", "6th"))
                head, full = f"{head}, {nth} Baronet", f"Sir {full}, {nth} Baronet"
        name = {"head": head, "full": full, "given": given, "family": family}
        if culture not in ("russian", "serbian", "japanese") and dice.chance(0.45):
            name = {key: value.translate(ACCENTS) for key, value in name.items()}
        if native and native_family and not between and dice.chance(0.5):
            script = (f"{native_family}{native}" if culture == "japanese"
                      else f"{native} {native_family}")
            name["full"] = f"{name['full']} ({script})"
        return name

    def middle(self, culture: str, female: bool, given: str) -> tuple[str, str]:
        """What stands between given and family name: in the title, and in the sentence."""
        english = culture in ("anglo", "gaelic")
        draw = self.dice.random()
        middle = self.given(culture, female)[0]
        if english and self.dice.chance(0.25):
            middle = self.family(culture)[0].replace("'", "")
        if culture in ("chinese", "korean", "japanese", "russian") or middle == given:
            return "", ""
        if english and draw < 0.09:
            initial = f"{middle[0]}. "
            return initial, f"{middle} " if draw < 0.05 else initial
        if draw < (0.21 if english else 0.14):
            return f"{middle} ", f"{middle} "
        if draw < (0.29 if english else 0.19):
            return "", f"{middle} "
        return "", ""


class Registrar:
    """Draws people around their birthplaces."""

    def __init__(self, dice: Dice, atlas: Atlas, namer: Namer) -> None:
        self.dice, self.atlas, self.namer = dice, atlas, namer
        self.heads: set[str] = set()
        self.domains = Table(list(grammar.DOMAINS), [e[1] for e in grammar.DOMAINS.values()])

    def person(self, culture: str, place: Place, split: str, kind: str) -> Person:
        """A new person whose name nobody else has, born at `place`."""
        year = self.dice.along(YEARS)
        for _ in range(12):
            if year >= place.since:
                break
            year = self.dice.along(YEARS)
        else:
            year = self.dice.between(max(place.since, 1850), 1988)
        born = self.day(year)
        died = self.death(year)
        domain = self.domains.draw(self.dice)
        while grammar.DOMAINS[domain][0] > year:
            domain = self.domains.draw(self.dice)
        female = self.dice.chance(grammar.DOMAINS[domain][2])
        name = self.new_name(culture, female, year, place)
        role = self.role(domain, female, culture, place, year)
        return Person(**name, culture=culture, female=female, place=place,
                      qualifier=self.qualifier(place), born=born, died=died, domain=domain,
                      role=role, split=split, kind=kind)

    def new_name(self, culture: str, female: bool, year: int, place: Place) -> dict[str, str]:
        """A name that is new, and that does not hold the name of the birthplace."""
        while True:
            name = self.namer.name(culture, female, year)
            if name["head"] not in self.heads and place.name not in name["full"]:
                self.heads.add(name["head"])
                return name

    def day(self, year: int) -> tuple[int, int, int]:
        return year, self.dice.between(1, 12), self.dice.between(1, 28)

    def death(self, year: int) -> tuple[int, int, int] | None:
        """A date of death: certain for the old, rare for the young."""
        share = 1.0 if year < 1916 else 0.5 if year < 1938 else 0.07 if year < 1970 else 0.0
        if not self.dice.chance(share):
            return None
        oldest = min(94, 2011 - year)
        return self.day(year + max(self.dice.between(34, oldest), self.dice.between(34, oldest)))

    def qualifier(self, place: Place) -> str:
        """County, state or country to go after the town's name, or nothing."""
        if place.name == plain(place.country) or not self.dice.chance(0.36):
            return ""
        if place.country == "the United States":
            return "" if place.qualifier == place.name else place.qualifier
        return place.qualifier if place.qualifier and self.dice.chance(0.6) else place.country

    def role(self, domain: str, female: bool, culture: str, place: Place, year: int) -> str:
        """"a Danish painter": the profession with article and, mostly, nationality."""
        listed = " ".join(grammar.DOMAINS[domain][3].split()).split(", ")
        fit = []
        for entry in listed:
            job, span, only = re.fullmatch(r"([^@%$]+)(@[\d-]+)?([%$]?)", entry).groups()
            if within(span, year) and only != ("%" if female else "$"):
                fit.append(grammar.WOMEN.get(job, job) if female else job)
        job = self.dice.pick(fit).replace("+", " and ")
        adjective = COUNTRIES[place.country][0]
        if place.country in ("England", "Scotland", "Wales") and self.dice.chance(0.3):
            adjective = "British"
        homes = self.atlas.homes[culture].items
        if place.country not in homes and self.dice.chance(0.45):
            adjective = COUNTRIES[homes[0]][0]
        draw = self.dice.random()
        if draw < 0.08:
            return article(job)
        native = COUNTRIES[place.country][0]
        other = COUNTRIES[self.atlas.everywhere.draw(self.dice).country][0]
        if draw < 0.14 and other != native and year > 1830:
            return article(f"{native}-born {other} {job}")
        return article(f"{adjective} {job}")
