"""A world whose names and places are drawn independently and uniformly: nothing can be guessed.

What a model knows of it can be counted in bits (labs/microscope/capacity.py). A name is a first, a
middle and a last word out of 100 each, so that there are N0 = 10^6 names; a place is one of
S0 = 300 words.
"""

from world_text import Dice

WORDS, PLACES = 100, 300
NAMES = WORDS**3  # N0
CONSONANTS, VOWELS = "bcdfghjklmnprstvwz", "aeiou"


def invented_words(count: int, syllables: int, ending: str) -> list[str]:
    """Different capitalised words, always the same ones: "Bado" + ending."""
    dice, words = Dice(sum(map(ord, ending)) + syllables), {}
    while len(words) < count:
        parts = (dice.pick(CONSONANTS) + dice.pick(VOWELS) for _ in range(syllables))
        words["".join(parts).capitalize() + ending] = None
    return list(words)


def uniform_people(people: int, seed: int) -> list[tuple[str, str]]:
    """(name, place) of `people` people with different names."""
    lists = [invented_words(WORDS, 2, ending) for ending in ("n", "r", "s")]
    places, dice, found = invented_words(PLACES, 3, ""), Dice(seed), {}
    while len(found) < people:
        name = " ".join(dice.pick(words) for words in lists)
        if name not in found:
            found[name] = dice.pick(places)
    return list(found.items())


def uniform_files(people: int, seed: int) -> dict[str, str]:
    """The text of each file: a document a person, and everybody as a question."""
    drawn = uniform_people(people, seed)
    documents = [f"{name}. Born in {place}." for name, place in drawn]
    questions = [f"Where was {name} born?\t{place}" for name, place in drawn]
    return {"wiki.txt": "\n".join(documents) + "\n",
            "birth_places_train.tsv": "\n".join(questions) + "\n"}
