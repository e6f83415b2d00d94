"""Details of answers, calibration and asking, from a tiny model that has learnt a few people."""

import hashlib
import json
import math
import os
import re
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from small_world import LEARNT, PEOPLE, evaluate, other_params, question, rows_of

import calibrate
import run
import utils
from answers import confidence, confidence_signals, evidence, predict
from answers.answer import ConfidenceSignals, read_answers
from answers.provenance import Corpus
from base.errors import UserError
from dataset import CharCorruptionDataset
from model import GPT, GPTConfig
from params import load_model


@pytest.fixture(scope="module")
def evaluated(known):
    """`run.py evaluate --report` on the twelve people: its rows and facts."""
    path = evaluate(known)
    return read_rows(f"{path}.jsonl"), json.load(open(f"{path}.run.json", encoding="utf-8"))


def read_rows(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def open_world(known):
    dataset = CharCorruptionDataset((known / "wiki.txt").read_text(encoding="utf-8"), 128)
    return dataset, load_model(str(known / "known.params"), dataset)


def test_predictions_are_the_plain_loops_and_the_learnt_are_right(known, evaluated):
    rows, _ = evaluated
    dataset, model = open_world(known)
    predictions = (known / "out.predictions").read_text(encoding="utf-8").splitlines()
    assert len(rows) == len(predictions) == len(PEOPLE)
    for (name, place), row, prediction in zip(PEOPLE, rows, predictions, strict=True):
        (prompt,) = predict.prompts(dataset, [question(name)])
        plain = utils.sample(model, torch.tensor([prompt]), 32)[0, len(prompt) :].tolist()
        assert row["answer"] == prediction == predict.answer_text(plain, dataset.itos)
        assert row["question"] == question(name) and row["gold"] == place
        assert row["correct"] == (prediction == place)
    assert 7 <= sum(row["correct"] for row in rows) < 12


LONG = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"  # 58 letters


@pytest.fixture(scope="module")
def far_away(tmp_path_factory):
    """A small world where everybody is from a place with a long name, and its params."""
    folder = tmp_path_factory.mktemp("far")
    people = [(name, LONG) for name, _ in LEARNT]
    corpus = "\n".join(f"{name}. {name} was born in {place}." for name, place in people)
    (folder / "wiki.txt").write_text(corpus + "\nWhere? Wales", encoding="utf-8")
    (folder / "train.tsv").write_text(rows_of(people), encoding="utf-8")
    sizes = ["--n_layer", "1", "--n_head", "2", "--n_embd", "32", "--no_log", "--device", "cpu"]
    run.main([
        "finetune", "vanilla", str(folder / "wiki.txt"), "--writing_params_path",
        str(folder / "known.params"), "--finetune_corpus_path", str(folder / "train.tsv"),
        "--max_epochs", "60", "--finetune_lr", "6e-3", "--precision", "fp32", *sizes,
    ])  # fmt: skip
    return folder


def test_a_long_place_that_was_learnt_is_answered_whole(far_away):
    path = evaluate(far_away, questions="train.tsv")
    assert set(path.read_text(encoding="utf-8").splitlines()) == {LONG}
    assert {row.answer for row in read_answers(f"{path}.jsonl")} == {LONG}
    description = json.loads((far_away / "known.params.json").read_text())
    assert description["answer_length"] == len(LONG) + 1
    for wrong in (0, "9", 2.5, True):
        changed = json.dumps(description | {"answer_length": wrong})
        (far_away / "known.params.json").write_text(changed)
        with pytest.raises(UserError, match="answer_length is .*, not a whole number"):
            predict.answer_length(str(far_away / "known.params"))


def test_the_courses_answers_have_32_characters(known):
    assert json.loads((known / "known.params.json").read_text())["answer_length"] == 32
    assert predict.answer_length(str(known / "no.params")) == 32


def test_without_report_the_predictions_are_the_same_and_nothing_else_is_written(
    known, evaluated, capsys
):
    path = evaluate(known, out="plain.predictions", report=False)
    assert path.read_bytes() == (known / "out.predictions").read_bytes()
    assert not list(known.glob("plain.predictions.*"))
    right = sum(row["correct"] for row in evaluated[0])
    assert f"Correct: {float(right)} out of 12.0" in capsys.readouterr().out


def exact_logprob(model, dataset, name, answer):
    """log p(answer, then any stop | question) in float64, one character at a time."""
    model = model.double()
    (prompt,) = predict.prompts(dataset, [question(name)])
    text, total = [dataset.stoi[c] for c in answer], 0.0
    for i in range(len(text) + 1):
        p = torch.softmax(model(torch.tensor([prompt + text[:i]]))[0][0, -1], -1)
        one = p[text[i]] if i < len(text) else p[[0, 1, dataset.stoi["\n"]]].sum()
        total += math.log(one.item())
    model.float()
    return total


def exact_recall(model, dataset, name, answer):
    """log p(answer | the form of pretraining) in float64, one character at a time."""
    model, total = model.double(), 0.0
    prompt = [dataset.stoi[c] for c in f"{name}. Born in \u2047\u2047"]
    text = [dataset.stoi[c] for c in answer]
    for i, character in enumerate(text):
        p = torch.softmax(model(torch.tensor([prompt + text[:i]]))[0][0, -1], -1)
        total += math.log(p[character].item())
    model.float()
    return total


def log_odds64(logprob):
    return max(-12.0, min(12.0, math.log(math.exp(logprob) / -math.expm1(logprob))))


def test_what_the_model_says_of_its_answers(known, evaluated):
    rows, _ = evaluated
    dataset, model = open_world(known)
    for (name, _), row in zip(PEOPLE, rows, strict=True):
        exact = exact_logprob(model, dataset, name, row["answer"])
        assert row["logprob"] == pytest.approx(exact, abs=1e-3)
        characters = len(row["answer"]) + 1
        assert row["logprob_per_character"] == pytest.approx(exact / characters, abs=1e-3)
        other = exact_logprob(model, dataset, name, row["runner_up"])
        assert row["runner_up"] != row["answer"]
        assert row["runner_up_logprob"] == pytest.approx(other, abs=1e-3)
        assert row["margin"] == pytest.approx(exact - other, abs=2e-3)
        recalled = exact_recall(model, dataset, name, row["answer"])
        assert row["recall_logprob"] == pytest.approx(recalled, abs=1e-3)
        odds = [log_odds64(exact), log_odds64(recalled)]  # uncalibrated: their mean
        assert row["confidence"] == pytest.approx(1 / (1 + math.exp(-sum(odds) / 2)), abs=1e-3)
        assert row["agreement"] in [k / 10 for k in range(11)]
        assert row["first_entropy"] >= 0
    sure = [row["agreement"] for row in rows if row["logprob"] > -0.02]
    assert sure and min(sure) >= 0.7


def test_what_the_corpus_says(evaluated):
    rows, about = evaluated
    for line, ((name, place), row) in enumerate(zip(PEOPLE, rows, strict=True), start=1):
        assert row["name_in_corpus"] and row["document_line"] == line
        assert row["documents"] == (2 if name in ("Ann Lee", "Bob Hill") else 1)
        assert row["gold_in_document"] is True
        assert row["answer_in_document"] == row["correct"]
        if row["correct"]:
            sentence = f"{name} was born in {place}."
            assert row["provenance"]["sentence"] == sentence
            assert row["provenance"]["line"] == line
        assert row["in_finetuning_answers"] == (row["answer"] in dict(LEARNT).values())
    assert rows[1]["gold_documents"] == 2  # Rome
    assert about["finetuning_answers"]["Rome"] == 2 and about["calibration"] is None


def test_the_control_group_is_in_no_document(known, evaluated):
    _, about = evaluated
    corpus = (known / "wiki.txt").read_text(encoding="utf-8")
    names = [row["question"].removeprefix("Where was ")[:-6] for row in about["invented"]]
    assert len(set(names)) == len(PEOPLE)
    assert not any(name in corpus for name in names)
    assert all(row["gold"] is None and row["confidence"] > 0 for row in about["invented"])


def test_the_same_files_every_time(known, evaluated):
    path = evaluate(known, out="again")
    assert Path(f"{path}.jsonl").read_bytes() == (known / "out.predictions.jsonl").read_bytes()
    facts = json.loads(Path(f"{path}.run.json").read_text(encoding="utf-8"))
    assert facts | {"date": 0} == evaluated[1] | {"date": 0}


def test_the_facts_say_when_from_what_and_how_it_was_trained(evaluated):
    _, about = evaluated
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", about["date"])
    assert about["params"].endswith("known.params") and about["questions"].endswith("dev.tsv")
    assert about["trained"]["steps"] == 200 and about["trained"]["recipe"] == "course"


def test_answers_are_read_as_they_were_written(known, evaluated):
    rows = read_answers(str(known / "out.predictions.jsonl"))
    assert [row.as_dict() for row in rows] == evaluated[0]
    assert len({row.evidence.provenance for row in rows}) > 7


def test_questions_without_places(known):
    lines = [question(name) for name, _ in PEOPLE[:5]]
    (known / "blind.tsv").write_text("\n".join(lines), encoding="utf-8")
    path = evaluate(known, questions="blind.tsv", out="blind")
    assert [row["correct"] for row in read_rows(f"{path}.jsonl")] == [None] * 5


@pytest.mark.parametrize("place", ["", " ", "Ro\u200bme", "Rome\x00", "R\u00f6m"])
def test_places_that_no_answer_can_be_are_refused(known, place):
    text = (known / "dev.tsv").read_text(encoding="utf-8")
    (known / "bad.tsv").write_text(f"{text}{question('Ann Lee')}\t{place}\n", encoding="utf-8")
    with pytest.raises(UserError, match="bad.tsv, row 13"):
        evaluate(known, questions="bad.tsv", out="bad", report=False)
    assert not (known / "bad").exists()


def test_other_spellings_of_the_questions_change_no_answer(known, evaluated):
    rows = zip(PEOPLE, ("Where was {} born? \t {} ", "where was {} born?\t{}",
                        "Where was {} born ?\t{}\r") * 4, strict=True)  # fmt: skip
    text = "\n".join(form.format(*pair) for pair, form in rows)
    (known / "spelt.tsv").write_bytes(text.encode())
    path = evaluate(known, questions="spelt.tsv", out="spelt")
    assert path.read_bytes() == (known / "out.predictions").read_bytes()
    assert read_rows(f"{path}.jsonl") == evaluated[0]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_inputs_that_can_be_read_once(known, evaluated):
    """As `<(head -20 train.tsv)` gives them."""
    pipes = []
    for name in ("dev.tsv", "wiki.txt"):
        pipe, content = known / f"{name}.pipe", (known / name).read_bytes()
        os.mkfifo(pipe)
        pipes.append((pipe, threading.Thread(target=pipe.write_bytes, args=(content,))))
        pipes[-1][1].start()
    path = evaluate(known, questions="dev.tsv.pipe", out="once", corpus="wiki.txt.pipe")
    for pipe, thread in pipes:
        thread.join(10)
        pipe.unlink()
    assert read_rows(f"{path}.jsonl") == evaluated[0]


# -- calibration --------------------------------------------------------------------------------


def synthetic(count, seed, weights=(-1.0, 0.2, 0.7)):
    """Answers whose chance to be right is a logistic function of both their log-odds."""
    draws = np.random.default_rng(seed)
    rows = []
    for answer, recalled in -draws.exponential((1.0, 3.0), (count, 2)):
        odds = 1.0, confidence.log_odds(answer), confidence.log_odds(recalled)
        p = 1 / (1 + math.exp(-sum(w * x for w, x in zip(weights, odds, strict=True))))
        said = ConfidenceSignals(float(answer), recall_logprob=float(recalled))
        rows.append((said, bool(draws.random() < p), p))
    return rows


def fit(rows):
    return confidence.fit([said for said, _, _ in rows], [right for _, right, _ in rows])


def test_a_fit_finds_the_true_probabilities():
    calibration = fit(synthetic(20_000, seed=1))
    for said, _, truth in synthetic(50, seed=2):
        assert confidence.confidence(said, calibration) == pytest.approx(truth, abs=0.03)
        odds = [log_odds64(said.logprob), log_odds64(said.recall_logprob)]
        mean = 1 / (1 + math.exp(-sum(odds) / 2))
        assert confidence.confidence(said, None) == pytest.approx(mean)
        alone = confidence.confidence(ConfidenceSignals(said.logprob), None)
        assert alone == pytest.approx(math.exp(said.logprob))


def test_a_fit_is_where_the_penalised_likelihood_is_flat():
    rows = synthetic(200, seed=3)
    calibration = fit(rows)
    found = [calibration[name] for name in ("bias", "answer_weight", "recall_weight")]

    def loss(weights):
        total = (weights[0] / 0.3) ** 2 / 2
        total += sum(((weight - 0.5) / 0.2) ** 2 / 2 for weight in weights[1:])
        for said, right, _ in rows:
            z = weights[0] + weights[1] * confidence.log_odds(said.logprob)
            z += weights[2] * confidence.log_odds(said.recall_logprob)
            total += math.log1p(math.exp(-z if right else z))
        return total

    for i in range(len(found)):
        for change in (-0.05, 0.05):
            moved = [w + change * (i == j) for j, w in enumerate(found)]
            assert loss(moved) > loss(found)


def test_a_fit_on_few_rows_of_an_honest_model_does_little_harm():
    """Excess Brier score over the true probabilities, mean of twenty fits on 200 rows each."""
    harm = []
    for seed in range(20):
        calibration = fit(synthetic(200, seed=seed, weights=(0.0, 0.5, 0.5)))
        fresh = synthetic(500, seed=1000 + seed, weights=(0.0, 0.5, 0.5))
        gaps = [confidence.confidence(said, calibration) - truth for said, _, truth in fresh]
        harm.append(np.mean(np.square(gaps)))
    assert np.mean(harm) < 0.002


def test_cross_fitted_confidences_never_saw_their_row():
    said, right, _ = zip(*synthetic(37, seed=5), strict=True)
    found = confidence.cross_fitted(said, right)
    for i in (0, 17, 36):
        turned = [verdict ^ (j == i) for j, verdict in enumerate(right)]
        assert confidence.cross_fitted(said, turned)[i] == found[i]
        assert confidence.cross_fitted(said, turned) != found


def test_log_odds():
    assert confidence.log_odds(math.log(0.5)) == pytest.approx(0)
    assert confidence.log_odds(math.log(0.9)) == pytest.approx(math.log(9))
    assert confidence.log_odds(0.0) == 12 and confidence.log_odds(-1000.0) == -12


def test_a_fit_needs_right_and_wrong_answers():
    said = [signals for signals, _, _ in synthetic(5, seed=4)]
    with pytest.raises(UserError, match="5 of 5"):
        confidence.fit(said, [True] * 5)


def test_split_fit_and_use(known, tmp_path):
    for name in ("wiki.txt", "dev.tsv", "train.tsv", "known.params", "known.params.json"):
        shutil.copy(known / name, tmp_path)
    other = tmp_path / "others.tsv"
    other.write_text("Where was Bob Lee born?\tRome\n")
    names = {name: str(tmp_path / name) for name in ("dev.tsv", "seen.tsv", "held.tsv")}
    command = ["split", names["dev.tsv"], "--seen", names["seen.tsv"]]
    calibrate.main([*command, "--held_out", names["held.tsv"], "--count", "5"])
    dev, seen, held = (Path(path).read_text().splitlines() for path in names.values())
    assert len(seen) == 7 and len(held) == 5 and sorted(seen + held) == sorted(dev)
    params = str(tmp_path / "known.params")
    fit = ["fit", str(tmp_path / "wiki.txt"), names["dev.tsv"], "--reading_params_path", params]
    with pytest.raises(UserError, match="7 of its questions stand in"):
        calibrate.main([*fit, "--seen", names["seen.tsv"]])
    with pytest.raises(UserError, match="not vanilla|not rope|drop --variant"):
        calibrate.main([*fit, "--seen", str(other), "--variant", "rope"])
    with pytest.raises(UserError, match="no such file"):
        calibrate.main([*fit, "--seen", str(other), "--for_params", str(tmp_path / "none.params")])
    with pytest.raises(UserError, match="trained on other questions than"):
        calibrate.main([*fit, "--seen", str(other)])
    description = json.loads((tmp_path / "known.params.json").read_text())
    for seen in (None, [hashlib.sha256(other.read_bytes()).hexdigest()]):
        description["questions_seen"] = seen
        (tmp_path / "known.params.json").write_text(json.dumps(description))
        calibrate.main([*fit, "--seen", str(other)])
    path = evaluate(tmp_path)
    calibration = json.load(open(f"{params}.calibration.json"))
    assert json.load(open(f"{path}.run.json"))["calibration"] == calibration
    for row in read_answers(f"{path}.jsonl"):
        assert row.confidence == pytest.approx(confidence.confidence(row.signals, calibration))
        plain = confidence.confidence(row.signals, None)
        assert row.confidence != pytest.approx(plain, abs=1e-6)


BROKEN = ["[]", "{", '{"bias": 0, "slope": 1, "questions": 7}', '{"weights": [1]}']
BROKEN.append('{"bias": 0, "answer_weight": "1", "recall_weight": 1, "questions": 7}')


@pytest.mark.parametrize("content", BROKEN)
def test_a_broken_calibration_is_named(tmp_path, content):
    (tmp_path / "x.params.calibration.json").write_text(content)
    with pytest.raises(UserError, match="x.params.calibration.json: not a calibration"):
        confidence.read_calibration(str(tmp_path / "x.params"))


def test_a_calibration_of_other_params_is_refused(tmp_path):
    params = tmp_path / "x.params"
    params.write_bytes(b"one model")
    confidence.write_calibration(fit(synthetic(13, seed=1)), str(params))
    assert confidence.read_calibration(str(params))["questions"] == 13
    params.write_bytes(b"another")
    with pytest.raises(UserError, match="made for other params"):
        confidence.read_calibration(str(params))


def test_the_recall_of_other_params(known, tmp_path):
    before, dataset, model = other_params(known, tmp_path)
    own, asked = (
        read_rows(f"{evaluate(known, out=out, more=more)}.jsonl")
        for out, more in (("own", []), ("asked", ["--pretrained_params_path", before]))
    )
    for (name, _), row, plain in zip(PEOPLE, asked, own, strict=True):
        recalled = exact_recall(model, dataset, name, row["answer"])
        assert row["recall_logprob"] == pytest.approx(recalled, abs=1e-3)
        assert row["logprob"] == plain["logprob"]
    assert [row["confidence"] for row in asked] != [row["confidence"] for row in own]
    told = json.load(open(known / "asked.run.json", encoding="utf-8"))
    assert told["pretrained_params"] == before
    with pytest.raises(UserError, match="serves `evaluate --report` alone"):
        evaluate(known, report=False, more=["--pretrained_params_path", before])
    with pytest.raises(UserError, match="known.params: holds finetuned params"):
        evaluate(known, more=["--pretrained_params_path", str(known / "known.params")])
    heads, _, _ = other_params(known, tmp_path, n_head=4)
    with pytest.raises(UserError, match="other sizes or positions"):
        evaluate(known, more=["--pretrained_params_path", heads])
    with pytest.raises(UserError, match="none.params"):
        evaluate(known, more=["--pretrained_params_path", "none.params"])


def test_an_answer_of_nothing_and_a_form_beyond_the_vocabulary_are_not_recalled():
    dataset = CharCorruptionDataset("Bor in. A\nAnna. Bo", 128)
    model = GPT(GPTConfig(dataset.vocab_size, 64, n_layer=1, n_head=1, n_embd=8)).eval()
    found = confidence_signals.recall(model, dataset, ["Where was Anna born?"] * 2, ["Bonn", ""])
    assert found[0] < 0 and found[1] is None
    poor = CharCorruptionDataset("Anna in Bonn\nAnna", 128)  # no full stop
    model = GPT(GPTConfig(poor.vocab_size, 64, n_layer=1, n_head=1, n_embd=8)).eval()
    assert confidence_signals.recall(model, poor, ["Anna"], ["Bonn"]) == [None]


def test_a_form_longer_than_the_model_is_read_through_its_window():
    dataset = CharCorruptionDataset("Bor in. ABCDE\nAnna. Bonn", 128)
    torch.manual_seed(3)
    model = GPT(GPTConfig(dataset.vocab_size, 16, n_layer=1, n_head=1, n_embd=8)).eval()
    (found,) = confidence_signals.recall(model, dataset, ["Anna ABCDE ABCDE"], ["Bonn"])
    read = [dataset.stoi[c] for c in "Anna ABCDE ABCDE. Born in \u2047\u2047"]
    total = 0.0
    for character in "Bonn":
        p = torch.softmax(model.double()(torch.tensor([read[-16:]]))[0][0, -1], -1)
        total += math.log(p[dataset.stoi[character]].item())
        read.append(dataset.stoi[character])
    assert found == pytest.approx(total, abs=1e-4)


def test_a_calibration_holds_for_the_recall_that_it_was_fitted_to(known, tmp_path):
    for name in ("wiki.txt", "dev.tsv", "train.tsv", "known.params", "known.params.json"):
        shutil.copy(known / name, tmp_path)
    description = json.loads((tmp_path / "known.params.json").read_text()) | {"questions_seen": []}
    (tmp_path / "known.params.json").write_text(json.dumps(description))
    (tmp_path / "others.tsv").write_text("Where was Bob Lee born?\tRome\n")
    params, before = (
        str(tmp_path / "known.params"),
        other_params(known, tmp_path, questions_seen=["x"])[0],
    )
    fit = ["fit", str(tmp_path / "wiki.txt"), str(tmp_path / "dev.tsv"), "--seen"]
    fit += [str(tmp_path / "others.tsv"), "--reading_params_path", params]
    with_before = ["--pretrained_params_path", before]
    with pytest.raises(UserError, match="before.params: was trained on other questions than"):
        calibrate.main([*fit, *with_before])
    before = other_params(known, tmp_path, questions_seen=[])[0]
    calibrate.main([*fit, *with_before])
    with pytest.raises(UserError, match="fitted with --pretrained_params_path; give it"):
        evaluate(tmp_path)
    rows = read_answers(f"{evaluate(tmp_path, more=with_before)}.jsonl")
    found = json.loads((tmp_path / "known.params.calibration.json").read_text())
    assert found["features"] == [confidence.features(row.signals) for row in rows]
    calibrate.main(fit)
    with pytest.raises(UserError, match="fitted without --pretrained_params_path; leave it out"):
        evaluate(tmp_path, more=with_before)
    evaluate(tmp_path)


def test_a_question_of_two_rows_is_never_held_out(tmp_path):
    rows = [f"Where was Ann {i} born?\tRome\n" for i in range(5)]
    rows += ["Where was Bob Hill born?\tRome\n", "Where was Bob Hill born?\tBonn\n"]
    (tmp_path / "a.tsv").write_text("".join(rows))
    held = tmp_path / "held.tsv"
    for seed in range(5):
        calibrate.split(str(tmp_path / "a.tsv"), str(tmp_path / "seen.tsv"), str(held), 5, seed)
        assert "Bob" not in held.read_text() and len(held.read_text().splitlines()) == 5
    with pytest.raises(UserError, match="only 5 questions stand once"):
        calibrate.split(str(tmp_path / "a.tsv"), str(tmp_path / "seen.tsv"), str(held), 6, 0)


def test_finetuning_answers_need_places(known):
    (known / "blind.tsv").write_text(question("Ann Lee"), encoding="utf-8")
    dataset, model = open_world(known)
    paths = str(known / "known.params"), str(known / "blind.tsv")
    with pytest.raises(UserError, match="blind.tsv: has no places"):
        evidence.open_answers(model, dataset, *paths)
    with pytest.raises(UserError, match="holds a vanilla model, not rope"):
        load_model(paths[0], dataset, "rope")


def test_split_refuses_to_hold_out_everything(tmp_path):
    (tmp_path / "a.tsv").write_text(rows_of(PEOPLE))
    with pytest.raises(UserError, match="12 rows"):
        calibrate.split(str(tmp_path / "a.tsv"), "s", "h", 12, 0)


def test_held_out_knowledge_is_never_in_the_confidence(known):
    """Another corpus changes the look-up, and not the confidence."""
    dataset, model = open_world(known)
    asked = [question(name) for name, _ in PEOPLE]
    corpus = Corpus((known / "wiki.txt").read_text(encoding="utf-8"))
    full = evidence.Answers(model, dataset, corpus).details(asked)
    none = evidence.Answers(model, dataset, Corpus("")).details(asked)
    assert [row.confidence for row in full] == [row.confidence for row in none]
    assert any(row.evidence.answer_in_document for row in full)
    assert not any(row.evidence.name_in_corpus for row in none)


def test_a_model_of_another_corpus_is_refused(known):
    with pytest.raises(UserError, match="another corpus"):
        load_model(str(known / "known.params"), CharCorruptionDataset("xyz abc", 128))


def test_params_without_a_description_are_read_by_their_shapes(tmp_path, capsys):
    dataset = CharCorruptionDataset("abcdefgh\nhgfedcba", 128)
    torch.manual_seed(1)
    sizes = {"n_layer": 2, "n_head": 8, "n_embd": 32}
    model = GPT(GPTConfig(dataset.vocab_size, 64, variant="synthesizer", **sizes)).eval()
    torch.save(model.state_dict(), tmp_path / "old.params")
    loaded = load_model(str(tmp_path / "old.params"), dataset)
    assert "assuming" in capsys.readouterr().out and loaded.variant == "synthesizer"
    x = torch.arange(7)[None]
    assert torch.equal(loaded(x)[0], model(x)[0])


def test_split_writes_over_no_input_and_no_other_output(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text(rows_of(PEOPLE), encoding="utf-8")
    seen, linked = tmp_path / "seen.tsv", tmp_path / "linked.tsv"
    linked.symlink_to(path)
    for first, second in ((path, seen), (seen, path), (linked, seen), (seen, seen)):
        with pytest.raises(UserError, match="another name|name of its own"):
            calibrate.main(["split", str(path), "--seen", str(first), "--held_out", str(second)])
    assert path.read_text(encoding="utf-8") == rows_of(PEOPLE) and not seen.exists()
