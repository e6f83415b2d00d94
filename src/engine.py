"""How one training step runs on the hardware: device, precision, compilation, memory."""

import contextlib
import ctypes
import importlib.util
import itertools
import os
import shutil
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from dropout import SEEDS
from files import UserError

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16")
COMPILE = ("auto", "on", "off")
SHAPES = 128  # of pieces, that a compiled step may have its own graph for


def pick_device(name: str, local_rank: int = 0, processes: int = 1) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then MPS, then the CPU.

    On CUDA each of this machine's `processes` has its own. Raises UserError for a device that this
    machine or this torch does not have.
    """
    there = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        name = next(kind for kind, present in there.items() if present)
    if not there[name]:
        raise UserError(f"--device {name}: this machine or torch has none; use --device auto")
    if name == "cuda" and processes > torch.cuda.device_count():
        raise UserError(
            f"{processes} processes for {torch.cuda.device_count()} GPUs, and each needs its own; "
            "start fewer, or use --device cpu"
        )
    return torch.device("cuda", local_rank) if name == "cuda" else torch.device(name)


def multiplies_bf16(device: torch.device) -> bool:
    """Whether the device has instructions for bfloat16 products (elsewhere they are emulated)."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):  # torch 2.12 and later
        found = torch.cpu.get_capabilities()
        return any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return False


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of activations: "auto" is bfloat16 where the device multiplies it natively."""
    if name == "auto":
        name = "bf16" if multiplies_bf16(device) else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def keep_memory() -> None:
    """Tell glibc to keep freed memory: else each step maps it afresh, at the price of page faults.

    Does nothing where the C library is another one.
    """
    try:
        libc = ctypes.CDLL("libc.so.6")
    except OSError:
        return
    m_trim_threshold, m_mmap_threshold, m_arena_max = -1, -3, -8  # malloc.h
    if not libc.mallopt(m_mmap_threshold, 1 << 30):
        libc.mallopt(m_mmap_threshold, 1 << 25)  # the most that older ones take
    libc.mallopt(m_trim_threshold, 2**31 - 1)
    libc.mallopt(m_arena_max, 1)  # threads that share what one of them freed


def should_compile(name: str, device: torch.device) -> bool:
    """Whether to compile the step: "auto" does on CUDA, unless no compiler is at hand."""
    if name == "off" or (name == "auto" and device.type != "cuda"):
        return False
    if device.type == "cuda":  # triton has a C compiler make what launches its kernels
        needed = "triton and a C compiler"
        able = importlib.util.find_spec("triton") is not None and has_program("CC", "gcc", "clang")
    else:
        needed = "a C++ compiler"
        able = has_program("CXX", "g++", "clang++", "cl")
    if not able and name == "on":
        raise UserError(f"--compile on: needs {needed}; install what is missing, or use auto")
    if not able:
        print(f"not compiling: that needs {needed} (the same results, more slowly)")
    return able


def has_program(variable: str, *names: str) -> bool:
    """Whether there is the program that the environment's `variable` names, else one of `names`."""
    return any(shutil.which(os.environ.get(variable, name)) for name in names)


def compile_step(loss_sum: nn.Module, device: torch.device) -> nn.Module:
    """`loss_sum` compiled, with a graph of its own for each shape of a piece.

    As many as it takes on CUDA only: elsewhere the head's shape depends on the targets too, and
    torch's limit on graphs ends the compiling.
    """
    if device.type == "cuda":
        torch._dynamo.config.recompile_limit = SHAPES
    return torch.compile(loss_sum, dynamic=False)


