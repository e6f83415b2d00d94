"""labs/recipe_study: its arms, a run, its table, kinds of errors."""

import json
import re
import sys
from dataclasses import asdict

import numpy as np
import pytest
import torch
from conftest import TINY, run_module, run_script
from small_world import other_params

from answers.provenance import Corpus
from base.errors import UserError
from base.files import read_text
from base.questions import person
from labs.recipe_study import arm as study
from labs.recipe_study import errors, readers, signals
from model import GPTConfig
from training.reader import Asked, asked_documents


def test_each_arm_differs_from_all_or_none_in_one_thing():
    full, plain, read = (asdict(study.ARMS[name]) for name in ("all", "none", "reading"))
    for arm, phase in study.ARMS.items():
        other = plain if "alone" in arm else read if arm.startswith("reading") else full
        mine = asdict(phase)
        mixtures = mine.pop("mixture"), dict(other)["mixture"]
        changed = [k for k in mine if mine[k] != other[k]]
        changed += [k for k in mixtures[0] if mixtures[0][k] != mixtures[1][k]]
        two = {"questions not read": ["questions", "focus", "reader"], "all": [], "none": changed}
        assert changed == two.get(arm, changed[:1]), (arm, changed)
        assert changed or arm in ("all", "reading"), arm


@pytest.mark.slow
def test_the_study_trains_asks_and_tabulates(tmp_path):
    command = ("--only", "all", "none", "--people", 20, "--held_out", 7, "--steps", 30,
               "--n_embd", 16, "--device", "cpu", "--jobs", 2, "--out", tmp_path)  # fmt: skip
    done = run_module("labs.recipe_study", *command)
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads((tmp_path / "all-seed0" / "result.json").read_text(encoding="utf-8"))
    assert len(result["curve"]) == 8 and result["curve"][-1]["steps"] == 30
    assert result["asked"] == 7 and 0 <= result["finetuned"] <= 7
    table = (tmp_path / "table.md").read_text(encoding="utf-8")
    assert "| all | 1 |" in table and "| none | 1 |" in table
    again = run_module("labs.recipe_study", *command)
    assert "2 of 2 runs are there" in again.stdout
    other = run_module("labs.recipe_study", *command[:-4], "--steps", 31, *command[-2:])
    assert other.returncode == 2 and "steps 30, not 31" in other.stderr


def test_kinds_of_errors_by_hand():
    corpus = Corpus(
        "Ann Lee. Ann Lee (born 1900 in Rome) died in Oslo .\n"
        "Bob Day. Bob Day sang .\n"
        "Cy Fox. " + "Cy Fox sang and sang . " * 6 + "He came from Lima .\n"
    )
    rows = [(f"Where was {n} born?", p) for n, p in
            [("Ann Lee", "Rome")] * 4 + [("Bob Day", "Paris"), ("Cy Fox", "Lima")]]  # fmt: skip
    answers = ["Rome", "Romea", "Oslo", "Kyiv", "Berlin", "Lima"]
    assert errors.classify(answers, rows, corpus) == {
        "asked": 6,
        "right": 2,
        "errors": {
            "near spelling": 1,
            "another part of the document": 1,
            "not in the document": 1,
            "right place nowhere in the document": 1,
        },
        "by_place": {"shown": [1, 4], "later": [1, 1], "nowhere": [0, 1]},
    }


