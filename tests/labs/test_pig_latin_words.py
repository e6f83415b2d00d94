"""labs/pig_latin: the rule, the word pairs, batches."""

import pytest
import torch
from conftest import run_module
from hypothesis import given, settings
from hypothesis import strategies as st

from base.errors import UserError
from labs.pig_latin.data import (
    EOS,
    SOS,
    Buckets,
    check_word,
    decode,
    encode,
    padded_batch,
    pairs_path,
    read_pairs,
    split,
)
from labs.pig_latin.rule import kind, translate_word

TEN = {
    "string": "ingstray", "plan": "anplay", "quick": "ickquay", "rhythm": "ythmrhay",
    "shopping": "oppingshay", "yellow": "ellowyay", "nth": "nthay",
    "well-known": "ellway-ownknay", "impress": "impressway", "the": "ethay",
}  # fmt: skip


@pytest.mark.parametrize("word", TEN)
def test_the_ten_words(word):
    assert translate_word(word) == TEN[word]


def test_kinds():
    words = {"impress": "vowel", "yellow": "consonant", "plan": "cluster", "nth": "cluster",
             "quick": "qu", "square": "qu", "well-known": "dash"}  # fmt: skip
    assert {word: kind(word) for word in words} == words


@given(st.text("abqruy-", max_size=11))
@settings(max_examples=200, deadline=None)
def test_a_translation_has_the_letters_of_its_word_and_an_ending(word):
    parts, translated = word.split("-"), translate_word(word).split("-")
    assert len(parts) == len(translated)
    for part, other in zip(parts, translated, strict=True):
        body = other[:-3] if part and part[0] in "au" else other[:-2]
        assert sorted(body) == sorted(part) and part in (body + body)


def test_the_files_that_come_with_the_lab():
    small, large = (dict(read_pairs(pairs_path(name))) for name in ("small", "large"))
    assert (len(small), len(large)) == (3198, 22402)
    assert small.items() <= large.items()
    assert all(translate_word(word) == translation for word, translation in large.items())
    assert {kind(word) for word in small} == {"vowel", "consonant", "cluster", "qu", "dash"}


def test_the_command_writes_the_same_files(tmp_path):
    pytest.importorskip("wordfreq", reason="no wordfreq: pip install -r requirements-labs.txt")
    done = run_module("labs.pig_latin.make_pairs", "--out", tmp_path)
    assert done.returncode == 0, done.stderr
    for name in ("small", "large"):
        made = (tmp_path / f"{name}.txt").read_text(encoding="utf-8")
        with open(pairs_path(name), encoding="utf-8") as file:
            assert made == file.read()


def write(folder, text: str) -> str:
    path = folder / "pairs.txt"
    path.write_text(text, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    "text, words",
    [
        ("", "the file is empty"),
        ("the ethay\nplan\n", "line 2: 1 columns; give two, a word and its translation"),
        ("the ethay extra\n", "line 1: 3 columns"),
        ("Plan anplay\n", "line 1: the character 'P' in 'Plan' is not a to z or a dash"),
        ("the ethay\n", "1 pairs; give at least 5"),
        ("a" * 65 + " b\n", "has 65 letters; at most 64"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, text, words):
    with pytest.raises(UserError, match=words):
        read_pairs(write(tmp_path, text))


def test_a_file_of_ones_own(tmp_path):
    lines = ["a b", "c d", "", "e\tf", "a b", "g h", "i j"]
    path = write(tmp_path, "\n".join(lines) + "\n")
    assert read_pairs(path) == [("a", "b"), ("c", "d"), ("e", "f"), ("g", "h"), ("i", "j")]
    check_word("well-known", "here")


def test_the_split_is_of_the_seed():
    pairs = read_pairs(pairs_path("small"))
    train, held = split(pairs, 3)
    assert len(train) == 2558 and len(held) == 640
    assert sorted(train + held) == sorted(pairs)
    assert split(list(reversed(pairs)), 3) == (train, held)
    assert split(pairs, 5)[0] != train


def test_batches_hold_pairs_of_equal_lengths_and_each_pair_once():
    pairs = read_pairs(pairs_path("small"))[:211]
    batches = Buckets(pairs).batches(7, torch.Generator().manual_seed(0))
    found = []
    for batch in batches:
        assert len(batch.source) <= 7
        assert (batch.source[:, -1] == EOS).all() and (batch.target[:, -1] == EOS).all()
        assert (batch.source[:, :-1] < SOS).all() and (batch.target[:, :-1] < SOS).all()
        assert (batch.decoder_input()[:, 0] == SOS).all()
        assert torch.equal(batch.decoder_input()[:, 1:], batch.target[:, :-1])
        rows = zip(batch.source.tolist(), batch.target.tolist(), strict=True)
        found += [(decode(a), decode(b)) for a, b in rows]
    assert sorted(found) == sorted(pairs)
    assert decode(encode("well-known")) == "well-known"


def test_a_padded_batch_marks_what_is_real():
    batch = padded_batch([("a", "away"), ("plan", "anplay")])
    assert batch.real_source.sum(1).tolist() == [2, 5]
    assert batch.real_target.sum(1).tolist() == [5, 7]
    assert batch.source[0].tolist() == [0, EOS, EOS, EOS, EOS]
