"""Several processes: they end where one does, stop together, and speak with one voice."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from conftest import ROOT
from test_trainer import CORPUS, CPU, threads, tiny
from torch import nn

from dataset import CharCorruptionDataset
from trainer import Trainer, TrainerConfig
from training import distributed
from training.loss import LossSum


class Rows(torch.utils.data.Dataset):
    """A dataset that only has rows: those of a batch of `dataset`."""

    def __init__(self, dataset):
        ((self.x, self.y),) = dataset.batch(torch.arange(len(dataset)), 0, CPU)

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], self.y[i]


class Plain(nn.Module):
    """A model that only has a mean loss: that of `model`."""

    ignore_index = 0

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, x, y):
        return self.model(x, y)


def given_loss(model, batch):
    """The sum of losses over the targets, and their number, as a caller would give them."""
    x, y = batch
    logits, _ = model(x, y)
    loss = F.cross_entropy(logits.transpose(1, 2), y, ignore_index=0, reduction="sum")
    return loss, (y != 0).sum()


def threads_of_gloo():
    """The threads with which this process talks to the others (known on Linux only).

    Those that live on while the interpreter ends can abort it, when the other process closes the
    connection.
    """
    names = []
    for path in Path("/proc/self/task").glob("*/comm"):
        with contextlib.suppress(OSError):
            names.append(path.read_text().strip())
    return [name for name in names if "gloo" in name]


WORKER = """
import sys, torch
sys.path[:0] = {paths!r}
from training import distributed, feed
from test_processes import Plain, Rows, given_loss, threads_of_gloo
from test_trainer import CORPUS, QUESTIONS, tiny
from dataset import CharCorruptionDataset, NameDataset
from trainer import Trainer, TrainerConfig
from training.knowledge import KnowledgeDataset, Mixture
feed.ROWS_A_PART = 1
with distributed.process_group():
    dataset = CharCorruptionDataset(CORPUS, 32)
    model = tiny(dataset).double()
    if {rows}:
        dataset, model = Rows(dataset), Plain(model)
    if {optimizer!r} == "muon":
        dataset = KnowledgeDataset(dataset, NameDataset(dataset, QUESTIONS), Mixture(shift=5))
    config = TrainerConfig(device="cpu", precision="fp32", max_epochs=3, batch_size={batch},
                           learning_rate=1e-2, parts=3, optimizer={optimizer!r})
    if {given}:
        config.loss = given_loss
    if {stop}:
        config.checkpoint_path = {out!r} + ".checkpoint"
        run = Trainer(model, dataset, None, config)
        run.stopping = lambda step: step == 4
        try:
            run.train()
        except KeyboardInterrupt:
            model = tiny(CharCorruptionDataset(CORPUS, 32), seed=6).double()
            config.resume = True
    run = Trainer(model, dataset, None, config)  # lives until the interpreter ends
    run.train()
    if distributed.is_main():
        torch.save(model.state_dict(), {out!r})
