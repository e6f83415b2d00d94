"""Training of the encoder-decoder: Adam, a rate that decays every epoch, early stopping."""

import copy
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from base.machine import keep_memory
from labs.pig_latin import flops
from labs.pig_latin.data import Batch, Buckets, Pair, padded_batch
from labs.pig_latin.model import EncoderDecoder
from training.device import pick_device


@dataclass
class Training:
    """How to train. It ends after `epochs`, after `patience` measurements without a lower
    validation loss, at the last of the `marks`, or where the validation loss reaches `target`.

    `marks`: FLOPs at which to measure; `measure_every`: steps after which to; without either it is
    every epoch. `padded`: batches are drawn from all pairs, so that each has exactly batch_size of
    them, instead of pairs of equal lengths.
    """

    batch_size: int = 64
    epochs: int = 50
    patience: int = 20
    learning_rate: float = 5e-4
    decay: float = 0.99  # of the learning rate, an epoch
    seed: int = 0
    marks: Sequence[float] = ()
    measure_every: int | None = None
    padded: bool = False
    target: float | None = None


def until_spent(settings, marks: Sequence[float]) -> Training:
    """Training until the last of the marks, at a constant rate; `settings` has batch_size,
    learning_rate and seed."""
    never = 10**9
    return Training(settings.batch_size, never, never, settings.learning_rate, decay=1.0,
                    seed=settings.seed, marks=marks)  # fmt: skip


@torch.no_grad()
def validation_loss(model: EncoderDecoder, batches: list[Batch]) -> dict[str, float]:
    """Cross-entropy in nats: `validation`, the mean over all target symbols; `by_batch`, the mean
    of the batches' means, which is what the handout's program prints."""
    device, means, total, count = model.out.weight.device, [], 0.0, 0
    for batch in batches:
        loss, symbols = float(model.losses(batch.to(device)).sum()), batch.symbols()
        means.append(loss / symbols)
        total, count = total + loss, count + symbols
    return {"validation": total / count, "by_batch": sum(means) / len(means)}


def padded_batches(pairs: list[Pair], size: int, generator: torch.Generator):
    """All pairs once, `size` a batch of any lengths, shuffled by the generator."""
    for rows in torch.randperm(len(pairs), generator=generator).split(size):
        yield padded_batch([pairs[i] for i in rows.tolist()])


def epochs_of(pairs: list[Pair], how: Training):
    """The batches of one epoch after the other, without end."""
    generator = torch.Generator().manual_seed(how.seed)
    buckets = Buckets(pairs)
    while True:
        if how.padded:
            yield padded_batches(pairs, how.batch_size, generator)
        else:
            yield buckets.batches(how.batch_size, generator)


def adam(model: torch.nn.Module, learning_rate: float) -> torch.optim.Adam:
    """Adam in one kernel for all weights; weight by weight it takes a third of a small step."""
    return torch.optim.Adam(model.parameters(), lr=learning_rate, fused=True)


def step_flops(model: EncoderDecoder, batch: Batch) -> int:
    one = flops.encoder_decoder(model.sizes, batch.source.shape[1], batch.target.shape[1])
    return len(batch.source) * one


def train_step(model: EncoderDecoder, optimizer: torch.optim.Optimizer, batch: Batch) -> float:
    """One step on the mean loss of the target symbols; that loss."""
    loss = model.losses(batch).sum() / batch.symbols()
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()
    return float(loss.detach())


class Stop(Exception):
    """The run has what it wanted."""


class Run:
    """A run and its curve: a list of measurements, each {steps, epoch, examples, flops, seconds,
    training, validation, by_batch}. `on_measured(model, measurement)` is called after each."""

    def __init__(self, model: EncoderDecoder, train: list[Pair], held: list[Pair], how: Training,
                 on_measured=lambda model, row: None):  # fmt: skip
        self.device = pick_device("auto")
        if self.device.type == "cpu":
            keep_memory()
        self.model, self.how, self.on_measured = model.to(self.device), how, on_measured
        self.train_pairs = train
        self.validation = [padded_batch(held)] if how.padded else Buckets(held).batches(512)
        self.optimizer = adam(model, how.learning_rate)
        self.steps = self.epoch = self.examples = self.tokens = self.flops = 0
        self.seconds = 0.0  # of training steps alone
        self.recent: list[float] = []
        self.curve: list[dict] = []
        self.best = (float("inf"), copy.deepcopy(model.state_dict()))
        self.waited = 0

    def run(self) -> list[dict]:
        """Train; the model is left with the weights of its lowest validation loss."""
        try:
            for batches in epochs_of(self.train_pairs, self.how):
                self.one_epoch(batches)
                if self.epoch >= self.how.epochs or self.waited >= self.how.patience:
                    break
        except Stop:
            pass
        self.model.load_state_dict(self.best[1])
        return self.curve

    def one_epoch(self, batches) -> None:
        for batch in batches:
            began = time.perf_counter()
            self.recent.append(train_step(self.model, self.optimizer, batch.to(self.device)))
            self.seconds += time.perf_counter() - began
            self.count(batch)
            if self.is_due():
                self.measure()
            if self.how.marks and self.flops >= self.how.marks[-1]:
                raise Stop
        self.epoch += 1
        for group in self.optimizer.param_groups:
            group["lr"] *= self.how.decay
        if not self.how.marks and not self.how.measure_every:
            self.measure()

    def count(self, batch: Batch) -> None:
        self.steps += 1
        self.examples += len(batch.source)
        self.tokens += batch.symbols()
        self.flops += step_flops(self.model, batch)

    def is_due(self) -> bool:
        if self.how.measure_every:
            return self.steps % self.how.measure_every == 0
        passed = sum(mark <= self.flops for mark in self.how.marks)
        return bool(self.how.marks) and passed > len(self.curve)

    def measure(self) -> None:
        row = {"steps": self.steps, "epoch": self.epoch, "examples": self.examples,
               "tokens": self.tokens, "flops": self.flops, "seconds": round(self.seconds, 3),
               "training": sum(self.recent) / len(self.recent)}  # fmt: skip
        row |= validation_loss(self.model, self.validation)
        self.recent = []
        self.curve.append(row)
        self.waited += 1
        if row["validation"] < self.best[0]:
            self.best, self.waited = (row["validation"], copy.deepcopy(self.model.state_dict())), 0
        self.on_measured(self.model, row)
        print(f"step {row['steps']}: training {row['training']:.3f}, "
              f"validation {row['validation']:.3f}", flush=True)  # fmt: skip
        if self.how.target is not None and row["validation"] <= self.how.target:
            raise Stop
