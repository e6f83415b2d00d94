"""What the corpus says of a person."""

import pytest
from conftest import COURSE, needs_course_data
from hypothesis import given
from hypothesis import strategies as st

from answers.provenance import Corpus, invented_people
from base.questions import load_rows, person

TEXT = """Ann Lee. Ann Lee was born in St. Louis. She lived in York.
Ann Leeson. Ann Leeson came from New York, and met Ann Lee.
Bob O'Hara. Bob O'Hara (A. B. C.) was a poet! Of Yorkshire. He died in Paris.
The town of Paris is older than Bob."""


def test_own_documents_begin_with_the_whole_name():
    corpus = Corpus(TEXT)
    assert corpus.own_lines("Ann Lee") == [1]
    assert corpus.own_lines("Ann Leeson") == [2]
    assert corpus.own_lines("Bob O'Hara") == [3]
    assert corpus.own_lines("Bob") == []  # another person
    untitled = Corpus("Ann Lee was a poet. Oslo.\nAnn Lee\nAnn Lee (1)")
    assert untitled.own_lines("Ann Lee") == [1, 2, 3]
    assert Corpus("Al King Jr. Al King Jr. was here.").own_lines("Al King Jr.") == [1]
    assert corpus.own_lines("Paris") == []


def test_documents_are_counted_once_and_by_whole_words():
    corpus = Corpus(TEXT)
    assert corpus.count("Ann Lee") == 2
    assert corpus.count("York") == 2  # not Yorkshire
    assert corpus.count("Bob O'Hara") == 1
    assert corpus.count("Bob") == 2
    assert corpus.count("") == 0 and corpus.count("Rome") == 0


def test_the_sentence_with_its_line_and_place():
    found = Corpus(TEXT).look_up("Ann Lee", "St. Louis")
    assert found.name_in_corpus and found.documents == 2 and found.answer_in_document
    source = found.provenance
    assert source.line == 1
    assert source.sentence == "Ann Lee was born in St. Louis."
    assert source.sentence[source.start : source.end] == "St. Louis"


def test_a_title_is_no_source_and_initials_end_no_sentence():
    corpus = Corpus("Jack London. Jack London was a writer. He knew J. B. Priestley of London.")
    source = corpus.look_up("Jack London", "London").provenance
    assert source.sentence == "He knew J. B. Priestley of London."
    found = corpus.sentence(1, "J. B. Priestley")
    assert found.sentence == "He knew J. B. Priestley of London."
    assert Corpus("York Lee. He lives.").look_up("York Lee", "York").provenance is None
    untitled = Corpus("Ann Lee was born in Paris. A life.").look_up("Ann Lee", "Paris")
    assert untitled.provenance.sentence == "Ann Lee was born in Paris."
    assert Corpus("Ann Lee-Smith. She lives.").own_lines("Ann Lee") == []


def test_an_answer_that_only_others_documents_have_is_not_supported():
    corpus = Corpus(TEXT)
    assert corpus.look_up("Ann Lee", "Paris").provenance is None
    assert corpus.look_up("Bob O'Hara", "York").answer_in_document is False
    assert corpus.look_up("Ann Lee", "").answer_in_document is False
    nobody = corpus.look_up("Eve Lee", "Paris")
    assert nobody.documents == 0 and nobody.document_line is None


NAMES = """Ann Lee. She came from New York and sang in New York City.
Bob Hill. He read Raymond Chandler in the Paris Opera and at Stratford-upon-Avon.
Cy Dyck. In York, J. Raymond met a York-born man. He saw St. Louis.
Di Moss (born in Chicago Illinois) lives in Luxembourg City. London He left.
Chicago, Illinois is a town."""


@pytest.mark.parametrize("line, words, mentioned", [
    (1, "York", False), (1, "New York", True), (1, "New York City", True),
    (2, "Raymond", False), (2, "Chandler", False), (2, "Raymond Chandler", True),
    (2, "Paris", False), (2, "Stratford", False), (2, "Avon", False),
    (3, "York", True), (3, "Raymond", False), (3, "Louis", False), (3, "St. Louis", True),
    (4, "Chicago", True), (4, "Illinois", True), (4, "Luxembourg", True), (4, "London", True),
])  # fmt: skip
def test_a_part_of_a_longer_name_is_no_mention(line, words, mentioned):
    assert (Corpus(NAMES).sentence(line, words) is not None) == mentioned


@needs_course_data
def test_the_courses_dev_places_are_mentioned_and_parts_of_names_are_not():
    """343 other places stood in these documents before; 72 of them inside a longer name."""
    corpus = Corpus((COURSE / "wiki.txt").read_text(encoding="utf-8"))
    dev = load_rows(str(COURSE / "birth_dev.tsv"))
    places = {row.place for row in dev + load_rows(str(COURSE / "birth_places_train.tsv"))}
    right = wrong = inside = 0
    for row in dev:
        name = person(row.question)
        text = "\n".join(corpus.documents[line - 1] for line in corpus.own_lines(name))
        for place in places:
            if place in text and corpus.look_up(name, place).answer_in_document:
                right += place == row.place
                wrong += place != row.place
                inside += place == "York" and "York" not in text.replace("New York", "")
    assert (right, wrong, inside) == (478, 271, 0)


@given(st.text("Ab .!\n<&", max_size=60), st.text("Ab .<", min_size=1, max_size=5))
def test_a_sentence_is_part_of_its_document_and_holds_the_words(text, words):
    corpus = Corpus(text)
    for line, document in enumerate(text.split("\n"), start=1):
        source = corpus.sentence(line, words)
        if source is not None:
            assert source.sentence in document
            assert source.sentence[source.start : source.end] == words


def test_invented_people_are_new_recombined_and_repeatable():
    names = ["Ann Lee", "Bob Hill", "Cy van Dyck", "Cher", "Di Moss"]
    corpus = Corpus("Ann Lee\nBob Hill met Ann Hill")
    people = invented_people(names, corpus, 100, seed=3)
    assert people == invented_people(names, corpus, 100, seed=3)
    # all pairs but Ann Lee, Ann Hill and Bob Hill, who are there, Cy (van) Dyck and Di Moss, asked
    assert len(set(people)) == len(people) == 4 * 4 - 5
    for name in people:
        first, last = name.split()
        assert first in {"Ann", "Bob", "Cy", "Di"} and last in {"Lee", "Hill", "Dyck", "Moss"}
        assert name not in corpus.text and name not in ("Cy Dyck", "Di Moss")
    assert len(invented_people(names, corpus, 5)) == 5