assert not threads_of_gloo()
"""


@pytest.mark.parametrize("batch, optimizer, rows, stop, given", [
    (8, "adamw", False, False, False), (7, "muon", False, False, False),
    *(pytest.param(*case, marks=pytest.mark.slow) for case in (
        (7, "adamw", False, False, False), (8, "adamw", True, False, False),
        (7, "adamw", False, True, False), (8, "adamw", False, False, True),
    )),
])  # fmt: skip
def test_two_processes_end_where_one_does(tmp_path, batch, optimizer, rows, stop, given):
    """25 rows: with batches of 8 the last batch has one row, so one process has none of its own.

    Muon, here on the rows of the knowledge recipe, rounds to bfloat16 on the way. `rows`: with a
    dataset that makes no batches and a model that has no sum of losses. `stop`: the two are stopped
    after five steps and resumed. `given`: with a loss of the caller's. Afterwards no thread is left
    that talks to the other process.
    """
    states = []
    for processes in (1, 2):
        out = tmp_path / f"{processes}.pt"
        script = tmp_path / "worker.py"
        paths = [str(ROOT / name) for name in ("src", "tests", "tests/training")]
        settings = dict(batch=batch, optimizer=optimizer, rows=rows, stop=stop and processes == 2,
                        given=given)  # fmt: skip
        worker = WORKER.format(paths=paths, out=str(out), **settings)
        script.write_text(worker, encoding="utf-8")
        launch = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            f"--nproc_per_node={processes}",
            "--master_port=0",
            "--rdzv_backend=c10d",
            "--rdzv_endpoint=localhost:0",
        ]
        subprocess.run([*launch, str(script)], env=threads(1), check=True, timeout=200)
        states.append(torch.load(out, weights_only=True))
    for name, one in states[0].items():
        near = 1e-10 if optimizer == "adamw" else 2e-3
        torch.testing.assert_close(states[1][name], one, rtol=0, atol=near, msg=name)


def test_a_piece_without_targets_has_no_loss_and_no_gradient():
    dataset = CharCorruptionDataset(CORPUS, 32)
    model = Plain(tiny(dataset))
    ((x, y),) = dataset.batch(torch.arange(3), 0, CPU)
    loss = LossSum(model, torch.float32, CPU)(x, torch.zeros_like(y))
    loss.backward()
    assert loss.item() == 0
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_of_several_processes_each_step_of_a_cpu_may_be_the_last(monkeypatch):
    monkeypatch.setattr(distributed, "world_size", lambda: 2)
    monkeypatch.setattr(distributed, "total", lambda value: value)
    dataset = CharCorruptionDataset(CORPUS, 32)
    run = Trainer(None, dataset, None, TrainerConfig(device="cpu"))
    assert not any(run.stopping(step) for step in range(9))
    run.signals.number = signal.SIGTERM
    assert all(run.stopping(step) for step in range(9))


LAUNCH = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
LAUNCH += [str(ROOT / "src" / "run.py"), "pretrain", "vanilla"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to send a signal to")
@pytest.mark.parametrize("number", [
    signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow),
])  # fmt: skip
def test_several_processes_save_when_they_are_stopped(tmp_path, number):
    """As by Ctrl-C: the signal reaches torchrun, which passes it on, and the processes too."""
    (tmp_path / "c.txt").write_text(CORPUS, encoding="utf-8")
    sizes = ["--n_layer", "1", "--n_head", "2", "--n_embd", "16", "--block_size", "32"]
    run = subprocess.Popen(
        [*LAUNCH, "c.txt", "--writing_params_path", "p", "--max_epochs", "90000", *sizes],
        cwd=tmp_path, env=threads(1), stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    while run.poll() is None and not any(
        log.stat().st_size for log in tmp_path.glob("runs/*/metrics.jsonl")
    ):
        time.sleep(0.05)
    assert run.poll() is None, run.communicate()[1]
    os.killpg(run.pid, number)
    _, errors = run.communicate(timeout=120)
    assert errors.count("is saved; --resume continues from it") == 1, errors
    assert (tmp_path / "p.checkpoint").exists()


def test_several_processes_tell_an_error_once(tmp_path):
    done = subprocess.run(
        [*LAUNCH, "none.txt", "--writing_params_path", "p"], cwd=tmp_path, env=threads(1),
        timeout=200, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode != 0
    assert done.stderr.count("error: none.txt: no such file") == 1, done.stderr


ONE_FAILS = """
import sys
import torch
sys.path.insert(0, {src!r})
import base.errors
from training import distributed
base.errors.FIRST_WORD = 1.0
with base.errors.errors_are_sentences(), distributed.process_group():
    if not distributed.is_main():
        raise base.errors.UserError("what only the second process met")
    distributed.total(torch.ones(1))
"""


@pytest.mark.slow
def test_an_error_of_the_second_process_alone_is_told(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(ONE_FAILS.format(src=str(ROOT / "src")), encoding="utf-8")
    launch = LAUNCH[: LAUNCH.index("--nproc_per_node=2") + 1]
    done = subprocess.run(
        [*launch, str(script)], env=threads(1), timeout=200, capture_output=True, text=True
    )
    assert done.returncode != 0
    assert "error: what only the second process met" in done.stderr
