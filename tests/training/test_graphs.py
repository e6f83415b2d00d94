"""CUDA graphs of a step: held to the step without them. What needs no GPU is tested on a stand-in
that computes where a GPU would start what it recorded."""

import contextlib

import pytest
import torch
from test_trainer import CORPUS, QUESTIONS, fit, tiny
from torch import nn

from attention import VARIANTS
from dataset import CharCorruptionDataset, NameDataset
from training import gradients, graphs
from training.config import TrainerConfig
from training.device import should_record
from training.graphs import Graph, GraphedGradients

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
CPU = torch.device("cpu")


class Stream:
    def wait_stream(self, other):
        pass


class Replayed:
    """In the place of a CUDA graph: computes anew from the recorded inputs."""

    def __init__(self, graphed, x, y, loss):
        self.graphed, self.x, self.y, self.loss = graphed, x, y, loss
        self.times = 0

    def replay(self):
        self.times += 1
        self.loss.copy_(self.graphed.compute(self.x, self.y))


@pytest.fixture
def stand_in(monkeypatch):
    """Graphs on a CPU."""
    monkeypatch.setattr(torch.cuda, "Stream", Stream)
    monkeypatch.setattr(torch.cuda, "current_stream", Stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "graph_pool_handle", lambda: None)

    def record(self, x, y):
        x, y, loss = x.clone(), y.clone(), torch.zeros(())
        return Graph(Replayed(self, x, y, loss), x, y, loss)

    monkeypatch.setattr(GraphedGradients, "record", record)
    monkeypatch.setattr(
        gradients, "should_record", lambda model, config, device: config.compile != "off"
    )


class SumOfSquares(nn.Module):
    """Loss sum (w . x - y)^2, with a parameter that takes no part."""

    def __init__(self):
        super().__init__()
        self.w = nn.Parameter(torch.tensor([1.0, -2.0, 0.5]))
        self.idle = nn.Parameter(torch.ones(2))

    def forward(self, x, y):
        return ((x @ self.w - y) ** 2).sum()


def test_gradients_of_several_shapes_add_up(stand_in):
    """Against the derivative by hand, 2 (w . x - y) x / targets, in every round."""
    model = SumOfSquares()
    graphed = GraphedGradients(model)
    for step in range(5):
        torch.manual_seed(step)
        pairs = [(torch.randn(n, 3), torch.randn(n)) for n in (5, 7, 5)]
        targets = torch.tensor(11 + step)
        loss = graphed.add(pairs, targets)
        x, y = (torch.cat(part) for part in zip(*pairs, strict=True))
        error = x @ model.w.detach() - y
        torch.testing.assert_close(loss, (error**2).sum() / targets)
        torch.testing.assert_close(model.w.grad, 2 * error @ x / targets)
        assert model.idle.grad is None
    recorded = {shape[0]: graph.recorded.times for shape, graph in graphed.graphs.items()}
    assert recorded == {5: 9, 7: 4}  # the first of a shape is computed, the second recorded


def test_shapes_beyond_the_most_have_no_graph(stand_in, monkeypatch):
    monkeypatch.setattr(graphs, "MOST", 2)
    model = SumOfSquares()
    graphed = GraphedGradients(model)
    for _ in range(3):
        for n in (2, 3, 5):
            x, y = torch.ones(n, 3), torch.zeros(n)
            graphed.add([(x, y)], torch.tensor(n))
            expected = 2 * (x @ model.w.detach()) @ x / n
            torch.testing.assert_close(model.w.grad, expected)
    assert {shape[0] for shape in graphed.graphs} == {2, 3}


def test_a_run_with_graphs_is_one_without(stand_in):
    dataset = CharCorruptionDataset(CORPUS, 32)
    losses = {}
    for mode in ("off", "auto"):
        rows = fit(tiny(dataset), dataset, max_epochs=3, batch_size=7, parts=2, compile=mode)
        losses[mode] = [row["loss"] for row in rows]
    assert losses["auto"] == pytest.approx(losses["off"], rel=1e-5)


@pytest.mark.parametrize("fails_at", [1, 2, 5])
def test_a_step_that_cannot_be_recorded_goes_on_without(stand_in, monkeypatch, capsys, fails_at):
    """The same losses, dropout's masks too, and one line, whichever step it is."""
    dataset = CharCorruptionDataset(CORPUS, 32)

    def losses(mode):
        model = tiny(dataset, dropout=0.2)
        rows = fit(model, dataset, max_epochs=2, batch_size=20, parts=2, compile=mode)
        return [row["loss"] for row in rows]

    calls, compute = [], GraphedGradients.compute

    def failing(self, x, y):
        calls.append(x.shape)
        if len(calls) == fails_at:
            raise RuntimeError("operation not permitted when stream is capturing\nmore\nand more")
        return compute(self, x, y)

    expected = losses("off")
    monkeypatch.setattr(GraphedGradients, "compute", failing)
    capsys.readouterr()
    assert losses("auto") == pytest.approx(expected, rel=1e-5)
    said = [line for line in capsys.readouterr().out.splitlines() if "CUDA graphs" in line]
    assert len(said) == 1 and "stream is capturing more (the results are the same" in said[0]


def test_only_a_single_process_with_the_models_own_loss_records(monkeypatch):
    cuda, model = torch.device("cuda"), SumOfSquares()
    assert should_record(model, TrainerConfig(), cuda)
    assert should_record(model, TrainerConfig(compile="on"), cuda)
    assert not should_record(model, TrainerConfig(compile="off"), cuda)
    assert not should_record(model, TrainerConfig(), CPU)
    assert not should_record(model, TrainerConfig(loss=lambda model, batch: None), cuda)
    monkeypatch.setattr("training.distributed.world_size", lambda: 2)
    assert not should_record(model, TrainerConfig(), cuda)


def test_layers_that_act_in_python_now_and_then_are_not_recorded():
    """The performer draws new features after so many passes; a graph would repeat the old ones."""
    dataset, cuda = CharCorruptionDataset(CORPUS, 32), torch.device("cuda")
    recorded = {v: should_record(tiny(dataset, v), TrainerConfig(), cuda) for v in VARIANTS}
    assert [variant for variant, yes in recorded.items() if not yes] == ["performer"]


@needs_cuda
@pytest.mark.parametrize("variant", VARIANTS)
def test_on_a_gpu_graphs_change_nothing(variant, capsys):
    """Losses of six epochs, with dropout: its masks are the same ones."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    losses = {}
    for mode in ("off", "auto"):
        rows = fit(
            tiny(dataset, variant, dropout=0.1), dataset, max_epochs=6, batch_size=7, parts=2,
            compile=mode, device="cuda",
        )  # fmt: skip
        losses[mode] = [float(row["loss"]) for row in rows]
    assert losses["auto"] == pytest.approx(losses["off"], rel=1e-3)
    assert "CUDA graphs" not in capsys.readouterr().out  # nothing fell back


@needs_cuda
def test_on_a_gpu_finetuning_has_graphs_too(capsys):
    dataset = CharCorruptionDataset(CORPUS, 64)
    questions = NameDataset(QUESTIONS, dataset)
    losses = {}
    for mode in ("off", "auto"):
        model = tiny(dataset, dropout=0.1)
        rows = fit(model, questions, max_epochs=9, batch_size=3, compile=mode, device="cuda")
        losses[mode] = [float(row["loss"]) for row in rows]
    assert losses["auto"] == pytest.approx(losses["off"], rel=1e-3)
    assert "CUDA graphs" not in capsys.readouterr().out  # nothing fell back
