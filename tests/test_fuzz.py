"""Mutated rows, JSON and params: every command succeeds, or ends in one sentence."""

import contextlib
import io
import json
import os
import shutil

import pytest
import torch
from conftest import TINY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import run
from base.errors import errors_are_sentences

CORPUS = "Ada Byron. Ada was born in London .\nWhere? Bo. Bo was born in Ghent .\n" * 3
ROW = "Where was Bo born?\tGhent"
FEW = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=4,
)
NAMES = ("n_layer", "n_head", "n_embd", "block_size", "variant", "positions", "bottleneck_dim",
         "vocabulary", "vocab_size", "questions_seen", "params", "answer_length")  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "wiki.txt").write_text(CORPUS, encoding="utf-8")
    (folder / "q.tsv").write_text(ROW + "\n", encoding="utf-8")
    sizes = (*TINY, "--block_size", 64, "--max_epochs", 1, "--writing_params_path", "a.params")
    assert command(folder, "pretrain", "vanilla", "wiki.txt", *sizes) == (0, "")
    shutil.copy(folder / "a.params.json", folder / "whole.json")
    return folder


def command(folder, *args):
    before = os.getcwd()
    os.chdir(folder)
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            with contextlib.redirect_stdout(io.StringIO()), errors_are_sentences():
                run.main([str(arg) for arg in args])
        except SystemExit as end:
            return end.code, errors.getvalue()
        finally:
            os.chdir(before)
    return 0, errors.getvalue()


def good_or_one_sentence(folder, params="a.params", questions="q.tsv"):
    status, errors = command(
        folder, "evaluate", "vanilla", "wiki.txt", "--reading_params_path", params,
        "--eval_corpus_path", questions, "--outputs_path", "out",
    )  # fmt: skip
    lines = errors.strip().splitlines()
    assert (status, lines) == (0, []) or (
        status == 2 and len(lines) == 1 and lines[0].startswith("error: ")
    ), errors


ALPHABET = "Where was Bo bornGhent?\t\r\n\x00\u200b⁇□é"


@FEW
@given(st.lists(st.text(alphabet=ALPHABET, max_size=40), max_size=4))
def test_rows(trained, rows):
    text = "\n".join([ROW, *rows])
    (trained / "mutated.tsv").write_bytes(text.encode())
    good_or_one_sentence(trained, questions="mutated.tsv")


@FEW
@given(st.dictionaries(st.sampled_from(NAMES), JSON, min_size=1, max_size=2))
def test_descriptions(trained, changes):
    about = json.loads((trained / "whole.json").read_text()) | changes
    shutil.copy(trained / "a.params", trained / "b.params")
    (trained / "b.params.json").write_text(json.dumps(about))
    good_or_one_sentence(trained, params="b.params")


@FEW
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_bytes_of_params(trained, place, content):
    data = bytearray((trained / "a.params").read_bytes())
    place %= len(data)
    data[place : place + len(content)] = content
    (trained / "c.params").write_bytes(data)
    good_or_one_sentence(trained, params="c.params")


@FEW
@given(
    st.integers(0, 100),
    st.sampled_from([(), (0,), (3,), (2, 3), (1, 2, 3)]),
    st.sampled_from([torch.float32, torch.float64, torch.int64, torch.bool, torch.complex64]),
)
def test_tensors_of_params(trained, which, shape, dtype):
    state = torch.load(trained / "a.params", weights_only=True)
    state[list(state)[which % len(state)]] = torch.zeros(shape, dtype=dtype)
    torch.save(state, trained / "d.params")
    good_or_one_sentence(trained, params="d.params")
