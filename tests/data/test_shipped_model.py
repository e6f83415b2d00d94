"""The model that comes with the project: as right as its card says, and found from any folder."""

import importlib.util
import json
import re
import shutil

import pytest
from conftest import ROOT, run_script

import params
import run
from answers import confidence

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
    assert " sure)" in asked.stdout and "uncalibrated" not in asked.stdout


def test_its_confidence_is_what_its_calibration_learnt_on_people_held_out():
    calibration = confidence.read_calibration(str(MODEL / "model.params"))
    card = (MODEL / "README.md").read_text(encoding="utf-8")
    claimed = re.search(r"(\d+) training questions held out, of which .* answered (\d+)", card)
    assert [calibration["questions"], calibration["right"]] == [*map(int, claimed.groups())]
    assert calibration.get("promise") is None  # it would be about the other model


def test_the_calibration_is_made_with_questions_held_out(known, tmp_path, monkeypatch, capsys):
    """data/make_model.py on a small model: as many steps, without some of the questions."""
    spec = importlib.util.spec_from_file_location("make_model", ROOT / "data" / "make_model.py")
    make_model = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_model)
    for name in ("wiki.txt", "train.tsv", "dev.tsv", "known.params"):
        shutil.copy(known / name, tmp_path)
    about = json.loads((known / "known.params.json").read_text(encoding="utf-8"))
    about |= {"recipe": "reading", "pretraining": {"steps": 3, "batch_size": 7}}
    about |= {"steps": 2, "batch_size": 5}
    (tmp_path / "known.params.json").write_text(json.dumps(about), encoding="utf-8")
    asked = []

    def fit(answers, right):  # so small a model is right about nobody
        asked.extend(right)
        return dict.fromkeys((*confidence.WEIGHTS, "questions", "right"), 1.0)

    monkeypatch.setattr(confidence, "fit", fit)
    make_model.calibrate_params(
        tmp_path / "known.params", tmp_path / "wiki.txt", str(tmp_path / "train.tsv"), 2
    )
    printed = capsys.readouterr().out
    assert "seen.tsv: 7 rows" in printed and "held.tsv: 2 rows" in printed
    assert len(asked) == 2 and "no promise" in printed
    assert (tmp_path / "known.params.calibration.json").is_file()


def test_evaluate_takes_it_where_no_path_is_given(tmp_path):
    done = run_script("src/run.py", "evaluate", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Correct: " in done.stdout and "out of 119" in done.stdout
    answers = (tmp_path / "dev.predictions").read_text(encoding="utf-8").splitlines()
    assert len(answers) == 119


def test_evaluate_and_ask_take_the_model_of_the_folder(tmp_path):
    """As in the folder of a quickstart: its model, its corpus, its questions."""
    for name in ("model.params", "model.params.json", "wiki.txt"):
        shutil.copy(MODEL / name, tmp_path)
    rows = (MODEL / "birth_dev.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    (tmp_path / "birth_dev.tsv").write_text("".join(rows[:7]), encoding="utf-8")
    done = run_script("src/run.py", "evaluate", "--report", cwd=tmp_path)
    assert done.returncode == 0 and "out of 7.0" in done.stdout, done.stdout + done.stderr
    assert done.stdout.startswith("model.params answers birth_dev.tsv")
    asked = run_script("src/ask.py", cwd=tmp_path, stdin="Victoria Moore\n")
    assert asked.stdout.startswith("asking model.params"), asked.stderr
    refused = run_script("src/run.py", "evaluate", "rope", cwd=tmp_path)
    assert refused.returncode == 2 and "holds a vanilla model, not rope" in refused.stderr


@pytest.mark.parametrize("words", [("pretrain",), ("finetune", "vanilla")])
def test_training_has_no_such_defaults(words):
    done = run_script("src/run.py", *words)
    assert done.returncode == 2 and "needs" in done.stderr and "CORPUS" in done.stderr


def test_a_name_may_be_given_on_the_command_line(tmp_path):
    asked = run_script("src/ask.py", "Victoria", "Moore", cwd=tmp_path)
    assert asked.returncode == 0 and "Victoria Moore: Timaru" in asked.stdout, asked.stderr
    (tmp_path / "wiki.txt").write_text("A corpus without its model", encoding="utf-8")
    asked = run_script("src/ask.py", "wiki.txt", cwd=tmp_path)
    assert asked.returncode == 2
    assert asked.stderr.startswith("error: wiki.txt: a corpus needs its model"), asked.stderr
