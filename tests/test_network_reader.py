"""The course's network as a reader: the ranker's interface, and a recipe that uses it."""

import json
import math

import pytest
import torch
from conftest import TINY, run_module, run_script

import network_reader
import run
from base.errors import UserError
from dataset import MASK_CHAR, CharCorruptionDataset, NameDataset
from network_reader import NetworkReader, Rows, training_rows
from training.knowledge import KnowledgeDataset, Mixture
from training.reader import Ranker, asked_documents, candidates

DOCUMENTS = [f"{name} Xuk. {name} mi {place} pelo, sa {other} kipa ." for name, place, other in [
    ("Aeno", "Ub", "Il"), ("Bilu", "Ogga", "Ub"), ("Dorr", "Eft", "Ozz"), ("Eeno", "Il", "Ub"),
    ("Gilu", "Ozz", "Eft"), ("Horr", "Ub", "Ogga"), ("Jeno", "Eft", "Il"),
]]  # fmt: skip
QUESTIONS = [f"Mi {d.split('.')[0]} pe?\t{d.split()[4]}" for d in DOCUMENTS]


def world(block_size=97, documents=DOCUMENTS):
    return CharCorruptionDataset("\n".join([*documents, "M?"]), block_size, 3)


@pytest.fixture
def small(monkeypatch):
    """A network of little size, and a rate at which it learns in a hundred steps."""
    make = network_reader.GPTConfig
    monkeypatch.setattr(
        network_reader, "GPTConfig",
        lambda *sizes, **dropouts: make(*sizes, n_layer=2, n_head=2, n_embd=32, **dropouts),
    )  # fmt: skip


def test_a_row_is_the_candidate_the_question_and_the_answer():
    asked = asked_documents(DOCUMENTS, QUESTIONS[:1])
    rows = training_rows(DOCUMENTS, asked, MASK_CHAR, 5)
    spans = [DOCUMENTS[0][a:b] for a, b, _ in candidates(DOCUMENTS[0])]
    assert spans == ["Aeno", "Ub", "Il"] and len(rows) == 3
    m = MASK_CHAR
    assert (f"Aeno Xuk. Aeno mi {m}Ub{m} pelo, sa Il kipa .{m}Mi Aeno Xuk pe?{m}", "Ub") in rows
    assert sorted(answer for _, answer in rows) == ["", "", "Ub"]
    corpus = world()
    data = Rows(corpus, rows)
    for (prompt, answer), i in zip(rows, range(3), strict=True):
        x, y = data[i]
        text = "".join(corpus.itos[int(c)] for c in x[: len(prompt)])
        targets = "".join(corpus.itos[int(c)] for c in y if c)
        assert text == prompt and targets == answer + MASK_CHAR
        assert not y[: len(prompt) - 1].any()


def test_its_probabilities_are_the_odds_of_answering(small):
    """Against a plain forward pass of each row by itself, in float64."""
    reader = NetworkReader(world(), seed=2, device="cpu")
    reader.form = "Mi \0 pe?"
    reader.model.eval().requires_grad_(False)
    for parameter in reader.model.parameters():
        parameter.data += 0.05 * torch.randn_like(parameter)
    readings = reader.read_all(DOCUMENTS[:2])
    assert readings[1].chances == pytest.approx(reader.read(DOCUMENTS[1]).chances, rel=1e-4)
    for document, reading in zip(DOCUMENTS[:2], readings, strict=True):
        odds = []
        for a, b, _ in candidates(document):
            ids = torch.tensor([[reader.corpus.stoi[c] for c in reader.prompt(document, a, b)]])
            logits, _ = reader.model(ids)
            end = float(logits[0, -1].double().softmax(-1)[reader.corpus.stoi[MASK_CHAR]])
            odds.append((1 - end) / end)
        total = sum(odds) + 1
        assert reading.chances == pytest.approx([o / total for o in odds], rel=1e-3)
        assert math.isclose(reading.none, 1 / total, rel_tol=1e-3)
        assert reading.spans == [(a, b) for a, b, _ in candidates(document)]


