"""How one training step runs on the hardware: device, precision, compilation."""

import importlib.util
import os
import shutil

import torch
from torch import nn

from base import machine
from base.errors import UserError

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
