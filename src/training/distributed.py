"""Rank and world size. Without torchrun there is one process and nothing here does anything."""

import contextlib
import os
from collections.abc import Iterator

import torch
import torch.distributed as dist
from torch import Tensor

from base.errors import UserError


def rank() -> int:
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    return dist.get_world_size() if dist.is_initialized() else 1


def is_main() -> bool:
    """True in the one process that writes and prints."""
    return int(os.environ.get("RANK", 0)) == 0


def local_rank() -> int:
    return int(os.environ.get("LOCAL_RANK", 0))


def local_world_size() -> int:
    """The number of processes on this machine."""
    return int(os.environ.get("LOCAL_WORLD_SIZE", 1))


@contextlib.contextmanager
def process_group() -> Iterator[None]:
    """Join the other processes where torchrun started several (gloo on CPU, NCCL on CUDA).

    A process that is not the main one stays connected after a UserError: leaving would end the main
    one with a word about the connection, instead of the error (see errors_are_sentences).
    """
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    if local_rank() < torch.cuda.device_count():
        torch.cuda.set_device(local_rank())
    dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    leaving = True
    try:
        yield
    except UserError:
        leaving = is_main()
        raise
    finally:
        if leaving:
            dist.destroy_process_group()


def total(value: Tensor) -> Tensor:
    """The sum of `value` over all processes (in place)."""
    if world_size() > 1:
        dist.all_reduce(value)
    return value
