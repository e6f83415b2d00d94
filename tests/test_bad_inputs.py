"""docs/bad_input.md says what the commands do with bad input."""

import os

import bad_inputs
import pytest


@pytest.fixture(scope="module")
def found():
    return bad_inputs.sentences()


def test_every_bad_input_ends_in_one_sentence(found):
    for command, rows in found.items():
        for kind, said in rows:
            assert said.startswith("error: ") and len(said) < 700, f"{command}, {kind}: {said}"


@pytest.mark.skipif(os.name == "nt", reason="the page has Linux's words for errors of files")
def test_the_page_is_current(found):
    written = bad_inputs.PAGE.read_text(encoding="utf-8")
    assert written == bad_inputs.page(found), "write it anew: python tests/bad_inputs.py"
