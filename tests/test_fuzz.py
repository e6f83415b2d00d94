"""Mutated rows, JSON and params: every command succeeds, or ends in one sentence.

The inputs are the same in every run; FUZZ_SEED=7 (any number) draws others. A failure prints what
it was found with.
"""

import contextlib
import importlib.util
import io
import json
import os
import shutil
import subprocess
import sys

import make_world
import pytest
import torch
from conftest import ROOT, TINY
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

import ask
import calibrate
import dataset
import explore
import plot
import report
import run
from base.errors import errors_are_sentences

CORPUS = "Ada Byron. Ada was born in London .\nWhere? Bo. Bo was born in Ghent .\n" * 3
ROW = "Where was Bo born?\tGhent"
FEW = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
SEED = os.environ.get("FUZZ_SEED")


def fuzzed(how):
    """Decorates a test of mutated inputs: with `how` many, from FUZZ_SEED if there is one."""

    def decorate(test):
        if SEED is None:
            return how(test)
        return seed(int(SEED))(how(test))

    return decorate


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
    (folder / "seen.tsv").write_text("Where was Ada born?\tLondon\n", encoding="utf-8")
    sizes = (*TINY, "--block_size", 64, "--max_epochs", 1, "--writing_params_path", "a.params")
    assert command(folder, "pretrain", "vanilla", "wiki.txt", *sizes) == (0, "")
    shutil.copy(folder / "a.params.json", folder / "whole.json")
    return folder


def command(folder, *args, main=run.main, stdin=""):
    """What main(args) ends with in `folder`: its status, and what it wrote to stderr."""
    before, keyboard = os.getcwd(), sys.stdin
    os.chdir(folder)
    with contextlib.redirect_stderr(io.StringIO()) as errors:
        try:
            with contextlib.redirect_stdout(io.StringIO()), errors_are_sentences():
                sys.stdin = io.StringIO(stdin)
                main([str(arg) for arg in args])
        except SystemExit as end:
            return end.code, errors.getvalue()
        finally:
            os.chdir(before)
            sys.stdin = keyboard
    return 0, errors.getvalue()


def good_or_one_sentence(folder, params="a.params", questions="q.tsv"):
    well(folder, "evaluate", "vanilla", "wiki.txt", "--reading_params_path", params,
         "--eval_corpus_path", questions, "--outputs_path", "out")  # fmt: skip


def well(folder, *args, **how):
    """The command succeeds, or ends in one sentence."""
    status, errors = command(folder, *args, **how)
    lines = errors.strip().splitlines()
    assert (status, lines) == (0, []) or (
        status == 2 and len(lines) == 1 and lines[0].startswith("error: ")
    ), errors


ALPHABET = "Where was Bo bornGhent?\t\r\n\x00\u200b⁇□é"


@fuzzed(FEW)
@given(st.lists(st.text(alphabet=ALPHABET, max_size=40), max_size=4))
def test_rows(trained, rows):
    text = "\n".join([ROW, *rows])
    (trained / "mutated.tsv").write_bytes(text.encode())
    good_or_one_sentence(trained, questions="mutated.tsv")


@fuzzed(FEW)
@given(st.dictionaries(st.sampled_from(NAMES), JSON, min_size=1, max_size=2))
def test_descriptions(trained, changes):
    about = json.loads((trained / "whole.json").read_text()) | changes
    shutil.copy(trained / "a.params", trained / "b.params")
    (trained / "b.params.json").write_text(json.dumps(about))
    good_or_one_sentence(trained, params="b.params")


@fuzzed(FEW)
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_bytes_of_params(trained, place, content):
    data = bytearray((trained / "a.params").read_bytes())
    place %= len(data)
    data[place : place + len(content)] = content
    (trained / "c.params").write_bytes(data)
    good_or_one_sentence(trained, params="c.params")


@fuzzed(FEW)
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


# -- the other doors -----------------------------------------------------------------------------

TEXT = st.text(alphabet=ALPHABET, max_size=60)


@fuzzed(FEW)
@given(st.lists(TEXT, max_size=4))
def test_rows_for_finetuning_and_calibration(trained, rows):
    (trained / "rows.tsv").write_bytes("\n".join([ROW, *rows]).encode())
    well(trained, "finetune", "vanilla", "wiki.txt", "--reading_params_path", "a.params",
         "--writing_params_path", "new.params", "--finetune_corpus_path", "rows.tsv",
         "--max_steps", 1, "--no_log")  # fmt: skip
    well(trained, "split", "rows.tsv", "--seen", "s", "--held_out", "h", "--count", 1,
         main=calibrate.main)  # fmt: skip
    well(trained, "fit", "wiki.txt", "rows.tsv", "--seen", "seen.tsv", "--reading_params_path",
         "a.params", main=calibrate.main)  # fmt: skip


