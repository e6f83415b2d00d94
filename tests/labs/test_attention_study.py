"""labs/attention_study: its world, its runs, its table."""

import json
import math
import subprocess
import sys

import pytest
from conftest import ROOT

from attention import VARIANTS
from base.errors import UserError
from labs.attention_study import __main__ as study
from labs.attention_study import arm, world
from labs.common import family

TINY = {"people": 10, "steps": 2, "n_embd": 16, "n_head": 2, "device": "cpu"}


def test_the_small_world_asks_about_nobody_who_is_held_out():
    made = world.small_world(30)
    assert made == world.small_world(30)
    rows = [line.split("\t") for line in (made.train + made.dev).splitlines()]
    assert len(made.train.splitlines()) == len(made.dev.splitlines()) == 15
    assert len(made.documents) == 30 + 100 + 1 and len(made.held_out) == 100
    held_out = {made.documents[i] for i in made.held_out}
    for question, place in rows:
        name = question.removeprefix("Where was ").removesuffix(" born?")
        (document,) = (text for text in made.documents if text.startswith(name))
        assert document not in held_out
        assert document.index(place) + len(place) < 64 * 7 // 8  # a block of 64 reads it
    assert all(120 < len(made.documents[i]) < 160 for i in made.held_out)


def test_held_out_documents_are_not_trained_on():
    made = world.small_world(10)
    corpus = world.CharCorruptionDataset("\n".join(made.documents), 64)
    kept = world.Kept(corpus, made.held_out)
    assert sorted([*kept.indices.tolist(), *made.held_out]) == list(range(len(corpus)))


def test_a_run_measures_everything_and_can_be_repeated():
    settings = arm.Settings("rope", None, 3, **TINY)
    result = arm.run(settings)
    again = arm.run(settings)
    assert result["arm"] == "rope" and result["class"] == "RotarySelfAttention"
    assert result["held_out_loss"] == again["held_out_loss"]
    assert math.log(20) < result["held_out_loss"] < math.log(60)  # hardly trained: near uniform
    assert result["perplexity_beyond"] > 1 and result["perplexity_within"] > 1
    assert len(result["loss_by_position"]) == 8
    assert result["questions"] == 5 and 0 <= result["correct"] <= 5
    assert result["parameters"] > 1000 and result["seconds_per_step"] > 0
    assert result["peak_memory_mib"] > 50


@pytest.mark.parametrize(
    "variant, positions, longer",
    [
        ("vanilla", None, False), ("vanilla", "alibi", True), ("vanilla", "none", True),
        ("vanilla", "sinusoidal", True), ("rope", None, True), ("linear", "none", True),
        ("synthesizer", "none", False), ("synthesizer-random-fixed", "none", False),
        ("aft-full", "none", False), ("aft-conv", "none", True),
    ],
)  # fmt: skip
def test_models_are_lengthened_where_no_weight_belongs_to_a_position(variant, positions, longer):
    settings = arm.Settings(variant, positions, 0, **TINY)
    model = arm.build(settings, 31, 64)
    found = arm.lengthened(model, settings, 31)
    assert (found is not None) == longer
    if longer:
        x = arm.torch.arange(60).view(2, 30)[:, :20] % 31
        logits = model.eval()(x)[0]
        arm.torch.testing.assert_close(found.eval()(x)[0], logits, rtol=0, atol=1e-5)
        assert found.max_length == 128


def test_arms_are_every_variant_and_every_positions_of_vanilla():
    names = list(study.arms())
    assert names[: len(VARIANTS)] == list(VARIANTS)
    assert names[len(VARIANTS) :] == [
        "vanilla+sinusoidal", "vanilla+rope", "vanilla+alibi", "vanilla+none",
    ]  # fmt: skip


@pytest.fixture
def quick(monkeypatch):
    """Runs that take no time; the list of those that were started."""
    started = []

    def pretend(module, folder, settings, threads):
        folder.mkdir(parents=True)
        (folder / "settings.json").write_text(json.dumps(settings), encoding="utf-8")
        variant, seed = settings["variant"], settings["seed"]
        layer = VARIANTS[variant].layer.__name__
        made = {"arm": variant, "class": layer, "seed": seed, "parameters": 7}
        made |= {"held_out_loss": 2.0 - 0.1 * len(variant), "loss_by_position": [1.0]}
        made |= {"perplexity_within": None, "perplexity_beyond": None, "peak_memory_mib": 5.0}
        made |= {"seconds_per_step": 0.5, "correct": seed + 3, "questions": 10}
        (folder / "result.json").write_text(json.dumps(made), encoding="utf-8")
        started.append(folder.name)
        return True

    monkeypatch.setattr(family, "run_one", pretend)
    return started


def test_runs_that_exist_are_not_repeated(quick, tmp_path, capsys):
    study.main(["--only", "vanilla", "rope", "--seeds", "0", "1", "--out", str(tmp_path)])
    assert quick == ["vanilla-seed0", "rope-seed0", "vanilla-seed1", "rope-seed1"]
    study.main(["--only", "vanilla", "linear", "--seeds", "0", "1", "--out", str(tmp_path)])
    assert quick[4:] == ["linear-seed0", "linear-seed1"]
    assert "2 of 4 runs are there" in capsys.readouterr().out
    text = (tmp_path / "table.md").read_text(encoding="utf-8")
    order = [line.split("|")[2].strip() for line in text.splitlines()[2:]]
    assert order == ["`vanilla`", "`linear`", "`rope`"]
    assert (tmp_path / "ranking.png").stat().st_size > 1000
    with pytest.raises(UserError, match="made with steps 1500, not 7; give another --out"):
        study.main(["--only", "vanilla", "--steps", "7", "--out", str(tmp_path)])


def test_an_arm_that_sees_the_future_is_not_ranked(quick, tmp_path):
    arms = ("vanilla", "zero-after-softmax", "rope")
    study.main(["--only", *arms, "--out", str(tmp_path)])
    lines = (tmp_path / "table.md").read_text(encoding="utf-8").splitlines()[2:]
    assert [line.split("|")[1].strip() for line in lines] == ["1", "2", "leaks"]
    assert "zero-after-softmax" in lines[2]


def test_a_variant_without_effect_is_told(quick, tmp_path, capsys):
    study.main(["--only", "vanilla", "cosine", "--out", str(tmp_path)])
    assert "warning" not in capsys.readouterr().out
    same = json.loads((tmp_path / "vanilla-seed0" / "result.json").read_text(encoding="utf-8"))
    (tmp_path / "cosine-seed0" / "result.json").write_text(json.dumps(same | {"arm": "cosine"}))
    study.main(["--only", "vanilla", "--out", str(tmp_path)])
    assert "cosine seed 0 has exactly vanilla's loss" in capsys.readouterr().out


@pytest.mark.slow
def test_the_command(tmp_path):
    command = [sys.executable, "-m", "labs.attention_study", "--only", "vanilla", "linear"]
    command += ["--steps", "4", "--people", "10", "--out", str(tmp_path), "--jobs", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    assert "| `linear` | LinearAttention | 1 |" in done.stdout
    again = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert "2 of 2 runs are there" in again.stdout
    assert done.stdout.splitlines()[-4:] == again.stdout.splitlines()[-4:]
