"""Training ends at the first loss or gradient that is not finite; what was good stays."""

import io
import sys

import pytest
import torch
import torch.nn.functional as F
from conftest import TINY, run_script
from test_trainer import CORPUS, Kept, tiny
from torch import nn

from base.errors import UserError
from dataset import CharCorruptionDataset
from trainer import Trainer, TrainerConfig
from training import runlog


class Breaks(nn.Module):
    """A model whose loss (or the gradient of it) is not finite from call `at` on."""

    ignore_index = 0

    def __init__(self, model, at, kind):
        super().__init__()
        self.model, self.at, self.kind, self.calls = model, at, kind, 0

    def forward(self, x, y):
        logits, loss = self.model(x, y)
        self.calls += 1
        if self.calls > self.at:
            weight = self.model.pos_emb
            zero = (weight - weight.detach()).sum()  # its value is 0, its gradient is not
            loss = loss * float("nan") if self.kind == "loss" else loss + zero.abs().sqrt()
        return logits, loss


class Ahead(Kept):
    """The log of a device that computes ahead: figures are fetched many steps at a time."""

    def start(self, *args):
        super().start(*args)
        self.device = torch.device("cuda")


def diverge(tmp_path, kind, log, **settings):
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(
        device="cpu", precision="fp32", max_epochs=9, batch_size=7, log=log, parts=1,
        compile="off", checkpoint_path=str(tmp_path / "c"), **settings,
    )  # fmt: skip
    run = Trainer(Breaks(tiny(dataset), 3, kind), dataset, None, config)
    run.train()


@pytest.mark.parametrize("kind, words", [
    ("loss", "step 4: the loss is nan, so training ends here; choose a lower learning rate"),
    ("gradient", "step 4: the gradient's norm is nan"),
])  # fmt: skip
@pytest.mark.parametrize("log", [Kept, Ahead])
def test_the_last_good_checkpoint_stays(tmp_path, kind, words, log):
    """A checkpoint after each step: that of step 3 is the last one."""
    kept = log()
    with pytest.raises(UserError, match=f"{words}.*{tmp_path / 'c'} holds step 3"):
        diverge(tmp_path, kind, kept, checkpoint_minutes=1e-9)
    content = torch.load(tmp_path / "c", weights_only=True)
    assert content["step"] == 3 and [row["step"] for row in kept.rows] == [0, 1, 2]
    assert all(value.isfinite().all() for value in content["model"].values())


def test_no_snapshot_of_a_run_that_diverged(tmp_path):
    taken = []
    with pytest.raises(UserError, match="step 4"):
        diverge(tmp_path, "loss", Ahead(), snapshots=18, on_snapshot=taken.append)
    assert taken == [2]


def test_without_a_step_to_report_the_end_of_the_run_does(tmp_path):
    with pytest.raises(UserError, match="step 4"):
        diverge(tmp_path, "loss", Ahead(), max_steps=9)
    assert not (tmp_path / "c").exists()


def test_a_wild_learning_rate_ends_in_a_sentence(tmp_path):
    (tmp_path / "c.txt").write_text(CORPUS, encoding="utf-8")
    done = run_script(
        "src/run.py", "pretrain", "vanilla", "c.txt", "--writing_params_path", "p.params",
        "--pretrain_lr", 1e6, "--max_steps", 30, "--device", "cpu", *TINY, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "choose a lower learning rate" in done.stderr
    assert not list(tmp_path.glob("p.params*"))


class Summed(nn.Module):
    """A model that gives the sum of its losses without reading a value, as GPT does on a GPU."""

    ignore_index = 0

    def __init__(self, size):
        super().__init__()
        self.table = nn.Embedding(size, size)

    def loss_sum(self, x, y):
        logits = self.table(x).transpose(1, 2)
        return F.cross_entropy(logits, y, ignore_index=0, reduction="sum")


def test_a_step_asks_the_device_nothing(monkeypatch):
    """Whatever reads a value of a tensor would make a GPU's program wait for it."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(device="cpu", precision="fp32", batch_size=7, max_epochs=3, parts=2)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        run = Trainer(Summed(dataset.vocab_size), dataset, None, config)
        run.prepare()
        parts = next(run.batches(0))

        def asked(*args):
            raise AssertionError("a value was read")

        for name in ("item", "tolist", "__bool__", "__int__", "__float__", "numpy"):
            monkeypatch.setattr(torch.Tensor, name, asked)
        for step in range(3):
            result = run.step(step, parts)
    finally:
        monkeypatch.undo()
        torch.set_num_threads(before)
    assert result.loss.isfinite() and result.grad_norm > 0


def test_printing_never_costs_a_run(monkeypatch):
    """Lines of progress go to a full disk: none arrives, and the run ends as always."""

    class Full(io.StringIO):
        def write(self, text):
            raise OSError(28, "No space left on device")

    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(device="cpu", precision="fp32", batch_size=7, max_epochs=1)
    run = Trainer(tiny(dataset), dataset, None, config)
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", Full())
        patch.setattr(runlog, "LINE_SECONDS", -1.0)
        run.train()
    assert run.steps_done == 4
