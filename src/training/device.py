"""How one training step runs on the hardware: device, precision, compilation."""

import functools
import importlib.util
import os
import shutil
from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import nn

from base import machine
from base.errors import UserError
from training import distributed

SHAPES = 128  # of micro-batches, at most, that have a graph of their own in a compiled step


def pick_device(
    name: str, local_rank: int = 0, processes: int = 1, without: Collection[str] = ()
) -> torch.device:
    """The device called `name`; "auto" takes CUDA, then MPS, then the CPU: the first that is not in
    `without` and works.

    On CUDA each of this machine's `processes` has its own. Raises UserError for a device that this
    machine or this torch does not have.
    """
    present = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if name == "auto":
        kinds = [kind for kind in present if present[kind] and kind not in without]
        alone = processes == 1  # several processes must all choose alike
        name = next(kind for kind in kinds if kind == "cpu" or not alone or works(kind))
    if not present[name]:
        raise UserError(f"--device {name}: this machine or torch has none; use --device auto")
    if name == "cuda" and processes > torch.cuda.device_count():
        raise UserError(
            f"{processes} processes for {torch.cuda.device_count()} GPUs, and each needs its own; "
            "start fewer, or use --device cpu"
        )
    return torch.device("cuda", local_rank) if name == "cuda" else torch.device(name)


@functools.cache
def works(kind: str) -> bool:
    """Whether the device takes a tiny training step; prints a line if not.

    A device may be there and be useless: a GPU too old for this torch, or one whose memory is full.
    """
    try:
        with torch.random.fork_rng(devices=[]):
            layer = nn.Sequential(nn.Embedding(5, 8), nn.LayerNorm(8), nn.Linear(8, 5), nn.GELU())
        layer.to(kind)
        indices = torch.arange(5, device=kind)
        optimizer = torch.optim.AdamW(layer.parameters())
        F.cross_entropy(layer(indices), indices).backward()
        optimizer.step()
        return bool(torch.isfinite(layer[0].weight).all())
    except Exception as error:  # whatever the driver raises
        reason = " ".join(str(error).split("\n")[0].split()[:30])
        print(f"{kind} is there and does not work, so it is not used: {reason}")
        return False


def pick_precision(name: str, device: torch.device) -> torch.dtype:
    """The dtype of activations: "auto" is bfloat16 where the device multiplies it natively.

    Raises UserError for "bf16" where it would be emulated.
    """
    native = machine.multiplies_bf16(device)
    if name == "bf16" and not native:
        raise UserError(
            f"--precision bf16: this {device.type} device has no bfloat16 instructions, and "
            "emulating them is about a hundred times slower; use --precision auto"
        )
    if name == "auto":
        name = "bf16" if native else "fp32"
    return {"fp32": torch.float32, "bf16": torch.bfloat16}[name]


def should_compile(name: str, device: torch.device) -> bool:
    """Whether torch.compile is to compile the step: only where `name` is "on".

    On CUDA as well: compiling all shapes takes minutes, and graphs.py needs none of it.
    Raises UserError where what compiling needs is missing.
    """
    if name != "on":
        return False
    if device.type == "cuda":  # triton has a C compiler make what launches its kernels
        needed = "triton and a C compiler"
        able = importlib.util.find_spec("triton") is not None and has_program("CC", "gcc", "clang")
    else:
        needed = "a C++ compiler"
        able = has_program("CXX", "g++", "clang++", "cl")
    if not able:
        raise UserError(f"--compile on: needs {needed}; install what is missing, or use auto")
    return True


def should_record(model: nn.Module, config, device: torch.device) -> bool:
    """Whether a TrainerConfig's step is recorded as CUDA graphs (graphs.py): on CUDA, in a process
    of its own, with the model's own loss, and where no layer does anything in Python from time to
    time (it says so by `recordable = False`), which a graph would leave out."""
    alone = distributed.world_size() == 1
    wanted = device.type == "cuda" and config.compile != "off" and alone and config.loss is None
    return wanted and all(getattr(module, "recordable", True) for module in model.modules())


def has_program(variable: str, *names: str) -> bool:
    """Whether there is the program that the environment's `variable` names, else one of `names`."""
    return any(shutil.which(os.environ.get(variable, name)) for name in names)


def compile_step(loss_sum: nn.Module, device: torch.device) -> nn.Module:
    """`loss_sum` compiled, with a graph of its own for each shape of a micro-batch.

    On CUDA torch's limit on the number of graphs is raised. Elsewhere the head's shape depends on
    the targets too, so there would be too many; torch stops compiling at its limit.
    """
    if device.type == "cuda":
        torch._dynamo.config.recompile_limit = SHAPES
    return torch.compile(loss_sum, dynamic=False)
