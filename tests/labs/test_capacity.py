"""labs/microscope/capacity.py: what is counted as held, and its runs."""

import json
import math

import pytest
import torch

from base.errors import UserError
from labs.microscope import capacity, holding
from labs.microscope.holding import NAMES, PLACES, Documents
from trainer import Trainer

PEOPLE = [("Ab Cd", "Efg"), ("Abc D", "E"), ("B C", "Fgh")]


def test_a_row_is_the_document_and_its_parts_are_marked():
    data = Documents(PEOPLE)
    letters = dict(enumerate(sorted(set("".join(n + p for n, p in PEOPLE)) | set(" .Born in")), 2))
    for i, (name, place) in enumerate(PEOPLE):
        x, y = data[i]
        text = "".join(letters.get(int(c), "") for c in y)
        assert text == f"{name}. Born in {place}." and x[0] == 1 and torch.equal(x[1:], y[:-1])
        said = ["".join(letters[int(c)] for c in y[on]) for on in (data.names[i], data.places[i])]
        assert said == [f"{name}.", f"{place}."]


class Even(torch.nn.Module):
    """Every character is as likely as any other."""

    def __init__(self, vocab_size):
        super().__init__()
        self.vocab_size = vocab_size

    def forward(self, x):
        return torch.zeros(*x.shape, self.vocab_size), None


def test_nats_are_sums_over_the_characters_of_name_and_place():
    data = Documents(PEOPLE)
    name, place = holding.nats(Even(data.vocab_size), data)
    each = math.log(data.vocab_size)
    assert name == pytest.approx(each * (6 + 6 + 4) / 3)
    assert place == pytest.approx(each * (4 + 2 + 4) / 3)


def test_bits_are_those_of_the_formula():
    assert holding.bits(7, 0.0, 0.0) == pytest.approx((7 * math.log2(NAMES), 7 * math.log2(PLACES)))
    guessed = holding.bits(7, math.log(NAMES), math.log(PLACES) - math.log(2))
    assert guessed == pytest.approx((0, 7), abs=1e-9)
    assert holding.bits(7, 50.0, 50.0) == (0, 0)  # worse than nothing counts as nothing


def test_eight_bits_are_255_steps_of_each_row():
    torch.manual_seed(7)
    layer = torch.nn.Linear(11, 5)
    before = layer.weight.detach().clone()
    holding.round_to_int8(layer)
    layer.requires_grad_(False)
    steps = layer.weight / (before.abs().amax(1, keepdim=True) / 127)
    torch.testing.assert_close(steps, steps.round(), rtol=0, atol=1e-3)
    assert steps.abs().max() == pytest.approx(127, abs=1e-3)
    assert (layer.weight - before).abs().max() <= before.abs().max() / 127 / 2 + 1e-7


def test_a_model_that_has_read_enough_holds_more(tmp_path, monkeypatch):
    """Few people, many exposures: places are held, with 8 bits too."""
    monkeypatch.setitem(holding.SHAPES, "20k", (1, 20))
    few, many = (holding.run(holding.Settings("20k", 5, times, "adamw", 3e-3, 0), tmp_path)
                 for times in (1, 300))  # fmt: skip
    assert not list(tmp_path.iterdir())  # the checkpoint is gone
    assert few["float32"]["bits"] == 0
    assert many["float32"]["of places"] > 0.8 * 5 * math.log2(PLACES)
    assert 0 < many["int8"]["bits"] <= 5 * math.log2(NAMES * PLACES)
    assert many["demand"] == pytest.approx(5 * math.log2(NAMES * PLACES) / many["parameters"])


def test_a_run_that_was_stopped_goes_on(tmp_path, monkeypatch):
    """Stopped after 7 of 20 epochs, with a checkpoint, and started again: the same bits."""
    monkeypatch.setitem(holding.SHAPES, "20k", (1, 20))
    settings = holding.Settings("20k", 5, 20, "muon", 0.02, 0)
    whole = holding.run(settings, tmp_path)
    step, taken = Trainer.step, []

    def stopped(trainer, number, parts):
        taken.append(number)
        if len(taken) == 8:
            trainer.save_progress(number)
            raise KeyboardInterrupt
        return step(trainer, number, parts)

    monkeypatch.setattr(Trainer, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        holding.run(settings, tmp_path)
    assert (tmp_path / "checkpoint").exists()
    again = holding.run(settings, tmp_path)
    assert taken == [*range(8), *range(7, 20)] and again["float32"] == whole["float32"]


def result(**changes):
    shared = {"p1": 2.0, "p2": 1.0, "bits": 9.0, "of places": 4.0, "per parameter": 0.5}
    return {"size": "20k", "people": 7, "exposures": 100, "batch": 64, "optimizer": "muon",
            "rate": 0.02, "seed": 0, "parameters": 20000, "demand": 1.25, "seconds": 3.0,
            "float32": shared, "int8": shared} | changes  # fmt: skip


def test_the_table_has_a_row_a_run_and_the_picture_a_line(tmp_path):
    pytest.importorskip("matplotlib")
    rows = [result(), result(optimizer="adamw", exposures=1000, demand=2.5)]
    lines = capacity.markdown(rows).splitlines()
    assert len(lines) == 4
    assert lines[2].startswith("| 20,000 | 7 | 100 | 64 | muon | 0.02 | 0 | 1.25 | 0.50")
    capacity.draw(rows, tmp_path / "picture")
    assert (tmp_path / "picture.svg").read_text("utf-8").count("<path") > 5


def test_finished_runs_are_not_repeated_and_bad_sizes_are_one_sentence(tmp_path, capsys):
    settings = holding.Settings("20k", 7, 100, "muon", 0.02, 0)
    folder = tmp_path / capacity.name_of(settings)
    folder.mkdir()
    (folder / "settings.json").write_text(json.dumps(vars(settings)), "utf-8")
    (folder / "result.json").write_text(json.dumps(result()), "utf-8")
    capacity.main(["--people", "7", "--optimizers", "muon", "--out", str(tmp_path)])
    assert "1 of 1 runs are there" in capsys.readouterr().out
    assert "| 20,000 | 7 |" in (tmp_path / "table.md").read_text("utf-8")
    for option, value in (("--people", "0"), ("--sizes", "1k"), ("--optimizers", "sgd")):
        with pytest.raises(UserError):
            capacity.main([option, value, "--out", str(tmp_path)])