def test_predictions_of_another_length_are_refused(tmp_path):
    (tmp_path / "p").write_text("Rome\n", encoding="utf-8")
    done = run_module("labs.recipe_study.errors", tmp_path / "p")
    assert done.returncode == 2 and "1 answers" in done.stderr and "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_curve_asks_each_snapshot(tmp_path):
    made = run_script("data/make_world.py", "--people", 60, "--out", tmp_path)
    assert made.returncode == 0, made.stderr
    done = run_script(
        "src/run.py", "pretrain", "vanilla", "wiki.txt", "--writing_params_path", "p.params",
        "--recipe", "knowledge", "--max_steps", 4, "--snapshots", 2, *TINY, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    done = run_module(
        "labs.recipe_study.curve", "p.params.4", "p.params.2", "--out", "c", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    points = json.loads((tmp_path / "c" / "curve.json").read_text(encoding="utf-8"))
    asked = len((tmp_path / "birth_dev.tsv").read_text(encoding="utf-8").splitlines())
    assert [point["steps"] for point in points] == [2, 4]
    assert points[0]["learning_rate"] > points[1]["learning_rate"] == 0
    assert all(point["dev_asked"] == asked for point in points)
    assert all(0 <= point["dev_right"] <= asked for point in points)
    assert (tmp_path / "c" / "curve.png").stat().st_size > 5000


def test_positions_raised_by_index_are_those_of_padding_before_the_row():
    torch.manual_seed(5)
    model = study.ShiftedGPT(GPTConfig(11, 19, n_layer=1, n_head=1, n_embd=8, embd_pdrop=0.0))
    model.pos_emb.data.normal_()
    idx = torch.randint(2, 11, (101, 13))
    plain = model.embed(idx)
    model.most = 4
    found, shifts = model.embed(idx), []
    for i in range(len(idx)):
        at = [s for s in range(5) if torch.equal(found[i], model.tok_emb(idx[i])
              + model.pos_emb[0, s : s + 13])]  # fmt: skip
        shifts += at
    assert len(shifts) == 101 and set(shifts) == {0, 1, 2, 3, 4}
    assert torch.equal(model.eval().embed(idx), plain)  # answers are not shifted


def test_the_average_of_weights():
    model = torch.nn.Linear(3, 2)
    average, seen = study.Average(model), []
    for _ in range(3):
        model.weight.data.normal_()
        seen.append(model.weight.detach().clone())
        average.add()
    average.take()
    torch.testing.assert_close(model.weight.detach(), sum(seen) / 3)


def test_a_logistic_regression_finds_the_weights_that_drew_the_data():
    draws = np.random.default_rng(7)
    x = draws.normal(size=(4001, 2)) * [1.0, 5.0] + [0.0, 3.0]
    odds = 0.5 + 1.2 * x[:, 0] - 0.3 * (x[:, 1] - 3.0)
    y = draws.random(4001) < 1 / (1 + np.exp(-odds))
    found = signals.Logistic(x, y, 10.0).log_odds(x)
    assert np.abs(found - odds).mean() < 0.12
    held = signals.cross_fitted(x, y, 10.0)
    assert held.shape == (4001,) and np.abs(held - found).max() < 0.5


def test_signals_are_measured_on_people_held_out(known, tmp_path, monkeypatch, capsys):
    before, *_ = other_params(known, tmp_path)
    rows = (known / "dev.tsv").read_text(encoding="utf-8").splitlines()
    (tmp_path / "held.tsv").write_text("\n".join(rows[3:]), encoding="utf-8")
    (tmp_path / "dev.tsv").write_text("\n".join(rows[5:]), encoding="utf-8")
    monkeypatch.setattr("sys.argv", [
        "signals", str(known / "known.params"), "--pretrained", before,
        "--second", str(known / "known.params"), "--held_out", str(tmp_path / "held.tsv"),
        "--eval", str(tmp_path / "dev.tsv"), "--corpus", str(known / "wiki.txt"),
    ])  # fmt: skip
    signals.main()
    printed = capsys.readouterr().out
    assert "held.tsv: 6 of 9 right, the second seed answers 9 alike" in printed
    assert "the probe: blocks." in printed
    assert all(f"\n{name}: held out" in printed for name in signals.SETS)
    monkeypatch.setattr("sys.argv", sys.argv[:4] + sys.argv[6:])
    signals.main()
    printed = capsys.readouterr().out
    assert "held.tsv: 6 of 9 right\n" in printed and "and a second seed" not in printed
    assert "\nthe model alone: held out" in printed and "\nand a probe: held out" in printed


@pytest.mark.parametrize("held, said", [
    ("Where was {} born?", "held.tsv: has no places; give rows"),
    ("Where was {} born?\tb", "held.tsv: the answers are all right or all wrong"),
])  # fmt: skip
def test_signals_need_right_and_wrong_answers(known, tmp_path, monkeypatch, held, said):
    before, dataset, _ = other_params(known, tmp_path)
    name = person(read_text(str(known / "dev.tsv")).split("\t")[0])
    (tmp_path / "held.tsv").write_text(held.format(name), encoding="utf-8")
    monkeypatch.setattr("sys.argv", [
        "signals", str(known / "known.params"), "--pretrained", before, "--held_out",
        str(tmp_path / "held.tsv"), "--eval", str(known / "dev.tsv"),
        "--corpus", str(known / "wiki.txt"),
    ])  # fmt: skip
    with pytest.raises(UserError, match=re.escape(said)):
        signals.main()


def test_the_rule_by_the_word_before_as_a_reader_by_hand():
    documents = ["Ann Lee. Lee left Oslo for Rome .", "Bo Day. Day left Kiel for Bonn .",
                 "Cy Fox. Fox saw nothing ."]  # fmt: skip
    rows = ["Where was Ann Lee born?\tRome"]
    reader = readers.WordBefore().fit(documents, asked_documents(documents, rows))
    one, two = reader.read_all(documents[1:])
    assert [documents[1][a:b] for a, b in one.spans] == ["Kiel", "Bonn"]
    # in Ann's document one span of two is the answer: 1/2 usually; "left" 0 of 1, "for" 1 of 1
    assert one.chances == pytest.approx([0.25, 0.75]) and one.none == 0.0
    assert two.spans == [] and two.none == 1.0
    asked = [Asked(1, "", "Kiel"), Asked(2, "", "Bonn")]
    assert readers.drawn(documents, asked, [one, two]) == pytest.approx((0.25, 1.0))


def test_readers_need_a_document_for_each_fold(tmp_path, monkeypatch):
    (tmp_path / "wiki.txt").write_text("Ann Lee. Lee left Oslo .\nWhere was born?\n" * 3)
    (tmp_path / "birth_places_train.tsv").write_text("Where was Ann Lee born?\tOslo\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["readers", "--reader", "network"])
    with pytest.raises(UserError, match="asks about fewer than 5 documents"):
        readers.main()
