"""The trainer with what other tasks bring: their batches, losses, optimizers and figures."""

import json
from collections import namedtuple

import pytest
import torch
import torch.nn.functional as F
from test_trainer import CORPUS, CPU, Kept, fit, tiny
from torch import nn
from torch.utils.data import Dataset

from base.errors import UserError
from dataset import CharCorruptionDataset
from trainer import Trainer, TrainerConfig
from training.feed import to_device, usable_workers
from training.runlog import RunLog


class Regression(Dataset):
    """Rows {"features": (3,), "target": ()} of y = 2a - b + 0.5c, or (source, target) pairs."""

    def __init__(self, rows=11):
        self.x = torch.randn(rows, 3, generator=torch.Generator().manual_seed(2)).double()
        self.y = self.x @ torch.tensor([2.0, -1.0, 0.5]).double()

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return {"features": self.x[i], "target": self.y[i]}


def squares(model, batch):
    error = (model(batch["features"]).squeeze(1) - batch["target"]) ** 2
    return error.sum(), torch.tensor(len(error))


def linear():
    torch.manual_seed(3)
    return nn.Linear(3, 1, bias=False).double()


def test_a_dict_of_tensors_a_loss_and_an_optimizer_of_the_callers():
    """Each step of plain gradient descent is W - rate * gradient of the mean, written out."""
    data, model, log = Regression(), linear(), Kept()
    expected, losses, norms = model.weight.detach().clone(), [], []
    for step in range(6):
        x, y = (part[(0, 5, 10)[step % 3] : (5, 10, 11)[step % 3]] for part in (data.x, data.y))
        error = x @ expected[0] - y
        gradient = 2 * error @ x / len(x)
        losses.append((error**2).mean().item())
        norms.append(gradient.norm().item())
        expected = expected - 0.1 * gradient * min(1.0, 1 / (gradient.norm() + 1e-6))
    config = TrainerConfig(
        device="cpu", precision="fp32", max_epochs=2, batch_size=5, loss=squares, log=log,
        optimizer=lambda model: torch.optim.SGD(model.parameters(), lr=0.1),
    )  # fmt: skip
    Trainer(model, data, None, config).train()
    torch.testing.assert_close(model.weight.detach(), expected, rtol=0, atol=1e-6)
    assert [row["loss"] for row in log.rows] == pytest.approx(losses, rel=1e-5)
    assert [row["grad_norm"] for row in log.rows] == pytest.approx(norms, rel=1e-5)
    assert [row["targets"] for row in log.rows] == [5, 5, 1] * 2
    assert {row["rate"] for row in log.rows} == {0.1}


def test_a_collate_pads_pairs_of_source_and_target():
    class Pairs(Dataset):
        def __len__(self):
            return 7

        def __getitem__(self, i):
            return torch.arange(1, 3 + i), torch.arange(2, 4 + i)

    def pad(rows):
        widths = nn.utils.rnn.pad_sequence
        return tuple(widths(list(side), batch_first=True) for side in zip(*rows, strict=True))

    class Embedding(nn.Module):
        ignore_index = 0

        def __init__(self):
            super().__init__()
            self.table = nn.Embedding(13, 13)

        def forward(self, x, y):
            logits = self.table(x)
            return logits, F.cross_entropy(logits.transpose(1, 2), y, ignore_index=0)

    torch.manual_seed(1)
    rows = fit(Embedding(), Pairs(), max_epochs=40, batch_size=3, learning_rate=0.05, collate=pad)
    assert rows[-1]["loss"] < 0.5 * rows[0]["loss"]
    assert [row["targets"] for row in rows[:3]] == [2 + 3 + 4, 5 + 6 + 7, 8]


def test_a_batch_that_is_no_pair_needs_a_loss():
    with pytest.raises(UserError, match="a batch is a dict, not a pair .*give TrainerConfig a `l"):
        fit(linear(), Regression(), max_epochs=1)


