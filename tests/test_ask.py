"""ask.py: names in, answers out, for people and for programs."""

import io
import json
import os
import re
import select
import shutil
import subprocess
import sys
import time

import pytest
from conftest import ROOT, run_script
from small_world import PEOPLE, evaluate, other_params

import ask
import params
from answers import evidence
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
    model = params.load_model(str(known / "known.params"), dataset)
    return evidence.Answers(model, dataset, Corpus(text))


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
    assert "line 1 of the corpus mentions it: Ann Lee was born in Paris." in shown
    assert "guess" not in shown


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
    assert half.returncode == 2 and "a corpus needs its model" in half.stderr


def test_without_any_model_says_where_it_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(params, "SHIPPED", tmp_path / "none")
    with pytest.raises(UserError, match="no model.params here, nor in .*none"):
        params.default_model()


def test_a_name_in_other_capitals_or_misspelt_is_suggested(source, capsys):
    assert "did you mean Ann Lee?" in conversation(source, "ann lee\n", capsys)
    assert "did you mean Bob Hill?" in conversation(source, "Bob Hilll\n", capsys)
    assert "did you mean" not in conversation(source, "Ann Lee\nThe Owl\n", capsys)


def test_help_and_quit_at_a_prompt(source, capsys):
    shown = conversation(source, "help\nAnn Lee\nquit\nBob Hill\n", capsys, prompting=True)
    assert shown.count("The tab key completes names") == 2  # once at the start
    assert "Ann Lee: Paris" in shown and "Bob Hill:" not in shown
    piped = conversation(source, "He Will\n", capsys)
    assert "tab key" not in piped and "He Will:" in piped


def test_lines_are_completed_to_names_and_questions():
    names = ["Ann Lee", "Anna Poe", "Bob Hill"]
    assert ask.complete("ann", names) == names[:2]
    assert ask.complete("Where was b", names) == ["Where was Bob Hill born?"]
    assert ask.complete("x", names) == []


def test_the_titles_of_the_documents_are_the_names():
    assert ask.titles(["Ann Lee. She.", "no title", "J. B. Priestley. He.", "Ann Lee. Again."]) == [
        "Ann Lee", "J. B. Priestley",
    ]  # fmt: skip


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminals here")
def test_a_terminal_completes_names_and_remembers_lines(known):
    pytest.importorskip("readline")
    ours, theirs = os.openpty()
    command = [sys.executable, str(ROOT / "src" / "ask.py"), "wiki.txt"]
    command += ["--reading_params_path", "known.params"]
    done = subprocess.Popen(command, cwd=known, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = until(ours, "name> ")
    os.write(ours, b"Ann L\t\n")  # completed
    shown += until(ours, "name> ")
    os.write(ours, b"\x1b[A\n")  # the arrow up
    shown += until(ours, "name> ")
    os.write(ours, b"quit\n")
    assert done.wait(30) == 0
    os.close(ours)
    assert shown.count("Ann Lee: Paris (") == 2


def until(terminal: int, word: str) -> str:
    """What a terminal shows up to a word after what was there before."""
    shown, end = "", time.monotonic() + 60
    while not shown.endswith(word) and time.monotonic() < end:
        ready, _, _ = select.select([terminal], [], [], 1)
        if ready:
            shown += os.read(terminal, 4096).decode()
            shown = re.sub(r"\x1b\[\?2004[hl]", "", shown)
    return shown


def test_a_misspelt_choice_is_suggested(known):
    done = ask_script(known, "Ann Lee\n", "--variant", "vanila")
    assert done.returncode == 2 and "did you mean vanilla?" in done.stderr


@pytest.mark.parametrize("script", ["ask.py", "calibrate.py", "report.py"])
def test_help_does_not_wait_for_torch(script):
    done = run_script("src/" + script, "--help")
    assert done.returncode == 0
    imported = f"import sys; sys.argv = ['{script}', '--help']; import runpy\n"
    imported += f"try: runpy.run_path({str(ROOT / 'src' / script)!r}, run_name='__main__')\n"
    imported += "except SystemExit: pass\nprint(sorted({'torch', 'numpy'} & set(sys.modules)))"
    path = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", imported], capture_output=True, text=True,
                          env=os.environ | path)  # fmt: skip
    assert done.stdout.rstrip().endswith("[]"), done.stderr


def test_params_that_are_not_numbers_answer_nothing(known):
    dataset = CharCorruptionDataset((known / "wiki.txt").read_text(encoding="utf-8"), 128)
    model = params.load_model(str(known / "known.params"), dataset)
    next(model.parameters()).data.fill_(float("nan"))
    broken = evidence.Answers(model, dataset, Corpus(""))
    with pytest.raises(UserError, match="not finite"):
        broken.details(["Where was Ann Lee born?"])
