"""labs/scaling: fits on made-up laws, a tiny sweep."""

import json
import math

import numpy as np
import pytest
import torch
from conftest import ROOT, run_module

from base.errors import UserError
from dataset import CharCorruptionDataset
from labs.common import flops
from labs.scaling import birthplace, fits, knowledge

A, M = 3e-3, 0.6  # a law: the best number of parameters is A FLOPs^M
SIZES = [1e4, 3e4, 9e4, 2e5, 5e5, 1e6]
BUDGETS = [8e10, 16e10, 32e10, 64e10, 128e10]


def made_up(noise: float = 0.0) -> list[fits.Profile]:
    """Profiles of that law, whose models see FLOPs / (6 parameters) tokens."""
    random = np.random.default_rng(0)
    found = []
    for spent in BUDGETS:
        best = math.log(A * spent**M)
        losses = [0.1 * (math.log(n) - best) ** 2 + 1e11 / spent for n in SIZES]
        losses = [loss + noise * random.standard_normal() for loss in losses]
        tokens = [spent / (6 * n) for n in SIZES]
        found.append(fits.Profile(spent, SIZES, losses, tokens, [0] * len(SIZES)))
    return found


def test_the_minimum_of_a_profile():
    optimum = fits.find_optimal_params([100, 1000, 10000], [3.0, 2.0, 3.0])
    assert optimum.parameters == pytest.approx(1000) and optimum.loss == pytest.approx(2.0)
    assert not optimum.outside


def test_a_minimum_outside_the_sizes_is_flagged_and_none_is_refused():
    sizes = [10, 100, 1000]
    assert fits.find_optimal_params(sizes, [(math.log10(n) - 5) ** 2 for n in sizes]).outside
    for losses in ([1, 2, 1], [3, 2, 1], [1, 1, 1]):
        with pytest.raises(fits.NoMinimum, match="no minimum"):
            fits.find_optimal_params(sizes, losses)
    with pytest.raises(UserError, match="at least three"):
        fits.find_optimal_params([10, 10, 100], [1, 2, 3])


def test_a_line_in_logs():
    x = [1.0, 10.0, 1000.0]
    line = fits.fit_linear_log(x, [5 * each**0.7 for each in x])
    assert line == pytest.approx((0.7, math.log(5)))
    assert fits.predict(line, 100.0) == pytest.approx(5 * 100**0.7)


def test_the_law_is_found_and_is_in_its_interval():
    law = fits.fit(made_up())
    assert law.parameters_line == pytest.approx((M, math.log(A)), rel=1e-6)
    assert law.tokens_line[0] == pytest.approx(1 - M, rel=1e-6)
    noisy = made_up(noise=0.01)
    interval = fits.bootstrap(noisy, 1e15, draws=200)
    assert interval.parameters[0] < A * 1e15**M < interval.parameters[1]
    assert interval.exponent[0] < M < interval.exponent[1]
    assert fits.bootstrap(noisy, 1e15, draws=200) == interval


def of_three_seeds(shift: float) -> list[fits.Profile]:
    """The made-up runs three times, the best sizes of two seeds moved by e^shift down and up."""
    found = []
    for profile in made_up(noise=0.001):
        columns: tuple[list, ...] = ([], [], [], [])
        for seed in (0, 1, 2):
            sizes = [n * math.exp((seed - 1) * shift) for n in SIZES]
            rows = sizes, profile.losses, profile.tokens, [seed] * len(sizes)
            for column, values in zip(columns, rows, strict=True):
                column.extend(values)
        found.append(fits.Profile(profile.flops, *columns))
    return found


def test_the_interval_knows_what_differs_between_seeds():
    widths = []
    for found in (made_up(noise=0.001), of_three_seeds(0.0), of_three_seeds(0.2)):
        low, high = fits.bootstrap(found, BUDGETS[2], draws=200).parameters
        widths.append(math.log(high / low))
    one, alike, apart = widths
    assert alike < one < 0.1
    # the mean of three draws of -0.2, 0, 0.2 has a standard deviation of 0.094
    assert 0.25 < apart < 0.8


def test_budgets_without_a_minimum_are_left_out_and_named():
    found = made_up()
    found[1] = found[1]._replace(losses=[-loss for loss in found[1].losses])
    law = fits.fit(found)
    assert law.refused == [16e10] and len(law.optima) == 4


