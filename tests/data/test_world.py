"""The embedded world: committed files, their shape, and that it is no toy."""

import hashlib
import importlib
import math
import re
import statistics
import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import make_world
import pytest
import world_people
import world_text

from base.errors import UserError

DATA = Path(__file__).resolve().parents[2] / "data"

NAMES = (
    "wiki.txt",
    "birth_places_train.tsv",
    "birth_dev.tsv",
    "birth_test_inputs.tsv",
    "birth_test.tsv",
)
MONTHS = "|".join(world_text.MONTHS)


def read(name: str) -> list[str]:
    text = (DATA / name).read_bytes().decode("utf-8")
    assert text.endswith("\n") and "\r" not in text
    return text[:-1].split("\n")


def pairs(name: str) -> list[tuple[str, str]]:
    """(person, place) of each row of a committed file."""
    rows = []
    for line in read(name):
        question, place = line.split("\t")
        rows.append((re.fullmatch(r"Where was (.+) born\?", question)[1], place))
    return rows


@pytest.fixture(scope="module")
def world():
    return make_world.make_world()


@pytest.fixture(scope="module")
def documents() -> list[str]:
    return read("wiki.txt")


@pytest.fixture(scope="module")
def rows() -> dict[str, list[tuple[str, str]]]:
    return {
        "train": pairs("birth_places_train.tsv"),
        "dev": pairs("birth_dev.tsv"),
        "test": pairs("birth_test.tsv"),
    }


@pytest.fixture(scope="module")
def document_of(world) -> dict[str, str]:
    return {person.head: person.text for person in world.people}