class LossSum(nn.Module):
    """(x, y) -> the sum of the model's losses over the targets that count.

    Takes the model's own `loss_sum` where it has one, else its mean loss times their number.
    """

    def __init__(self, model: nn.Module, dtype: torch.dtype, device: torch.device):
        super().__init__()
        self.model = model
        self.dtype = dtype
        self.device_type = device.type

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        with self.precision():
            if hasattr(self.model, "loss_sum"):
                return self.model.loss_sum(x, y)
            logits, loss = self.model(x, y)
            count = count_targets(self.model, y)
            return loss * count if count else logits.sum() * 0  # a mean over nothing is no number

    def precision(self) -> contextlib.AbstractContextManager:
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device_type, self.dtype)


class PieceThreads:
    """Computes the pieces of a batch side by side, in up to `most` threads that share the cores.

    Two cores that work on one matrix product wait for each other thousands of times a step; on two
    pieces, once. Each piece draws the dropout seeds that it would draw in turn, and gradients are
    added in the order of the pieces, so that a run repeats exactly.
    """

    def __init__(self, model: nn.Module, most: int):
        self.model = model
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        cores = torch.get_num_threads()
        self.count = min(cores, most)
        self.pool = ThreadPoolExecutor(self.count)
        together = threading.Barrier(self.count)

        def own_cores(_) -> None:
            torch.set_num_threads(cores // self.count)
            torch.get_num_threads()  # else the thread's first product asks for the main thread's
            together.wait()

        list(self.pool.map(own_cores, range(self.count)))
        torch.set_num_threads(cores)  # of this thread
        self.seeds: int | None = None  # that a piece takes

    def close(self) -> None:
        self.pool.shutdown()

    def suit(self, loss_sum: Callable, pieces: list[tuple[Tensor, Tensor]]) -> bool:
        """Whether there are pieces for all threads, and none depends on those before it."""
        if len(pieces) < self.count or not self.parameters:
            return False
        if self.seeds is None:
            self.seeds = self.count_seeds(loss_sum, pieces[0])
        return self.seeds >= 0

    def count_seeds(self, loss_sum: Callable, piece: tuple[Tensor, Tensor]) -> int:
        """How many dropout seeds a forward pass takes; -1 where it also draws random numbers of
        its own or changes buffers. Generator and buffers are left as they were."""
        state, taken = torch.get_rng_state(), SEEDS.taken
        buffers = [buffer.clone() for buffer in self.model.buffers()]
        SEEDS.given = itertools.repeat(0)
        with torch.no_grad():
            loss_sum(*piece)
        SEEDS.given = None
        alone = torch.equal(state, torch.get_rng_state())
        for buffer, before in zip(self.model.buffers(), buffers, strict=True):
            alone = alone and torch.equal(buffer, before)
            buffer.copy_(before)
        torch.set_rng_state(state)
        return SEEDS.taken - taken if alone else -1

    def backward(self, loss_sum: Callable, pieces: list, targets: Tensor) -> Tensor:
        """Add the gradients of the mean loss over `targets` to the parameters; the loss."""

        def compute(piece: tuple[Tensor, Tensor], seeds: list[int]) -> tuple:
            SEEDS.given = iter(seeds)
            loss = loss_sum(*piece) / targets
            return loss.detach(), torch.autograd.grad(loss, self.parameters, allow_unused=True)

        seeds = torch.empty(self.seeds * len(pieces), dtype=torch.int64).random_().tolist()
        shares = [seeds[i * self.seeds : (i + 1) * self.seeds] for i in range(len(pieces))]
        longest_first = list(zip(pieces, shares, strict=True))[::-1]
        futures = [self.pool.submit(compute, *job) for job in longest_first][::-1]
        losses, gradients = zip(*(future.result() for future in futures), strict=True)
        for p, *parts in zip(self.parameters, *gradients, strict=True):
            given = [part for part in parts if part is not None]
            p.grad = given[0].clone() if given else None
            for part in given[1:]:
                p.grad += part
        return torch.stack(losses).sum()


def count_targets(model: nn.Module, y: Tensor) -> Tensor:
    """How many of the targets y carry loss: all but the model's `ignore_index`."""
    return (y != getattr(model, "ignore_index", -100)).sum()
