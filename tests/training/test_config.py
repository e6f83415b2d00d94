"""Every setting once: keywords, ranges, flags, and what a checkpoint compares."""

import math
import subprocess
import sys
from dataclasses import fields

import pytest
from conftest import ROOT, TINY
from test_trainer import CORPUS

import run
from base.cli import Parser
from base.errors import UserError
from trainer import Trainer, TrainerConfig
from training.config import add_flags, check_settings, settings_to_log, settings_to_share


def test_any_keyword_is_kept_as_in_the_original():
    config = TrainerConfig(max_epochs=7, ckpt_path=None, num_workers=4, writer=None, tokens=3)
    assert (config.max_epochs, config.num_workers, config.tokens) == (7, 4, 3)
    assert config.ckpt_path is None and config.writer is None and config.batch_size == 64
    assert TrainerConfig.batch_size == 64  # the original's defaults are the class's own


@pytest.mark.parametrize("typo, meant", [
    ("max_epoch", "max_epochs"), ("learn_rate", "learning_rate"), ("batchsize", "batch_size"),
])  # fmt: skip
def test_a_misspelt_setting_is_refused(typo, meant):
    with pytest.raises(UserError, match=f"unknown setting '{typo}': did you mean '{meant}'"):
        TrainerConfig(**{typo: 3})


def test_a_subclass_may_have_other_defaults():
    class Mine(TrainerConfig):
        max_epochs = 650
        batch_size = 128

    assert (Mine().max_epochs, Mine(batch_size=2).batch_size, Mine().seed) == (650, 2, 0)


@pytest.mark.parametrize("name, value", [
    ("batch_size", 10**30), ("batch_size", 0), ("max_minutes", 1e308), ("max_minutes", math.nan),
    ("max_minutes", 0.0), ("learning_rate", math.inf), ("seed", 2**32), ("seed", -1),
    ("schedule", "cosin"), ("optimizer", "sgd"), ("device", "tpu"), ("eval_every", 0),
])  # fmt: skip
def test_a_value_out_of_range_is_refused_by_name(name, value):
    with pytest.raises(UserError, match=name):
        Trainer(None, range(5), None, TrainerConfig(**{"device": "cpu", name: value}))


@pytest.mark.parametrize("flag, value", [
    ("batch_size", 10**30), ("max_minutes", "1e308"), ("max_minutes", "nan"), ("batch_size", "7.5"),
    ("pretrain_lr", "-1"), ("checkpoint_minutes", "1e308"), ("max_steps", 10**30),
])  # fmt: skip
def test_a_flag_out_of_range_is_one_sentence(tmp_path, flag, value):
    (tmp_path / "c.txt").write_text(CORPUS, encoding="utf-8")
    command = ["pretrain", "vanilla", tmp_path / "c.txt", "--writing_params_path", tmp_path / "p"]
    words = f"--{flag}: {value} is not a .*number"
    with pytest.raises(UserError, match=words.replace("--", "")):
        run.main([str(word) for word in (*command, f"--{flag}={value}", *TINY)])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.txt"]


def test_flags_are_made_from_the_fields():
    parser = Parser()
    add_flags(parser, "max_epochs", "max_minutes", "schedule", "shuffle", "seed", "device")
    args = parser.parse_args(["--max_minutes", "0.5", "--schedule", "linear"])
    assert vars(args) == {
        "max_epochs": None, "max_minutes": 0.5, "schedule": "linear", "shuffle": None, "seed": 0,
        "device": "auto",
    }  # fmt: skip
    assert parser.parse_args(["--shuffle", "--max_epochs", "3"]).shuffle is True


def test_the_defaults_are_valid_and_shown():
    config = TrainerConfig()
    check_settings(config)
    hidden = {"began", "collate", "loss", "on_snapshot", "evaluate", "resume", "log", "identity"}
    assert set(settings_to_log(config)) == {each.name for each in fields(config)} - hidden


def test_checkpoints_compare_what_they_always_did():
    """Another set of names would make the checkpoints of runs that are stopped today useless."""
    assert set(settings_to_share(TrainerConfig())) == {
        "max_epochs", "batch_size", "learning_rate", "betas", "grad_norm_clip", "weight_decay",
        "lr_decay", "warmup_tokens", "final_tokens", "schedule", "optimizer", "muon_learning_rate",
        "max_steps", "max_minutes", "shuffle", "seed", "parts",
    }  # fmt: skip


def test_flags_need_no_torch():
    """`--help` is quick because torch, which takes seconds, is not imported for it."""
    code = "import sys; import training.config; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT / "src", timeout=60, check=True)