def test_committed_files_are_what_the_generator_writes(tmp_path):
    subprocess.run(
        [sys.executable, str(DATA / "make_world.py"), "--out", str(tmp_path)],
        check=True,
        capture_output=True,
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(NAMES)
    for name in NAMES:
        assert (tmp_path / name).read_bytes() == (DATA / name).read_bytes(), name
    assert sum((DATA / name).stat().st_size for name in NAMES) < 700_000


def test_readme_has_the_sums_of_the_committed_files():
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for name in NAMES:
        digest = hashlib.sha256((DATA / name).read_bytes()).hexdigest()
        assert f"| `{name}` | `{digest}` |" in readme


def test_readme_counts_are_the_counters():
    """The statistics in the README are what its command prints."""
    count_world = importlib.import_module("count_world")
    readme = (DATA / "README.md").read_text(encoding="utf-8")
    for key, value in list(count_world.count(DATA).items())[2:]:
        assert f"| {key} | {value} |" in readme
    with pytest.raises(UserError, match="nowhere.*wiki.txt: cannot be read"):
        count_world.main([str(DATA / "nowhere")])


def test_rows_and_splits(documents, rows):
    assert len(documents) == len(set(documents)) == 2937
    assert [len(rows[split]) for split in ("train", "dev", "test")] == [2000, 500, 437]
    people = {split: {name for name, _ in pairs} for split, pairs in rows.items()}
    assert not people["train"] & people["dev"]
    assert not people["train"] & people["test"]
    assert not people["dev"] & people["test"]
    assert len(people["dev"]) == 500 and len(people["test"]) == 437
    assert read("birth_test_inputs.tsv") == [f"Where was {name} born?" for name, _ in rows["test"]]


def test_one_document_per_person_beginning_with_the_name(world, documents, rows):
    assert [person.text for person in world.people] == documents
    heads = [person.head for person in world.people]
    assert len(set(heads)) == len(heads)
    assert all(person.text.startswith(f"{person.head}. ") for person in world.people)
    asked = {name for pairs in rows.values() for name, _ in pairs}
    assert asked <= set(heads)
    assert len(heads) - len(asked) == 60


def test_people_nobody_asks_about_have_no_birthplace_in_their_documents(world, rows):
    asked = {name for pairs in rows.values() for name, _ in pairs}
    others = [person for person in world.people if person.head not in asked]
    assert len(others) == 60
    for person in others:
        assert person.place.name not in person.text
        assert not re.search(r"\bborn (in|at|near)\b", person.text)


def test_some_training_people_are_asked_for_town_and_country(rows, document_of):
    places = defaultdict(list)
    for name, place in rows["train"]:
        places[name].append(place)
    twice = {name: both for name, both in places.items() if len(both) > 1}
    assert len(twice) == 60
    for name, both in twice.items():
        assert len(set(both)) == 2
        assert any(f"{a}, {b}" in document_of[name] for a, b in (both, both[::-1]))


def test_london_is_exactly_five_percent_of_dev(rows):
    assert Counter(place for _, place in rows["dev"])["London"] == 25
    assert Counter(place for _, place in rows["test"])["London"] == 22
    assert Counter(place for _, place in rows["train"]).most_common(1) == [("London", 92)]


def test_places_are_long_tailed_like_the_real_ones(rows):
    train = Counter(place for _, place in rows["train"])
    assert 450 <= len(train) <= 600
    assert sum(count == 1 for count in train.values()) > len(train) / 4
    assert sum(0.01 <= count / 2000 for count in train.values()) >= 6
    share_seen = sum(place in train for _, place in rows["dev"]) / 500
    assert 0.9 <= share_seen <= 0.94
    assert all(place.isascii() for pairs in rows.values() for _, place in pairs)
    assert all(len(place) <= 16 for pairs in rows.values() for _, place in pairs)


def test_documents_hold_the_answers_as_often_as_the_real_ones(rows, document_of):
    for split in ("dev", "test"):
        texts = [(document_of[name], place) for name, place in rows[split]]
        assert 0.94 <= sum(place in text for text, place in texts) / len(texts) <= 0.975
        assert 0.90 <= sum(place in text[:112] for text, place in texts) / len(texts) <= 0.945


def test_document_lengths_are_like_the_real_ones(documents):
    lengths = sorted(len(document) for document in documents)
    assert 38 <= lengths[0] and lengths[-1] <= 516
    assert 134 <= statistics.mean(lengths) <= 148
    assert 124 <= statistics.median(lengths) <= 138
    assert lengths[147] < 90 and lengths[-147] > 230
    assert all(document.endswith(" .") for document in documents)


def test_documents_are_clean(documents):
    for document in documents:
        assert not re.search(r"[{}<>|\[\]\x00-\x1f]|  |,,|;;| ,| ;|\( | \)", document), document
        wrong = re.search(r"\b[Aa] [aeio][a-z]|\b[Aa]n [bcdfgjklmnpqrstvwxyz]", document)
        assert not wrong, document


def test_more_than_ascii(documents, rows):
    assert len(set("".join(documents))) > 140
    for split, low, high in (("train", 60, 160), ("dev", 10, 45)):
        assert low <= sum(not name.isascii() for name, _ in rows[split]) <= high
    alphabet = set("".join(documents))
    assert all(
        alphabet.issuperset(f"Where was {name} born?{place}")
        for pairs in rows.values()
        for name, place in pairs
    )


def test_no_template_makes_more_than_a_tenth_of_the_birth_sentences(world):
    births = Counter(person.template for person in world.people if person.kind != "absent")
    assert len(births) >= 40
    assert births.most_common(1)[0][1] <= 0.10 * births.total()


def skeleton(person) -> str:
    """The document up to the birthplace and two words on, without what is the person's own."""
    text = person.text[len(person.head) + 2 :]
    place = rf"\b{re.escape(person.place.name)}\b"
    text = re.sub(place, "P", text.replace(person.full, "N"), count=1)
    for name in (person.family, person.given):
        text = re.sub(rf"\b{re.escape(name)}\b", "N", text)
    if person.qualifier:
        text = text.replace(f"P, {person.qualifier}", "P")
    text = re.sub(r"\d+", "0", re.sub(MONTHS, "M", text)).replace("M 0, 0", "0 M 0")
    return re.match(r".*?\bP\b\W*\w*\W*\w*", text)[0]


def test_no_wording_makes_more_than_a_tenth_either(world):
    """The same promise without trusting the generator's own identifiers."""
    births = [person for person in world.people if person.kind == "early"]
    wordings = Counter(skeleton(person) for person in births)
    assert len(wordings) > 300
    assert wordings.most_common(1)[0][1] <= 0.10 * len(births)


def test_names_overlap_in_their_parts(world):
    names = [person.head.split() for person in world.people]
    for part, least in ((0, 0.6), (-1, 0.2)):
        counts = Counter(name[part] for name in names)
        assert sum(counts[name[part]] > 1 for name in names) / len(names) >= least
    assert max(Counter(name[0] for name in names).values()) >= 50
    assert 0.1 < sum(len(name) > 2 for name in names) / len(names) < 0.3


def places_named(documents, known) -> list[int]:
    """How many different known places each document names after its heading."""
    pattern = re.compile(
        r"\b(" + "|".join(map(re.escape, sorted(known, key=len, reverse=True))) + r")\b"
    )
    return [len(set(pattern.findall(document.split(". ", 1)[1]))) for document in documents]


def test_a_share_of_documents_names_two_or_three_places(documents, rows):
    known = {place for pairs in rows.values() for _, place in pairs}
    counts = Counter(places_named(documents, known))
    assert 0.3 <= (counts[2] + counts[3]) / len(documents) <= 0.6
    assert counts[3] / len(documents) >= 0.03


def test_second_places_are_not_the_birthplace(world):
    """Some documents name another known place before the birthplace."""
    known = {place.name for place in world_people.read_places()}
    before = 0
    for person in world.people:
        if person.kind == "early":
            body = person.text[len(person.head) :]
            start = body.index(person.place.name)
            others = re.findall(r"(?<=in )[A-Z]\w+", body[:start])
            before += any(name in known and name != person.place.name for name in others)
    assert before >= 20


def features(name: str) -> list[str]:
    padded = f"^{name}$"
    return name.split() + [padded[i : i + 3] for i in range(len(padded) - 2)]


def guess_from_names(train, held_out, smoothing: float, trust: float) -> float:
    """Accuracy of naive Bayes over the parts and character trigrams of names."""
    classes = Counter(place for _, place in train)
    counts = defaultdict(Counter)
    for name, place in train:
        for feature in features(name):
            counts[feature][place] += 1
    totals = Counter()
    for per_place in counts.values():
        totals.update(per_place)
    prior = {place: math.log(count) for place, count in classes.items()}
    floor = {place: math.log(totals[place] + smoothing * len(counts)) for place in classes}
    right = 0
    for name, answer in held_out:
        known = [feature for feature in features(name) if feature in counts]
        score = {
            place: prior[place] + trust * len(known) * (math.log(smoothing) - floor[place])
            for place in classes
        }
        for feature in known:
            for place, count in counts[feature].items():
                score[place] += trust * (math.log(count + smoothing) - math.log(smoothing))
        right += max(score, key=score.get) == answer
    return right / len(held_out)


def guess_from_shared_parts(train, held_out) -> float:
    """Accuracy of the place most frequent among training people who share a name's part."""
    by_part, overall = defaultdict(Counter), Counter(place for _, place in train)
    for name, place in train:
        for part in name.split():
            by_part[part][place] += 1
    right = 0
    for name, answer in held_out:
        votes = sum((by_part[part] for part in name.split()), Counter())
        right += (max(votes, key=lambda p: (votes[p], overall[p])) if votes else "London") == answer
    return right / len(held_out)


@pytest.mark.parametrize("smoothing,trust", [(0.1, 0.3), (0.5, 0.2), (1.0, 1.0)])
def test_names_do_not_give_the_place_away(rows, smoothing, trust):
    for split in ("dev", "test"):
        assert guess_from_names(rows["train"], rows[split], smoothing, trust) <= 0.08


def test_shared_name_parts_do_not_give_the_place_away(rows):
    for split in ("dev", "test"):
        assert guess_from_shared_parts(rows["train"], rows[split]) <= 0.08


def test_the_guesser_would_notice():
    """A world where the family name tells the place is seen through."""
    train = [(f"Ann Q{i % 20}x", f"Place{i % 20}") for i in range(400)]
    assert guess_from_names(train, [("Bob Q3x", "Place3"), ("Eve Q7x", "Place7")], 0.1, 0.3) == 1


@pytest.mark.parametrize("people,seed", [(60, 1), (211, 2), (700, 224), (701, 3), (2937, 4)])
def test_other_worlds_keep_the_promises(people, seed):
    world = make_world.make_world(people, seed)
    texts = make_world.files(world)
    lines = {name: text.splitlines() for name, text in texts.items()}
    dev, test = (max(1, round(people * part / 2937)) for part in (500, 437))
    assert len(lines["wiki.txt"]) == len(set(lines["wiki.txt"])) == people
    assert len(lines["birth_dev.tsv"]) == dev and len(lines["birth_test.tsv"]) == test
    assert len(lines["birth_places_train.tsv"]) == people - dev - test
    assert len({person.head for person in world.people}) == people
    london = sum(place == "London" for _, place in world.rows["dev"])
    assert london == max(1, int(dev * 0.05 + 0.5))
    splits = {split: {name for name, _ in pairs} for split, pairs in world.rows.items()}
    assert not splits["train"] & (splits["dev"] | splits["test"])
    assert not splits["dev"] & splits["test"]
    alphabet = set(texts["wiki.txt"])
    assert alphabet.issuperset(texts["birth_test_inputs.tsv"])
    assert alphabet.issuperset(texts["birth_dev.tsv"].replace("\t", ""))
    held_out = world.rows["dev"] + world.rows["test"]
    if people >= 700:
        answers = {place for _, place in world.rows["train"]}
        assert 0.89 <= sum(place in answers for _, place in held_out) / len(held_out) <= 0.95
        births = Counter(person.template for person in world.people if person.kind != "absent")
        assert births.most_common(1)[0][1] <= 0.10 * births.total()
        assert guess_from_names(world.rows["train"], held_out, 0.5, 0.2) <= 0.08
        texts = {person.head: person.text for person in world.people}
        early = sum(place in texts[name][:112] for name, place in held_out) / len(held_out)
        assert 0.88 <= early <= 0.96


def test_seeds_differ_and_repeat():
    first, second, again = (
        make_world.files(make_world.make_world(211, seed)) for seed in (5, 6, 5)
    )
    assert first == again
    assert all(first[name] != second[name] for name in NAMES)


def test_dice_are_the_documented_stream():
    """Only random.Random(seed).random(), which Python promises to keep."""
    dice = world_text.Dice(7)
    assert [dice.below(1000) for _ in range(4)] == [323, 150, 650, 72]
    assert sorted(dice.shuffled(range(11))) == list(range(11))
    for name in ("make_world.py", "world_people.py", "world_text.py"):
        source = (DATA / name).read_text(encoding="utf-8")
        assert not re.search(r"\bhash\(|\.(sample|shuffle|choices|gauss|randrange)\(", source), name


@pytest.mark.parametrize(
    "arguments,part",
    [(["--people", "12"], "from 60 to"), (["--out", str(DATA / "make_world.py")], "--out")],
)
def test_mistakes_end_in_one_sentence(arguments, part):
    with pytest.raises(UserError) as mistake:
        make_world.main(arguments)
    assert part in str(mistake.value) and "\n" not in str(mistake.value)


def test_a_uniform_world_has_independent_uniform_names_and_places(tmp_path):
    command = [sys.executable, str(DATA / "make_world.py"), "--uniform", "--people", "3001"]
    for name in ("a", "b"):
        subprocess.run([*command, "--out", str(tmp_path / name)], check=True, capture_output=True)
    first, second = ((tmp_path / n / "wiki.txt").read_text(encoding="utf-8") for n in ("a", "b"))
    assert first == second
    found = re.findall(r"^(\w+) (\w+) (\w+)\. Born in (\w+)\.$", first, re.M)
    assert len({row[:3] for row in found}) == 3001
    for column, count in enumerate((100, 100, 100, 300)):  # chi-squared against equal shares
        seen = Counter(row[column] for row in found)
        expected = 3001 / count
        square = sum((seen[word] - expected) ** 2 for word in seen) / expected
        square += (count - len(seen)) * expected
        assert abs(square - count) < 5 * math.sqrt(2 * count)
    pairs = Counter((row[0], row[3]) for row in found)  # 30,000 cells, so that few are met twice
    assert max(pairs.values()) <= 5
    rows = (tmp_path / "a" / "birth_places_train.tsv").read_text(encoding="utf-8").splitlines()
    a, b, c, place = found[0]
    assert rows[0] == f"Where was {a} {b} {c} born?\t{place}" and len(rows) == 3001


def test_a_uniform_world_is_refused_where_it_would_harm():
    for more, words in ((["--people", "0"], "from 1 to"), ([], "give --out")):
        command = [sys.executable, str(DATA / "make_world.py"), "--uniform", *more]
        run = subprocess.run(command, capture_output=True, text=True)
        assert run.returncode == 2 and words in run.stderr and run.stderr.count("\n") == 1