def test_lines_leave_out_minima_outside_the_sizes():
    found = made_up()
    found[0] = found[0]._replace(losses=[0.1 * (math.log(n) - 20) ** 2 for n in SIZES])
    law = fits.fit(found)
    assert law.optima[0].outside and law.all_inside
    assert law.parameters_line == pytest.approx((M, math.log(A)), rel=1e-6)
    assert not fits.fit(found[:2]).all_inside


def test_losses_between_measurements():
    curve = [{"flops": 10.0, "score": 3.0}, {"flops": 1000.0, "score": 1.0}]
    assert fits.at_budget(curve, 100.0, "score") == pytest.approx(2.0)
    assert fits.at_budget(curve, 1001.0, "score") is None


@pytest.mark.slow
def test_a_tiny_sweep(tmp_path):
    command = ("labs.scaling", "pig_latin", "--sizes", 4, 8, 12, "--budgets", 2e8, 4e8, "--out",
               tmp_path)  # fmt: skip
    done = run_module(*command)
    results = [json.loads(p.read_text(encoding="utf-8")) for p in tmp_path.glob("*/result.json")]
    assert {run["size"] for run in results} == {4, 8, 12}, done.stderr
    for run in results:
        flops = [row["flops"] for row in run["curve"]]
        assert flops == sorted(flops) and flops[-1] >= 4e8
        assert run["curve"][-1]["score"] < run["curve"][0]["score"]
    assert (tmp_path / "profiles.md").read_text(encoding="utf-8").count("\n") == 8
    assert (tmp_path / "profiles.png").exists()
    # so few steps need not give a law; they give one, or a sentence that says why not
    assert done.returncode == 0 or "error: " in done.stderr and "Traceback" not in done.stderr


def test_flops_and_characters_of_the_rows_given_are_counted():
    text = "\n".join(["Ann Lee sang .", "Bob Day sold maps in Rome .", "Cy Fox wrote ."] * 3)
    documents = CharCorruptionDataset(text, birthplace.BLOCK)
    model = birthplace.small_gpt(documents.vocab_size, 8)
    kept = torch.tensor([1, 4, 8])
    data = birthplace.Counted(documents, kept, model)
    ((x, _),) = data.batch(torch.tensor([0, 2]), 5, torch.device("cpu"))
    ((own, _),) = documents.batch(torch.tensor([1, 8]), 5, torch.device("cpu"))
    assert torch.equal(x, own) and len(data) == 3
    lengths = [sum(symbol != 0 for symbol in row) for row in x.tolist()]
    expected = sum(flops.gpt(8, birthplace.LAYERS, documents.vocab_size, n) for n in lengths)
    assert data.tokens == sum(lengths) and data.flops == expected


@pytest.mark.parametrize("task", [birthplace, knowledge])
def test_a_run_of_the_birthplace_gpt(task, tmp_path, monkeypatch):
    small = make_world(tmp_path)
    monkeypatch.setattr(task, "find_files", lambda *names: [str(small / name) for name in names])
    result = task.run(task.Settings(8, (1e8, 3e8), batch_size=4))
    curve = result["curve"]
    assert [row["flops"] >= mark for row, mark in zip(curve, (1e8, 3e8), strict=True)] == [1, 1]
    assert curve[0]["tokens"] < curve[1]["tokens"]
    if task is birthplace:
        assert curve[1]["score"] < curve[0]["score"] < 6
    else:
        assert 0 <= curve[1]["score"] <= 1 and result["asked"] > 0


def make_world(folder):
    """The first people of the invented world, in files."""
    documents = (ROOT / "data" / "wiki.txt").read_text(encoding="utf-8").split("\n")
    rows = (ROOT / "data" / "birth_places_train.tsv").read_text(encoding="utf-8").split("\n")
    (folder / "wiki.txt").write_text("\n".join(documents[:60]) + "\nWhere was ?", "utf-8")
    known = set("".join(documents[:60]) + "Where was ?")
    rows = [row for row in rows if row and set(row) - {"\t"} <= known][:20]
    (folder / "birth_places_train.tsv").write_text("\n".join(rows), "utf-8")
    return folder


def test_too_few_sizes_is_one_sentence(tmp_path):
    done = run_module("labs.scaling", "pig_latin", "--sizes", 4, 8, "--out", tmp_path)
    assert done.returncode == 2 and "at least three" in done.stderr
