"""The model that comes with the project: as right as its card says, and found from any folder."""

import re

import pytest
from conftest import ROOT, run_script

import params
import run

MODEL = ROOT / "data" / "model"


def test_answers_as_many_questions_as_its_card_says(tmp_path, capsys):
    run.main([
        "evaluate", "vanilla", str(MODEL / "wiki.txt"),
        "--reading_params_path", str(MODEL / "model.params"),
        "--eval_corpus_path", str(MODEL / "birth_dev.tsv"),
        "--outputs_path", str(tmp_path / "predictions"), "--device", "cpu",
    ])  # fmt: skip
    found = re.search(r"Correct: ([\d.]+) out of 119", capsys.readouterr().out)
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    claimed = int(re.search(r"(\d+) of the 119 questions", card).group(1))
    assert float(found.group(1)) == pytest.approx(claimed, abs=1)  # near-ties on other machines


def test_has_the_courses_names_and_half_the_bytes():
    state, about = params.load_params(str(MODEL / "model.params"))
    assert {str(value.dtype) for value in state.values()} == {"torch.bfloat16"}
    assert (MODEL / "model.params").stat().st_size < 7e6 and about["variant"] == "vanilla"


def test_is_asked_where_no_model_is_named(tmp_path):
    asked = run_script("src/ask.py", cwd=tmp_path, stdin="Victoria Moore\n")
    assert asked.returncode == 0 and "Victoria Moore: Timaru" in asked.stdout, asked.stderr


def test_a_name_may_be_given_on_the_command_line(tmp_path):
    asked = run_script("src/ask.py", "Victoria", "Moore", cwd=tmp_path)
    assert asked.returncode == 0 and "Victoria Moore: Timaru" in asked.stdout, asked.stderr
    (tmp_path / "wiki.txt").write_text("A corpus without its model", encoding="utf-8")
    asked = run_script("src/ask.py", "wiki.txt", cwd=tmp_path)
    assert asked.returncode == 2
    assert asked.stderr.startswith("error: wiki.txt: a corpus needs its model"), asked.stderr
