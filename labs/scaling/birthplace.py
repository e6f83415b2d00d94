"""The birthplace GPT for labs/scaling: a size, pretrained until its FLOPs are spent.

Span corruption as in the course, at a constant rate, without dropout; scored by the loss of
documents held out.
"""

import contextlib
import math
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

import utils
from base.files import find_files, read_text
from dataset import PAD, CharCorruptionDataset
from labs.common import flops
from model import GPT, GPTConfig
from trainer import Trainer
from training.config import TrainerConfig
from training.runlog import RunLog

SIZES = (32, 48, 64, 96, 128, 192)  # channels; the course has 256
BUDGETS = (5e11, 1e12, 2e12, 4e12, 8e12)
SIZE_NAME, SCORE_NAME = "channels", "loss of held-out documents, nats per character"
HELD = 10  # every tenth document is held out
LAYERS, HEADS, BLOCK = 4, 8, 128
SPARE = 1.5  # times the steps that the mean row asks for: the run ends at the last mark


@dataclass(frozen=True)
class Settings:
    """What a run is made of. `size`: channels; `marks`: FLOPs at which to measure."""

    size: int
    marks: tuple[float, ...]
    batch_size: int = 64
    learning_rate: float = 1e-3
    seed: int = 0


class Enough(Exception):
    """The last mark is measured."""


class Counted:
    """The rows `kept` of a dataset; counts the FLOPs and the characters of what it gives.

    A row counts up to its last character: its padding is no work that has to be done.
    """

    def __init__(self, dataset, kept: Tensor, model: GPT):
        self.dataset, self.kept, self.config = dataset, kept, model.config
        self.row_length = dataset.row_length
        self.flops = self.tokens = 0

    def __len__(self) -> int:
        return len(self.kept)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        return self.dataset[int(self.kept[idx])]

    def batch(self, indices: Tensor, epoch: int, device: torch.device, parts: int = 1):
        pairs = self.dataset.batch(self.kept[indices], epoch, device, parts)
        for x, _ in pairs:
            for length in row_lengths(x):
                self.flops += self.flops_of(length)
                self.tokens += length
        return pairs

    def flops_of(self, length: int) -> int:
        c = self.config
        return flops.gpt(c.n_embd, c.n_layer, c.vocab_size, length)

    def mean_flops(self, rows: int = 512) -> float:
        """FLOPs of a row, on average over the first ones, which are not counted."""
        some = self.kept[:rows]
        pairs = self.dataset.batch(some, 0, torch.device("cpu"), 1)
        return sum(self.flops_of(n) for x, _ in pairs for n in row_lengths(x)) / len(some)


def row_lengths(x: Tensor) -> list[int]:
    """Characters of each row of x (B, T), padding at the end left out."""
    return (x != PAD).sum(1).tolist()


def small_gpt(vocabulary: int, channels: int) -> GPT:
    drop = {f"{name}_pdrop": 0.0 for name in ("embd", "attn", "resid")}
    return GPT(GPTConfig(vocabulary, BLOCK, n_layer=LAYERS, n_head=HEADS, n_embd=channels, **drop))


def train(model: GPT, data: Counted, settings: Settings, score, **how) -> list[dict]:
    """Train until the last of the marks, with TrainerConfig settings `how`: {flops, tokens, score}
    at the first step that passes a mark, where score(model) is measured."""
    curve: list[dict] = []
    per_step = data.mean_flops() * settings.batch_size
    steps = math.ceil(SPARE * settings.marks[-1] / per_step)

    def evaluate(model: GPT) -> dict[str, float]:
        if sum(mark <= data.flops for mark in settings.marks) > len(curve):
            curve.append({"flops": data.flops, "tokens": data.tokens, "score": score(model)})
            print(f"{data.flops:.3g} FLOPs: {curve[-1]['score']:.3f}", flush=True)
        if data.flops >= settings.marks[-1]:
            raise Enough
        return {}

    config = TrainerConfig(
        max_steps=steps, batch_size=settings.batch_size, learning_rate=settings.learning_rate,
        shuffle=True, seed=settings.seed, evaluate=evaluate, eval_every=1,
        log=RunLog(silent=True), **how,
    )  # fmt: skip
    with contextlib.suppress(Enough):
        Trainer(model, data, None, config).train()
    return curve


def corpus() -> tuple[CharCorruptionDataset, Tensor, Tensor]:
    """The documents, and the indices of those to train on and of those held out."""
    (path,) = find_files("wiki.txt")
    documents = CharCorruptionDataset(read_text(path), BLOCK)
    numbers = torch.arange(len(documents))
    return documents, numbers[numbers % HELD != 0], numbers[numbers % HELD == 0]


@torch.no_grad()
def held_out_loss(model: GPT, documents: CharCorruptionDataset, held: Tensor) -> float:
    """Mean loss over all targets of the held-out documents, each corrupted once, always alike."""
    device, total, count = model.head.weight.device, 0.0, 0
    for indices in held.split(64):
        for x, y in documents.batch(indices, 0, device):
            total += float(model.loss_sum(x, y))
            count += int((y != PAD).sum())
    return total / count


def run(settings: Settings) -> dict:
    documents, kept, held = corpus()
    utils.set_seed(settings.seed)
    model = small_gpt(documents.vocab_size, settings.size)
    data = Counted(documents, kept, model)
    curve = train(model, data, settings, lambda model: held_out_loss(model, documents, held))
    parameters = sum(p.numel() for p in model.parameters())
    return asdict(settings) | {"parameters": parameters, "curve": curve}