@fuzzed(FEW)
@given(st.text(max_size=40), TEXT)
def test_lines_for_ask(trained, line, corpus):
    (trained / "corpus.txt").write_text(CORPUS + corpus, encoding="utf-8", newline="\n")
    for path in ("wiki.txt", "corpus.txt"):
        # a line that cannot be read is told on stdout, with status 2 at the end
        status, errors = command(trained, path, "--reading_params_path", "a.params", main=ask.main,
                                 stdin=line + "\n")  # fmt: skip
        assert status in (0, 2) and errors.strip().count("\n") == 0, errors


@fuzzed(FEW)
@given(st.dictionaries(st.sampled_from(NAMES), JSON, min_size=1, max_size=2))
def test_descriptions_for_explore(trained, changes):
    about = json.loads((trained / "whole.json").read_text()) | changes
    shutil.copy(trained / "a.params", trained / "e.params")
    (trained / "e.params.json").write_text(json.dumps(about))
    well(trained, "e.params", "wiki.txt", "-o", "e.html", main=explore.main)


@pytest.fixture(scope="module")
def answered(trained):
    """The rows of `evaluate --report`."""
    assert command(trained, "evaluate", "vanilla", "wiki.txt", "--reading_params_path", "a.params",
                   "--eval_corpus_path", "q.tsv", "--outputs_path", "r", "--report")[0] == 0
    return json.loads((trained / "r.jsonl").read_text().splitlines()[0])


@fuzzed(FEW)
@given(st.integers(0, 100), JSON)
def test_rows_for_report(trained, answered, which, value):
    row = answered | {list(answered)[which % len(answered)]: value}
    (trained / "m.jsonl").write_text(json.dumps(row) + "\n")
    well(trained, "m.jsonl", "-o", "m.html", "--numbers", "m.numbers", main=report.main)


@fuzzed(FEW)
@given(st.lists(st.dictionaries(st.sampled_from(["step", "loss", "positions", "rate"]), JSON)
                | JSON, max_size=3), TEXT)  # fmt: skip
def test_metrics_for_plot(trained, rows, tail):
    pytest.importorskip("matplotlib", reason="pip install -r requirements-report.txt")
    (trained / "log").mkdir(exist_ok=True)
    text = "".join(json.dumps(row) + "\n" for row in rows) + tail
    (trained / "log" / "metrics.jsonl").write_text(text, encoding="utf-8", newline="\n")
    well(trained, "log", "-o", "log.png", main=plot.main)


def of_project(script):
    """The main function of a script that is in no package, taking its words."""
    spec = importlib.util.spec_from_file_location(script.stem, script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@fuzzed(FEW)
@given(st.lists(TEXT, max_size=4))
def test_rows_for_the_london_baseline(trained, rows):
    (trained / "london.tsv").write_bytes("\n".join([ROW, *rows]).encode())
    london = of_project(ROOT / "london_baseline.py")

    def main(words):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["london_baseline.py", *words])
            london.main()

    well(trained, "london.tsv", main=main)


@fuzzed(FEW)
@given(st.integers(-3, 60) | st.floats() | TEXT, st.integers(-3, 2**40) | TEXT, TEXT)
def test_words_for_make_world(trained, people, seed, folder):
    out = f"--out=world-{folder}".replace("/", "")
    well(trained, f"--people={people}", f"--seed={seed}", out, main=make_world.main)


@fuzzed(settings(FEW, max_examples=4))
@given(st.lists(st.binary(max_size=30), min_size=1, max_size=3), st.integers(0, 50))
def test_files_for_collect_submission(tmp_path, contents, which):
    """Any bytes in the place of what is handed in: one sentence that names a file."""
    names = ["vanilla.model.params", "vanilla.finetune.params", "vanilla.pretrain.dev.predictions"]
    for i, content in enumerate(contents):
        (tmp_path / names[(which + i) % 3]).write_bytes(content)
    done = subprocess.run(["bash", str(ROOT / "collect_submission.sh")], cwd=tmp_path,
                          capture_output=True, text=True, timeout=120)  # fmt: skip
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert not list(tmp_path.glob("*.zip"))


@fuzzed(FEW)
@given(TEXT, TEXT)
def test_files_for_dataset(trained, corpus, rows):
    (trained / "d").mkdir(exist_ok=True)
    (trained / "d" / "wiki.txt").write_bytes((CORPUS + corpus).encode())
    (trained / "d" / "birth_places_train.tsv").write_bytes(f"{ROW}\n{rows}".encode())
    for kind in ("namedata", "charcorruption", corpus or "x"):
        well(trained / "d", kind, main=dataset.main)
