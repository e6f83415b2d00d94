"""ask.py: names in, answers out, for people and for programs."""

import io
import json
import shutil

import pytest
from conftest import run_script
from small_world import PEOPLE, evaluate, other_params

import ask
import params
from answers import evaluation
from answers.provenance import Corpus
from base.errors import UserError
from dataset import CharCorruptionDataset


def ask_script(known, text, *more):
    """ask.py with `text` on its standard input."""
    command = ["--reading_params_path", known / "known.params", known / "wiki.txt", *more]
    return run_script("src/ask.py", *command, cwd=known, stdin=text)


@pytest.fixture(scope="module")
def source(known):
    text = (known / "wiki.txt").read_text(encoding="utf-8")
    dataset = CharCorruptionDataset(text, 128)
    model = evaluation.load_model(str(known / "known.params"), dataset)
    return evaluation.Answers(model, dataset, Corpus(text))


def test_json_rows_are_those_of_evaluate(known):
    names = "\n".join(name for name, _ in PEOPLE) + "\n\n"
    done = ask_script(known, names, "--json", "--finetune_corpus_path", known / "train.tsv")
    assert done.returncode == 0, done.stderr
    asked = [json.loads(line) for line in done.stdout.splitlines()]
    path = evaluate(known, out="for_ask")
    with open(f"{path}.jsonl", encoding="utf-8") as file:
        expected = [json.loads(line) for line in file]
    assert len(asked) == len(expected) == len(PEOPLE)
    for row, theirs in zip(asked, expected, strict=True):
        assert row["calibrated"] is False
        same = ("answer", "runner_up", "documents", "provenance", "in_finetuning_answers")
        for name in (*same, "agreement", "calibrated"):
            assert row[name] == theirs[name]
        assert row["confidence"] == pytest.approx(theirs["confidence"], abs=1e-4)


def test_the_recall_of_other_params_is_that_of_evaluate(known, tmp_path):
    before, _, _ = other_params(known, tmp_path)
    other = ("--pretrained_params_path", before)
    names = "\n".join(name for name, _ in PEOPLE)
    path = evaluate(known, out="recalled", more=map(str, other))
    with open(f"{path}.jsonl", encoding="utf-8") as file:
        expected = [json.loads(line)["recall_logprob"] for line in file]
    rows = [
        json.loads(line)
        for line in ask_script(known, names, "--json", *other).stdout.split("\n")[:-1]
    ]
    assert [row["recall_logprob"] for row in rows] == pytest.approx(expected, abs=1e-4)
    done = ask_script(known, "Ann Lee\n", "--pretrained_params_path", "none.params")
    assert done.returncode == 2 and "none.params" in done.stderr


def test_a_bad_line_is_an_error_and_the_others_are_answered(known):
    done = ask_script(known, "Ann Lee\nÆgir\n" + "x" * 200 + "\nBob Hill\n", "--json")
    assert done.returncode == 2 and "Traceback" not in done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert ["error" in row for row in rows] == [False, True, True, False]
    assert "'Æ'" in rows[1]["error"]


def conversation(source, text, capsys, prompting=False):
    ask.converse(source, io.StringIO(text), prompting, as_json=False)
    return capsys.readouterr().out


def test_a_known_person_is_shown_with_the_sentence(source, capsys):
    shown = conversation(source, "Ann Lee\n", capsys)
    assert "Ann Lee: Paris (" in shown and "% sure, uncalibrated)" in shown
    assert "line 1 of the corpus: Ann Lee was born in Paris." in shown and "guess" not in shown


def test_an_answer_that_finetuning_taught_is_named(known):
    training = ("--finetune_corpus_path", known / "train.tsv")
    line = "one of the places that finetuning taught as answers"
    assert line in ask_script(known, "Ann Lee\n", *training).stdout
    assert line not in ask_script(known, "Ann Lee\n").stdout


def test_a_stranger_is_a_guess(source, capsys):
    shown = conversation(source, "Ann Hill\n", capsys)
    assert "not in the corpus: this is a guess" in shown


def test_a_whole_question_may_be_asked(source, capsys):
    named = conversation(source, "Ann Lee\n", capsys)
    assert conversation(source, "Where was Ann Lee born?\n", capsys) == named


def test_an_empty_line_ends_a_conversation_at_a_prompt_only(source, capsys):
    text = "Ann Lee\n\nBob Hill\n"
    assert "Bob Hill" in conversation(source, text, capsys)
    shown = conversation(source, text, capsys, prompting=True)
    assert "Bob Hill" not in shown and shown.count("name> ") == 2


def test_missing_params_are_one_sentence(known):
    command = ["--reading_params_path", "no.params", known / "wiki.txt"]
    done = run_script("src/ask.py", *command, cwd=known)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1 and "no.params" in done.stderr


def test_without_arguments_asks_the_model_of_the_folder(known, tmp_path):
    for name in ("wiki.txt", "known.params", "known.params.json"):
        shutil.copy(known / name, tmp_path / name.replace("known", "model"))
    asked = run_script("src/ask.py", cwd=tmp_path, stdin="Ann Lee\n")
    assert asked.returncode == 0 and "\nAnn Lee: Paris (" in asked.stdout
    half = run_script("src/ask.py", "wiki.txt", cwd=tmp_path)
    assert half.returncode == 2 and "give both" in half.stderr


def test_without_any_model_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "SHIPPED", tmp_path / "none")
    with pytest.raises(UserError, match="no model.params here, nor in .*none"):
        params.default_model()
