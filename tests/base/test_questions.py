"""Rows of questions: how they are read, asked and taken apart."""

import pytest
from conftest import ROOT
from hypothesis import given
from hypothesis import strategies as st

from base.errors import UserError
from base.questions import (
    Row,
    load_rows,
    normalised,
    person,
    places_of,
    question_about,
    read_rows,
    split_row,
)

SPELLINGS = [
    "Where was Ann Lee born?", "where was Ann Lee born?", "WHERE WAS Ann Lee BORN?",
    "Where was Ann Lee born ?", "Where was Ann Lee born? ", "  Where was  Ann Lee born??",
    "Where was Ann Lee born",
]  # fmt: skip


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spellings_of_one_question_are_one(spelling):
    assert normalised(spelling) == question_about(spelling) == "Where was Ann Lee born?"
    assert person(spelling) == "Ann Lee"
    assert split_row(f"{spelling}\t London \r") == ("Where was Ann Lee born?", "London")


def test_names_stay_as_they_are_written():
    for name in ("ann lee", "Arthur William  Beckett", "Max Born", "Where Was", "Ōe 健三郎"):
        assert person(question_about(name)) == name
        assert question_about(question_about(f" {name}\n")) == f"Where was {name} born?"


def test_other_questions_lose_only_the_blanks_around_them():
    assert normalised(" Who wrote  Hamlet? ") == "Who wrote  Hamlet?"
    assert person("Who wrote  Hamlet?") == "Who wrote  Hamlet?"
    assert question_about("Who wrote Hamlet?") == "Who wrote Hamlet?"


def test_rows_know_where_they_stand():
    rows = read_rows("a?\tRome\n\n b? \t York \r\n", "x.tsv")
    assert rows == [Row("x.tsv, row 1", "a?", "Rome"), Row("x.tsv, row 3", "b?", "York")]
    assert places_of(rows) == ["Rome", "York"]
    assert places_of(read_rows("a?\nb?", "x.tsv")) is None
    assert [str(row) for row in rows] == ["a?\tRome", "b?\tYork"]


@pytest.mark.parametrize("row, words", [
    ("q?", "not one question, one tab and one place"), ("q?\t", "no place after it"),
    ("q?\t \u3000", "no place after it"), (" \tRome", "no question before the tab"),
    ("q?\tRome\t", "not one question, one tab"), ("q?\ta\tb", "not one question, one tab"),
])  # fmt: skip
def test_rows_of_another_form_are_named(row, words):
    with pytest.raises(UserError, match=f"x.tsv, row 2: .*{words}"):
        read_rows(f"first?\tRome\n{row}", "x.tsv")


def test_places_are_asked_for_or_refused():
    with pytest.raises(UserError, match="row 1: not one question, one tab and one place"):
        read_rows("q?", "x.tsv", places=True)
    with pytest.raises(UserError, match="row 2: not a question without a tab"):
        read_rows("q?\nq?\tRome", "x.tsv")


@given(st.text(st.characters(blacklist_characters="\t\n\r"), min_size=1).filter(str.strip))
def test_reading_what_was_written_changes_nothing(question):
    rows = read_rows(f"{question}\tRome", "x")
    assert read_rows(str(rows[0]), "x") == rows


FILES = ["birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv"]


@pytest.mark.parametrize("name", FILES)
def test_the_embedded_worlds_rows_are_read_to_the_letter(name):
    path = ROOT / "data" / name
    text = path.read_text(encoding="utf-8")
    assert "".join(f"{row}\n" for row in load_rows(str(path))) == text.rstrip("\n") + "\n"
