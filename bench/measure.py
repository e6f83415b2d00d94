"""What the benchmarks share: their data, counting of arithmetic, clocks, memory.

Shapes: B rows, T real positions of a row (those whose target is not PAD), C channels.
"""

import argparse
import contextlib
import time
from collections.abc import Callable
from statistics import median

import torch
from options import COURSE_SIZES  # which also finds src/
from torch import Tensor
from torch.utils.data import Dataset

from base import machine
from base.errors import UserError
from base.files import find_files, read_text
from dataset import PAD, CharCorruptionDataset
from model import GPT, GPTConfig
from recipes import COURSE, trainer_config
from trainer import Trainer

MATRIX = {"cuda": 8192}  # edge of the square matrices whose product gives the device's rate
EDGE = 2048  # on other devices


class WholeBatches(Dataset):
    """The first documents of a corpus, as many as fill whole batches: steps of equal size."""

    def __init__(self, corpus: CharCorruptionDataset, batch_size: int):
        self.size = len(corpus) // batch_size * batch_size
        if not self.size:
            raise UserError(
                f"batch_size {batch_size}: the corpus has only {len(corpus)} documents; "
                "choose a smaller one"
            )
        self.row_length, self.batch = corpus.row_length, corpus.batch
        self.vocab_size, self.longest = corpus.vocab_size, corpus.longest

    def __len__(self) -> int:
        return self.size


def load_data(args: argparse.Namespace) -> WholeBatches:
    """The corpus of `args`, as span corruption."""
    (path,) = find_files(args.corpus)
    return WholeBatches(CharCorruptionDataset(read_text(path), args.block_size), args.batch_size)


def build_trainer(args: argparse.Namespace, data: WholeBatches, **settings) -> Trainer:
    """Our trainer, ready to step, with the course's pretraining recipe and other `settings`."""
    torch.manual_seed(settings.get("seed", 7))
    sizes = {name: getattr(args, name) for name in COURSE_SIZES}
    config = trainer_config(
        COURSE["pretrain"],
        documents=len(data),
        block_size=args.block_size,
        batch_size=args.batch_size,
        device=args.device,
        parts=args.parts,
        **settings,
    )
    trainer = Trainer(GPT(GPTConfig(data.vocab_size, **sizes)), data, None, config)
    trainer.prepare()
    return trainer


def real_lengths(pieces: list[tuple[Tensor, Tensor]]) -> Tensor:
    """T of every row of a batch, on the CPU."""
    return torch.cat([(y != PAD).sum(1) for _, y in pieces]).cpu()


def training_flops(lengths: Tensor, args: argparse.Namespace, vocab_size: int) -> int:
    """Arithmetic that training on rows of `lengths` real positions needs, padding not counted.

    A multiply and an add are two. Forward, 2 W for each position, W being the weights of the linear
    layers (12 C^2 a layer, C V in the head), and 4 C for each pair of a position and one that it
    sees (scores and weighted sum), of which a row has T (T + 1) / 2. Backward costs twice that. So:
    6 W sum(T) + 6 layers C sum(T (T + 1)).
    """
    C = args.n_embd
    weights = 12 * C * C * args.n_layer + C * vocab_size
    pairs = int((lengths * (lengths + 1)).sum())
    return 6 * weights * int(lengths.sum()) + 6 * args.n_layer * C * pairs


def synchronise(device: torch.device) -> None:
    """Wait until the device has done what it was asked."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def timed(action: Callable[[], object], device: torch.device) -> float:
    """Seconds that `action` takes on the device."""
    synchronise(device)
    start = time.perf_counter()
    action()
    synchronise(device)
    return time.perf_counter() - start


def native_dtypes(device: torch.device) -> list[torch.dtype]:
    """The dtypes in which the device multiplies by instructions of its own."""
    bf16 = [torch.bfloat16] if machine.multiplies_bf16(device) else []
    return [torch.float32, *bf16]


def product_rate(dtype: torch.dtype, device: torch.device, repeats: int = 5) -> float:
    """FLOP/s of a product of two square matrices: the median of `repeats`."""
    edge = MATRIX.get(device.type, EDGE)
    a = torch.randn(edge, edge, device=device).to(dtype)
    b = torch.randn(edge, edge, device=device).to(dtype)
    seconds = [timed(lambda: a @ b, device) for _ in range(repeats + 1)]
    return 2 * edge**3 / median(seconds[1:])


def reset_peak_memory(device: torch.device) -> None:
    """Let peak_memory count from now on: on CUDA, and on Linux where the kernel allows it."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # man 5 proc: the peak resident size becomes the present one


def peak_memory(device: torch.device) -> int | None:
    """Most bytes that this process has held: tensors on CUDA, resident pages on Linux, else None.

    Not getrusage: its ru_maxrss is inherited from the process that started this one.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        with open("/proc/self/status", encoding="utf-8") as file:
            kilobytes = next(line.split()[1] for line in file if line.startswith("VmHWM"))
    except (OSError, StopIteration):
        return None
    return int(kilobytes) * 1024