def test_an_optimizer_that_is_already_there_resumes(tmp_path):
    def trained(**settings):
        model = linear()
        config = TrainerConfig(
            device="cpu", precision="fp32", max_epochs=3, batch_size=5, loss=squares,
            optimizer=torch.optim.Adam(model.parameters(), lr=0.05), log=Kept(),
            checkpoint_path=str(tmp_path / "c"), **settings,
        )  # fmt: skip
        return model, Trainer(model, Regression(), None, config)

    whole, run = trained()
    run.train()
    _, stopped = trained()
    stopped.stopping = lambda step: step == 3
    with pytest.raises(KeyboardInterrupt):
        stopped.train()
    resumed, run = trained(resume=True)
    run.train()
    assert torch.equal(whole.weight, resumed.weight)


def test_figures_of_the_callers_are_logged(tmp_path, capsys):
    data, seen = Regression(), []

    def evaluate(model):
        seen.append(model.training or torch.is_grad_enabled())
        torch.rand(5)  # what it draws changes nothing
        return {"error": (model(data.x).squeeze(1) - data.y).abs().mean()}

    def trained(folder=None, **settings):
        model = linear()
        log = RunLog(folder and str(folder))
        config = TrainerConfig(
            device="cpu", precision="fp32", max_epochs=3, batch_size=5, loss=squares, log=log,
            **settings,
        )  # fmt: skip
        Trainer(model, data, None, config).train()
        return model

    watched = trained(tmp_path / "r", eval_every=4, evaluate=evaluate)
    lines = (tmp_path / "r" / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert [row["step"] for row in rows if "error" in row] == [3, 7, 8]
    last = (watched(data.x).squeeze(1) - data.y).abs().mean().item()
    assert rows[-1]["error"] == pytest.approx(last) and not any(seen) and watched.training
    assert f"error {last:.4g}" in capsys.readouterr().out
    assert torch.equal(watched.weight, trained().weight)
    with pytest.raises(UserError, match="eval_every has nothing to call"):
        trained(eval_every=4)


def test_the_gradients_norm_is_logged_before_clipping():
    dataset = CharCorruptionDataset(CORPUS, 32)
    model = tiny(dataset)
    ((x, y),) = dataset.batch(torch.arange(25), 0, CPU)
    model.double()(x, y)[1].backward()
    squared = sum((p.grad**2).sum() for p in model.parameters() if p.grad is not None)
    rows = fit(tiny(dataset), dataset, max_steps=1, batch_size=25, grad_norm_clip=1e-3)
    assert rows[0]["grad_norm"] == pytest.approx(squared.sqrt().item(), rel=1e-5)


def test_every_tensor_of_a_tree_is_moved():
    Pair = namedtuple("Pair", "left right")

    class Own:
        def to(self, device):
            return f"on {device}"

    tree = {"a": [torch.ones(2), ("text", 3)], "b": Pair(torch.ones(1), None), "c": Own()}
    moved = to_device(tree, torch.device("meta"))
    assert moved["a"][0].device.type == moved["b"].left.device.type == "meta"
    assert moved["a"][1] == ("text", 3) and isinstance(moved["b"], Pair) and moved["c"] == "on meta"


def test_without_shared_memory_rows_are_loaded_in_this_process(monkeypatch, tmp_path, capsys):
    free = lambda size: lambda path: namedtuple("Usage", "free")(size)  # noqa: E731
    monkeypatch.setattr("shutil.disk_usage", free(2**20))
    for _ in range(2):
        assert usable_workers(4, str(tmp_path)) == 0
    assert capsys.readouterr().out.count("too little memory for 4 loading processes") == 1
    usable_workers.cache_clear()
    monkeypatch.setattr("shutil.disk_usage", free(2**30))
    assert usable_workers(4, str(tmp_path)) == 4 == usable_workers(4, str(tmp_path / "none"))
    usable_workers.cache_clear()
