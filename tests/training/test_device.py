"""What the hardware is asked for: compilers, graphs, devices, memory."""

import ctypes
from functools import partial

import pytest
import torch
from test_trainer import CORPUS, fit, tiny
from torch import nn

from base.errors import UserError
from base.machine import keep_memory
from dataset import CharCorruptionDataset
from trainer import Trainer, TrainerConfig
from training import device, trial
from training.device import compile_step, pick_device, should_compile
from training.trial import try_step

CUDA = torch.device("cuda")


@pytest.mark.parametrize("triton, programs, cc, able", [
    (True, {"gcc"}, None, True),
    (True, {"clang"}, None, True),
    (True, {"mycc"}, "mycc", True),
    (True, {"gcc"}, "mycc", False),  # triton asks the one that CC names, and no other
    (True, set(), None, False),
    (False, {"gcc"}, None, False),
])  # fmt: skip
def test_cuda_compiles_with_triton_and_a_c_compiler(monkeypatch, triton, programs, cc, able):
    monkeypatch.setattr(device.importlib.util, "find_spec", lambda name: triton or None)
    monkeypatch.setattr(device.shutil, "which", lambda name: name if name in programs else None)
    monkeypatch.delenv("CC", raising=False)
    if cc:
        monkeypatch.setenv("CC", cc)
    assert not should_compile("auto", CUDA) and not should_compile("off", CUDA)
    if able:
        assert should_compile("on", CUDA)
    else:
        with pytest.raises(UserError, match="--compile on: needs triton and a C compiler"):
            should_compile("on", CUDA)


def test_the_cpu_compiles_only_when_asked(monkeypatch):
    monkeypatch.setattr(device.shutil, "which", lambda name: name)
    assert not should_compile("auto", torch.device("cpu"))
    assert should_compile("on", torch.device("cpu"))


def test_every_shape_of_a_gpus_run_has_its_graph(monkeypatch):
    """torch compiles 8 shapes and runs the others as they are; a run has about 25."""
    graphs = []

    def backend(graph, inputs):
        graphs.append([tuple(x.shape) for x in inputs])
        return graph

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    torch.compiler.reset()
    with torch._dynamo.config.patch(recompile_limit=8):
        step = compile_step(nn.Linear(5, 3), CUDA)
        for width in range(1, 31):
            step(torch.ones(width, 5))
    assert len(graphs) == 30


def test_more_processes_than_gpus(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("auto", local_rank=1, processes=2) == torch.device("cuda", 1)
    assert pick_device("cpu", local_rank=2, processes=3) == torch.device("cpu")
    for name in ("auto", "cuda"):
        with pytest.raises(UserError, match="3 processes for 2 GPUs"):
            pick_device(name, local_rank=0, processes=3)


@pytest.mark.parametrize("most", [1 << 25, 1 << 31])
def test_memory_is_kept_as_far_as_the_c_library_allows(monkeypatch, most):
    kept = {}

    class Library:
        def mallopt(self, option, value):
            if option == -3 and value > most:
                return 0
            kept[option] = value
            return 1

    monkeypatch.setattr(ctypes, "CDLL", lambda name: Library())
    keep_memory()
    assert kept[-3] == min(most, 1 << 30)


@pytest.mark.skipif(torch.backends.mps.is_built(), reason="here MPS may really work")
@pytest.mark.parametrize("fails_in", ["the trial", "the first step"])
def test_a_device_that_cannot_run_a_step_is_left_with_one_line(monkeypatch, capsys, fails_in):
    """This torch has no MPS: what it is asked to do there fails."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    settings = dict(max_epochs=2, batch_size=7, precision="fp32")
    expected = fit(tiny(dataset, dropout=0.2), dataset, **settings, device="cpu")
    capsys.readouterr()
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    if fails_in == "the first step":
        monkeypatch.setattr(device, "works", lambda kind: True)
    device.works.cache_clear() if fails_in == "the trial" else None
    rows = fit(tiny(dataset, dropout=0.2), dataset, **settings, device="auto")
    assert [row["loss"] for row in rows] == [row["loss"] for row in expected]
    lines = [line for line in capsys.readouterr().out.splitlines() if "not used" in line]
    assert len(lines) == 1 and lines[0].startswith("mps ")


def test_the_trial_of_a_step_leaves_no_trace(monkeypatch):
    """As on a GPU that works: the trained weights are those of a run without the trial."""
    dataset = CharCorruptionDataset(CORPUS, 32)

    def trained(with_trial):
        model = tiny(dataset, dropout=0.2)
        config = TrainerConfig(device="cpu", precision="fp32", max_epochs=1, batch_size=7)
        run = Trainer(model, dataset, None, config)
        if with_trial:
            with monkeypatch.context() as patch:
                patch.setattr(trial, "settle_on_device", lambda r: (r.prepare(), try_step(r)))
                run.train()
        else:
            run.train()
        return model.state_dict()

    plain, tried = trained(False), trained(True)
    assert all(torch.equal(plain[name], tried[name]) for name in plain)
