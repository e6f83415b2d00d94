"""Without bfloat16 instructions nothing computes in half precision: every operator is watched."""

import pytest
import torch
from test_trainer import CORPUS, QUESTIONS, tiny
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from answers.decode import Sampling, beam_search, generate, score
from attention import VARIANTS
from base import machine
from dataset import CharCorruptionDataset, NameDataset
from trainer import Trainer, TrainerConfig
from training import threads
from training.knowledge import KnowledgeDataset, Mixture

HALF = (torch.bfloat16, torch.float16)


class NoHalfPrecision(TorchDispatchMode):
    """Refuses every operator that reads or makes a bfloat16 or float16 tensor."""

    operators = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for value in tree_leaves((args, kwargs, out)):
            dtype = getattr(value, "dtype", value)  # a tensor's, or an argument that is one
            assert not isinstance(dtype, torch.dtype) or dtype not in HALF, f"{func} in {dtype}"
        NoHalfPrecision.operators += 1
        return out


@pytest.fixture
def watched(monkeypatch):
    """A machine without bfloat16 instructions, on which all operators are watched."""
    monkeypatch.setattr(machine, "multiplies_bf16", lambda device: False)
    pool = threads.ThreadPoolExecutor

    class WatchedPool(pool):
        def submit(self, task, /, *args, **kwargs):
            def in_the_thread():
                with NoHalfPrecision():
                    return task(*args, **kwargs)

            return super().submit(in_the_thread)

    monkeypatch.setattr(threads, "ThreadPoolExecutor", WatchedPool)
    NoHalfPrecision.operators = 0
    with NoHalfPrecision():
        yield
    assert NoHalfPrecision.operators > 10


def test_the_watch_sees_half_precision():
    with NoHalfPrecision():
        with pytest.raises(AssertionError, match="bfloat16"):
            torch.ones(3).bfloat16()
        with pytest.raises(AssertionError, match="bfloat16"), torch.autocast("cpu", torch.bfloat16):
            torch.ones(3, 3) @ torch.ones(3, 3)


@pytest.mark.parametrize("cores", [1, 2])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_knowledge_step(watched, optimizer, cores):
    corpus = CharCorruptionDataset(CORPUS, 32)
    data = KnowledgeDataset(corpus, NameDataset(corpus, QUESTIONS), Mixture(shift=5))
    config = TrainerConfig(device="cpu", max_steps=3, batch_size=33, optimizer=optimizer)
    before = torch.get_num_threads()
    torch.set_num_threads(cores)
    try:
        run = Trainer(tiny(corpus), data, data, config)
        run.train()
    finally:
        torch.set_num_threads(before)
    assert (run.gradients.threads is not None) == (cores > 1) and run.dtype == torch.float32


@pytest.mark.parametrize("variant", VARIANTS)
def test_decoding(watched, variant):
    corpus = CharCorruptionDataset(CORPUS, 32)
    model, prompts = tiny(corpus, variant), [[3, 4, 5], [4, 5, 6], [5, 6]]
    generate(model, prompts, 4, [1], Sampling(top_k=3), copies=2)
    generate(model, prompts, 4, [1])
    beam_search(model, prompts, 3, [1])
    score(model, prompts, [[3, 4], [5], [6, 7, 8]])