@pytest.mark.slow
def test_it_learns_to_read_what_it_was_not_asked_about(small):
    corpus = world()
    asked = asked_documents(DOCUMENTS, QUESTIONS[:5])
    reader = NetworkReader(corpus, seed=1, steps=150, device="cpu").fit(DOCUMENTS, asked)
    readings = reader.read_all(DOCUMENTS)
    for document, reading, row in zip(DOCUMENTS, readings, QUESTIONS, strict=True):
        best = reading.best()
        assert best and document[slice(*best)] == row.split("\t")[1], document
    again = NetworkReader(corpus, seed=1, steps=150, device="cpu").fit(DOCUMENTS, asked)
    assert again.read(DOCUMENTS[6]) == readings[6]


def test_training_rows_ask_about_others_with_what_any_reader_gives():
    """The dataset takes whatever has the two methods."""

    class Same(Ranker):  # reads the second candidate, for certain
        def fit(self, documents, asked):
            return self

        def read_all(self, documents):
            readings = super().read_all(documents)
            for reading in readings:
                reading.chances[:] = [float(k == 1) for k in range(len(reading.chances))]
            return readings

    corpus = world()
    mixture = Mixture(questions=1.0, reader=True, read=1.0)
    questions = NameDataset(corpus, "\n".join(QUESTIONS[:2]), True)
    data = KnowledgeDataset(corpus, questions, mixture, Same())
    rows = {
        "".join(corpus.itos[int(c)] for c in x).rstrip(corpus.itos[0])
        for e in range(40)
        for x, _ in data.batch(torch.arange(7), e, torch.device("cpu"))[0:1]
        for x in x
    }
    assert {row.replace(MASK_CHAR, "\t").rstrip("\t") for row in rows} == set(QUESTIONS)


def test_where_no_row_fits_it_says_so(small):
    asked = asked_documents(DOCUMENTS, QUESTIONS)
    with pytest.raises(UserError, match="no question that fits into 31 characters.*--reader rank"):
        NetworkReader(world(31, [d[:30] for d in DOCUMENTS]), device="cpu").fit(DOCUMENTS, asked)


def test_a_recipe_whose_reader_is_the_network(small, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(network_reader, "STEPS", 2)
    (tmp_path / "wiki.txt").write_text("\n".join([*DOCUMENTS, "M?"]), encoding="utf-8")
    (tmp_path / "train.tsv").write_text("\n".join(QUESTIONS[:4]), encoding="utf-8")
    run.main([
        "pretrain", "vanilla", str(tmp_path / "wiki.txt"), "--writing_params_path",
        str(tmp_path / "p.params"), "--finetune_corpus_path", str(tmp_path / "train.tsv"),
        "--recipe", "reading", "--reader", "network", "--max_steps", "2", *map(str, TINY),
    ])  # fmt: skip
    printed = capsys.readouterr().out
    assert "the network reader is trained: 2 steps on 12 rows" in printed
    assert "3 further people are asked about" in printed
    assert json.loads((tmp_path / "p.params.json").read_text())["reader"] == "network"


def test_a_recipe_that_does_not_read_takes_no_reader(tmp_path):
    done = run_script(
        "src/run.py", "pretrain", "vanilla", "data/wiki.txt", "--writing_params_path",
        tmp_path / "p", "--recipe", "course", "--reader", "network", *TINY,
    )  # fmt: skip
    assert done.returncode == 2 and "the recipe course does not read" in done.stderr


@pytest.mark.slow
def test_the_lab_measures_a_reader_on_people_held_out(tmp_path):
    done = run_module("labs.recipe_study.readers", "--reader", "ranker", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "ranker, 1 of 5 folds" in done.stdout and "none rightly" in done.stdout
