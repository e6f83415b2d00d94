"""Question 1 as experiments: each figure against its closed form, and the command."""

import importlib.util

import numpy as np
import pytest
from conftest import run_module

from labs.attention_exploration import experiments as e


def test_what_other_keys_keep_falls_with_the_margin():
    for row in e.copying([2, 7, 101], [0.0, 3.0, 11.0]):
        assert row["lost"] == pytest.approx(row["closed form"], rel=1e-9)
    assert e.copying([7], [e.margin_of(7, 0.05)])[0]["lost"] == pytest.approx(0.05)


def test_softmax_of_float32_is_exactly_one_from_a_margin_of_24_bits():
    assert e.margin_of_exactly_one(np.float32) == pytest.approx(24 * np.log(2), abs=0.02)
    assert e.margin_of_exactly_one(np.float64) == pytest.approx(53 * np.log(2), abs=0.02)


def test_errors_of_averages_are_the_closed_form():
    for row in e.averaging([3, 7, 101], [0.0, 2.0, 11.0]):
        assert row["error"] == pytest.approx(row["closed form"], rel=1e-9)


def test_random_parts_are_told_apart():
    assert e.extracting(10, np.random.default_rng(3)) < 1e-12


def test_one_head_swings_as_its_closed_form_says_and_two_heads_stay():
    rows, draws = e.sampling(1500, seed=2)
    steady, _, swinging, two = rows
    assert steady["mean distance from 1/2"] < 0.05 < 0.4 < swinging["mean distance from 1/2"]
    for row in (steady, swinging):
        assert row["gap to the closed form"] < 1.95 / 1500**0.5  # one draw in a thousand is above
    assert two["25 %"] == pytest.approx(0.5, abs=1e-3) == two["95 %"]
    short = (draws["length"] < 0).mean()  # two heads fail where k_a points away: Phi(-sqrt 2)
    assert short == pytest.approx(0.0786, abs=0.03)
    assert (draws["two heads"] < 0.25).mean() == pytest.approx(short, abs=0.03)


def test_projections_do_what_adding_a_vector_cannot():
    for row in e.projecting([2.0, 3.0]):
        assert row["c2 as u_a"] == pytest.approx(row["closed form"])
        assert min(row["c2 as u_b"], row["x2 + u_d"], row["x2 + u_c"]) > 0.9
        assert row["projected c2 as u_b"] == pytest.approx(row["closed form"] / 2)
        assert row["projected c1 as u_b - u_c"] == pytest.approx(row["closed form"])


def test_the_command_writes_tables_and_pictures(tmp_path):
    pytest.importorskip("scipy", reason="no scipy: pip install -r requirements-labs.txt")
    args = ("--samples", "23", "--out", tmp_path)
    done = run_module("labs.attention_exploration.experiments", *args)
    assert done.returncode == 0, done.stderr
    assert "| two heads |" in done.stdout and "(e) Largest error" in done.stdout
    assert (tmp_path / "experiments.md").is_file()
    if importlib.util.find_spec("matplotlib"):
        names = {"queries", "simplex", "copying", "averaging", "sampling", "projecting"}
        assert {path.stem for path in tmp_path.glob("*.png")} == names


@pytest.mark.parametrize("args", [("--samples", "0"), ("--seed", "-1"), ("--sample", "a")])
def test_a_bad_option_ends_in_a_sentence(args):
    done = run_module("labs.attention_exploration.experiments", *args)
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
