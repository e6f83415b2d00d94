"""The training loop: optimizer, clipping, rates by positions, lengths by time, checkpoints.

It knows nothing of GPTs, names or characters: a model gives `logits, loss = model(x, y)` (and
`loss_sum(x, y)` where it has a cheaper way), a dataset gives rows (and whole batches where it can).
"""

import contextlib
import itertools
import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader

from base.errors import UserError
from base.machine import keep_memory
from base.tensors import clean_names, save_tensors
from training import distributed
from training.checkpoint import load_checkpoint
from training.device import compile_step, pick_device, pick_precision, should_compile
from training.loss import LossSum, count_targets
from training.optimizers import OPTIMIZERS, build_optimizer
from training.runlog import RunLog
from training.threads import PieceThreads

SCHEDULES = ("course", "cosine", "linear")
UNTIMED_STEPS, TIMED_STEPS = 5, 20  # of a run with max_minutes: the first are slow
TIME_SHARE = 0.97  # of the time left that is filled with steps
LONG_SHARE = 0.05  # of all the time: after as much, steps are counted anew, however few they were
PIECES = {"cpu": 8}  # of a batch: the less padding, the more calls, which is what a GPU waits for
FEW_PIECES = 2  # on other devices
ROWS_A_PIECE = 16  # a batch's pieces are not smaller: below it, calls cost more than padding


@dataclass
class TrainerConfig:
    """Settings of a run; the first block carries the course's names."""

    max_epochs: int = 10
    batch_size: int = 64
    learning_rate: float = 3e-4
    betas: tuple[float, float] = (0.9, 0.95)
    grad_norm_clip: float = 1.0
    weight_decay: float = 0.1  # not for parameters with "bias" in their name
    lr_decay: bool = False
    warmup_tokens: float = 375e6  # positions, padding included, over which the rate rises
    final_tokens: float = 260e9  # positions at which the course's schedule has its minimum
    num_workers: int = 0  # for datasets that make no batches of their own
    ckpt_path: str | None = None  # where save_checkpoint writes the state_dict

    schedule: str = "course"  # see rate_factor
    optimizer: str = "adamw"  # or "muon": for the hidden matrices, with AdamW for the rest
    muon_learning_rate: float = 0.02
    max_steps: int | None = None  # instead of max_epochs; the schedule shrinks or grows with it
    max_minutes: float | None = None  # instead of either: as many steps as fit, from `began` on
    began: float | None = None  # time.monotonic() at which max_minutes started; None: prepare()
    snapshots: int = 0  # how often, evenly over the run, `on_snapshot` is called
    on_snapshot: Callable[[int], None] | None = None  # with the number of steps done
    shuffle: bool = False
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    compile: str = "auto"
    parts: int | None = None  # length-sorted pieces, at most, of a batch; None: see PIECES
    checkpoint_path: str | None = None
    checkpoint_minutes: float = 10.0
    resume: bool = False
    log: RunLog | None = None
    identity: dict | None = None  # what a checkpoint must share with the run that resumes it


def rate_factor(config: TrainerConfig, tokens: float, run_tokens: float) -> float:
    """Learning rate, as a share of the highest, after `tokens` positions of `run_tokens`.

    "course": a cosine that comes back up after final_tokens; "cosine": one that reaches 10 % as the
    run ends; "linear": a rise over warmup_tokens (at most a twentieth of the run), constant, then
    falling to zero over the last half of the run.
    """
    if not config.lr_decay:
        return 1.0
    if config.schedule == "linear":
        rise = max(1, min(config.warmup_tokens, run_tokens / 20))
        return min(1.0, tokens / rise, 2 * (1 - tokens / run_tokens))
    if tokens < config.warmup_tokens:
        return tokens / max(1, config.warmup_tokens)
    final = config.final_tokens if config.schedule == "course" else run_tokens
    progress = (tokens - config.warmup_tokens) / max(1, final - config.warmup_tokens)
    if config.schedule == "course":
        return max(0.1, 0.5 * (1.0 + math.cos(math.pi * progress)))
    return 0.1 + 0.45 * (1.0 + math.cos(math.pi * min(1.0, progress)))


class Trainer:
    """Trains `model` on `train_dataset`. Building one does nothing yet; `train()` runs it.

    The order of examples, what they look like and which units dropout drops are functions of the
    seed and the step, so a run that was interrupted and resumed ends as one that was not.
    """

    def __init__(self, model: nn.Module, train_dataset, test_dataset, config: TrainerConfig):
        if config.schedule not in SCHEDULES:
            raise UserError(f"unknown schedule {config.schedule!r}; choose from {SCHEDULES}")
        if config.optimizer not in OPTIMIZERS:
            raise UserError(f"unknown optimizer {config.optimizer!r}; choose from {OPTIMIZERS}")
        if config.batch_size < distributed.world_size():
            raise UserError(
                f"batch_size {config.batch_size} is smaller than the number of processes, "
                f"{distributed.world_size()}; start fewer"
            )
        self.model = model
        self.train_dataset = train_dataset
        self.test_dataset = test_dataset
        self.config = config
        self.device = pick_device(
            config.device, distributed.local_rank(), distributed.local_world_size()
        )
        self.dtype = pick_precision(config.precision, self.device)
        self.parts = config.parts or PIECES.get(self.device.type, FEW_PIECES)
        self.steps_per_epoch = math.ceil(len(train_dataset) / config.batch_size)
        self.planned_steps = self.steps_per_epoch * config.max_epochs
        self.total_steps = config.max_steps or self.planned_steps
        if config.max_minutes is not None:
            self.total_steps += 2 * (UNTIMED_STEPS + TIMED_STEPS)  # until it is fitted
        self.threads: PieceThreads | None = None
        self.log = config.log or RunLog()
        self.stop_signal: int | None = None

    # -- the loop ------------------------------------------------------------------------------

    def train(self) -> None:
        """Run to the last step, from the checkpoint if the config says resume."""
        self.prepare()
        first = self.first_step = self.restore() if self.config.resume else 0
        self.snapshots_taken = first * self.config.snapshots // self.total_steps
        if distributed.is_main():
            self.log.start(self.total_steps, first, self.device, self.settings())
        try:
            with self.catching_signals():
                self.run_from(first)
                if first < self.total_steps:  # whoever writes the params may fail, and try again
                    with going_on():
                        self.save_progress(self.total_steps)
        finally:
            if self.threads:
                self.threads.close()
            self.log.close()
        if distributed.is_main():
            self.save_checkpoint()

    def run_from(self, first: int) -> None:
        """Step `first` and all that follow it."""
        last_save = time.monotonic()
        batches, step = self.batches(first), first
        while step < self.total_steps:
            loss, targets, rate = self.step(step, next(batches))
            self.record(step, loss, targets, rate)
            self.fit_to_time(step + 1 - first)
            self.take_snapshot(step + 1)
            if self.stopping(step):
                self.save_progress(step + 1)
                distributed.total(torch.zeros(()))  # who leaves has torchrun end the others
                raise KeyboardInterrupt(f"step {step + 1} is saved; --resume goes on from it")
            if time.monotonic() - last_save >= 60 * self.config.checkpoint_minutes:
                with going_on():
                    self.save_progress(step + 1)
                last_save = time.monotonic()
            step += 1

    def step(self, step: int, pieces: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor, float]:
        """Forward, backward, clip, update: the loss, its number of targets and the rate used."""
        config = self.config
        torch.manual_seed(self.step_seed(step))
        factor = self.rate_factor(step)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * factor
        targets = distributed.total(sum(count_targets(self.model, y) for _, y in pieces))
        if self.threads and self.threads.suit(self.loss_sum, pieces):
            loss = self.threads.backward(self.loss_sum, pieces, targets)
        else:
            loss = self.tried_backward(step, pieces, targets)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.grad_norm_clip)
        self.optimizer.step(self.threads.pool.map if self.threads else map)
        self.optimizer.zero_grad(set_to_none=True)
        return distributed.total(loss), targets, config.learning_rate * factor

    def backward(self, pieces: list[tuple[Tensor, Tensor]], targets: Tensor) -> Tensor:
        """Gradients of the mean loss over `targets`, piece after piece; the loss."""
        loss = torch.zeros((), device=self.device)
        for i, (x, y) in enumerate(pieces):
            with self.gradients_meet(last=i == len(pieces) - 1):
                part = self.loss_sum(x, y) / targets
                (part * distributed.world_size()).backward()
            loss += part.detach()
        return loss

    def tried_backward(self, step: int, pieces: list, targets: Tensor) -> Tensor:
        """As `backward`, without compiling where a step that "auto" compiled fails.

        Of several processes, in the first step only: there they all fail alike.
        """
        try:
            loss = self.backward(pieces, targets)
        except Exception as error:  # a compiler's failures have no common class
            if not self.may_fall_back:
                raise
            reason = " ".join([type(error).__name__, *str(error).splitlines()[:2]])
            print(f"not compiling: {reason} (the same results, more slowly)")
            self.build_loss_sum(compiled=False)
            self.may_fall_back = False
            if distributed.is_main():
                with going_on():
                    self.log.correct(compiled=False)
        else:
            self.may_fall_back = self.may_fall_back and distributed.world_size() == 1
            return loss
        self.optimizer.zero_grad(set_to_none=True)
        torch.manual_seed(self.step_seed(step))
        return self.backward(pieces, targets)

    # -- before the loop -----------------------------------------------------------------------

    def prepare(self) -> None:
        """Model to its device, optimizer, the function that computes the loss."""
        self.began = time.monotonic() if self.config.began is None else self.config.began
        self.started = self.began  # that of this process, where it goes on
        if self.device.type == "cpu":
            keep_memory()
        self.model.to(self.device).train()
        self.optimizer = build_optimizer(self.model, self.config)
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]
        self.build_loss_sum(should_compile(self.config.compile, self.device))
        self.may_fall_back = self.compiled and self.config.compile == "auto"
        alone = distributed.world_size() == 1 and self.device.type == "cpu" and not self.compiled
        pieces = self.count_pieces(min(self.config.batch_size, len(self.train_dataset)))
        if alone and min(pieces, torch.get_num_threads()) > 1:
            self.threads = PieceThreads(self.model, pieces)

    def build_loss_sum(self, compiled: bool) -> None:
        """What gives a piece's loss: shared among the processes, compiled where that is asked."""
        self.compiled = compiled
        self.loss_sum: nn.Module = LossSum(self.model, self.dtype, self.device)
        if distributed.world_size() > 1:
            self.loss_sum = DistributedDataParallel(self.loss_sum)
        if compiled:
            self.loss_sum = compile_step(self.loss_sum, self.device)

    def rate_factor(self, step: int) -> float:
        """Share of the highest rates that `step` uses.

        The course's first step uses all of it, the others the rate of the positions before them;
        "linear" counts to the middle of the step. In a run of max_steps or max_minutes the other
        schedules shrink or grow with it.
        """
        config, before, run = self.config, self.positions(step), self.positions(self.total_steps)
        if config.schedule == "linear":
            return rate_factor(config, (before + self.positions(step + 1)) / 2, run)
        if step == 0:
            return 1.0
        own_length = config.max_minutes is not None or config.max_steps is not None
        stretch = self.total_steps / self.planned_steps if own_length else 1.0
        return rate_factor(config, before / stretch, run / stretch)

    def positions(self, step: int) -> int:
        """Positions, padding included, that the first `step` steps go through: what the course's
        schedule counts."""
        epochs, rest = divmod(step, self.steps_per_epoch)
        size = len(self.train_dataset)
        rows = epochs * size + min(size, rest * self.config.batch_size)
        if not hasattr(self, "row_length"):
            dataset = self.train_dataset
            self.row_length = getattr(dataset, "row_length", None) or dataset[0][1].numel()
        return rows * self.row_length

    def step_seed(self, step: int) -> int:
        """Seeds dropout: another one for every step and process."""
        key = (self.config.seed * 1_000_003 + step) * 1_009 + distributed.rank()
        return key % 2**63

    # -- how long ------------------------------------------------------------------------------

    def fit_to_time(self, done: int) -> None:
        """With max_minutes, after this process's first `done` steps: how many the run has.

        The main process counts and tells the others.
        """
        if self.config.max_minutes is None:
            return
        counted = self.count_steps(done) if distributed.is_main() else 0
        counted = int(distributed.total(torch.tensor(counted)))
        if counted:
            self.total_steps = counted
            if distributed.is_main():
                self.log.set_length(counted)

    def count_steps(self, done: int) -> int:
        """The steps that fit into max_minutes; 0 while there is nothing new to say of them.

        Told by the time of the first ones, then again and again: machines have other work at times.
        The first few are slow and tell nothing, unless they take long; no step begins too late.
        """
        budget, steps = 60 * self.config.max_minutes, self.first_step + done
        deadline, now = self.began + budget, time.monotonic()
        if now >= deadline:
            return steps
        if done == 1 or (done == UNTIMED_STEPS and self.timed_at == 1):
            self.timed_from, self.timed_at = self.clock(), done
            self.next_fit = UNTIMED_STEPS + TIMED_STEPS
            return 0
        long = LONG_SHARE * budget
        early = steps == self.total_steps and deadline - now > long  # steps became faster
        if done < self.next_fit and now - self.timed_from < long and not early:
            return 0
        now = self.clock()
        left = max(0.0, deadline - now)
        more = left * TIME_SHARE * (done - self.timed_at) / (now - self.timed_from)
        self.timed_from, self.timed_at = now, done
        self.next_fit = done + max(TIMED_STEPS, self.total_steps // 20 if done > TIMED_STEPS else 0)
        return steps + int(more)

    def clock(self) -> float:
        """The time at which all that was asked of the device is done."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        if self.device.type == "mps":
            torch.mps.synchronize()
        return time.monotonic()

    def take_snapshot(self, done: int) -> None:
        """Call on_snapshot after each `1 / snapshots` of the run."""
        due = done * self.config.snapshots // self.total_steps
        if due > self.snapshots_taken and distributed.is_main() and self.config.on_snapshot:
            with going_on():
                self.config.on_snapshot(done)
        self.snapshots_taken = max(due, self.snapshots_taken)

    # -- data ----------------------------------------------------------------------------------

    def batches(self, first: int) -> Iterator[list[tuple[Tensor, Tensor]]]:
        """The pieces of every batch from step `first` on, of this process's share of its rows."""
        config = self.config
        for epoch in itertools.count(first // self.steps_per_epoch):
            chunks = self.order(epoch).split(config.batch_size)
            if epoch == first // self.steps_per_epoch:
                chunks = chunks[first % self.steps_per_epoch :]
            shares = [chunk[distributed.rank() :: distributed.world_size()] for chunk in chunks]
            filled = [
                share if len(share) else chunk[:1]
                for share, chunk in zip(shares, chunks, strict=True)
            ]
            if hasattr(self.train_dataset, "batch"):
                found = (self.own_batch(rows, epoch) for rows in filled)
            else:
                found = self.loaded(self.train_dataset, filled, epoch)
            for share, pieces in zip(shares, found, strict=True):
                yield pieces if len(share) else [self.without_targets(*piece) for piece in pieces]

    def own_batch(self, rows: Tensor, epoch: int) -> list[tuple[Tensor, Tensor]]:
        """A batch that the dataset makes, in pieces."""
        return self.train_dataset.batch(rows, epoch, self.device, self.count_pieces(len(rows)))

    def count_pieces(self, rows: int) -> int:
        """How many pieces a batch of so many rows is computed in."""
        if not hasattr(self.train_dataset, "batch"):
            return 1
        return min(self.parts, math.ceil(rows / ROWS_A_PIECE))

    def without_targets(self, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """A piece whose targets do not count: for a process that has no rows of a batch."""
        return x, torch.full_like(y, getattr(self.model, "ignore_index", -100))

    def order(self, epoch: int) -> Tensor:
        """Indices of the examples in the order of `epoch`."""
        if not self.config.shuffle:
            return torch.arange(len(self.train_dataset))
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch)
        return torch.randperm(len(self.train_dataset), generator=generator)

    def loaded(self, dataset, shares: list[Tensor], epoch: int) -> Iterator[list]:
        """Batches of a dataset that only has rows, through a DataLoader."""
        loader = DataLoader(
            dataset,
            batch_sampler=[share.tolist() for share in shares],
            num_workers=self.config.num_workers,
            pin_memory=self.device.type == "cuda",
            generator=torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch),
        )
        for x, y in loader:
            yield [(x.to(self.device, non_blocking=True), y.to(self.device, non_blocking=True))]

    # -- several processes ---------------------------------------------------------------------

    def gradients_meet(self, last: bool) -> contextlib.AbstractContextManager:
        """Processes exchange gradients in the last piece of a step only."""
        if distributed.world_size() == 1 or last:
            return contextlib.nullcontext()
        return self.loss_sum.no_sync()

    def stopping(self, step: int) -> bool:
        """Whether to stop after this step: all processes agree on it (on GPUs, now and then)."""
        if distributed.world_size() == 1:
            return self.stop_signal is not None
        if self.device.type != "cpu" and step % 8:
            return False
        return bool(distributed.total(torch.tensor(int(self.stop_signal is not None))))

    # -- what stays of a run -------------------------------------------------------------------

    def record(self, step: int, loss: Tensor, targets: Tensor, rate: float) -> None:
        """Hand the step to the log; at the end of an epoch, with the loss on the test set."""
        epoch, last = divmod(step + 1, self.steps_per_epoch)
        row = {"step": step, "epoch": step // self.steps_per_epoch, "loss": loss, "rate": rate}
        row |= {"positions": self.positions(step + 1), "targets": targets}
        if self.test_dataset is not None and last == 0:
            row["test_loss"] = self.test_loss(epoch - 1)
        if distributed.is_main():
            self.log.record(**row)

    @torch.no_grad()
    def test_loss(self, epoch: int) -> float:
        """Mean loss over the targets of the test set, without dropout."""
        self.model.eval()
        loss_sum = LossSum(self.model, self.dtype, self.device)
        shares = torch.arange(len(self.test_dataset)).split(self.config.batch_size)
        if hasattr(self.test_dataset, "batch"):
            batches = (self.test_dataset.batch(s, epoch, self.device) for s in shares)
        else:
            batches = self.loaded(self.test_dataset, list(shares), epoch)
        sums = [
            (loss_sum(x, y).item(), count_targets(self.model, y).item())
            for pieces in batches
            for x, y in pieces
        ]
        self.model.train()
        return sum(loss for loss, _ in sums) / max(1, sum(count for _, count in sums))

    def save_checkpoint(self) -> None:
        """Write the state_dict to config.ckpt_path, where there is one."""
        if self.config.ckpt_path is not None:
            save_tensors(clean_names(self.model.state_dict()), self.config.ckpt_path)

    def save_progress(self, step: int) -> None:
        """Write the checkpoint from which a run resumes at `step`."""
        if self.config.checkpoint_path is None or not distributed.is_main():
            return
        self.log.flush()
        content = {
            "identity": self.identity(),
            "step": step,
            "total_steps": self.total_steps,
            "parts": self.parts,
            "seconds": time.monotonic() - self.began,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "log_folder": str(self.log.folder) if self.log.folder else None,
        }
        save_tensors(content, self.config.checkpoint_path)

    def restore(self) -> int:
        """Load the checkpoint; the step to go on with."""
        path = self.config.checkpoint_path
        if path is None:
            raise UserError("nothing to resume from: the run has no checkpoint_path; set one")
        content = load_checkpoint(path, self.identity())
        self.model.load_state_dict(content["model"])
        self.optimizer.load_state_dict(content["optimizer"])
        self.total_steps, self.parts = content["total_steps"], content["parts"]
        self.began = time.monotonic() - content["seconds"]
        self.log.go_on_in(content["log_folder"])
        return content["step"]

    def settings(self) -> dict:
        """All settings of the run, "auto" ones as they were decided; seconds up to its first step.
        """
        left_out = ("log", "identity", "on_snapshot", "began", "resume")
        names = [field.name for field in fields(self.config) if field.name not in left_out]
        own = {name: getattr(self.config, name) for name in names}
        found = {"parts": self.parts, "compiled": self.compiled}
        seconds = round(time.monotonic() - self.started, 3)
        return own | self.identity() | found | {"startup_seconds": seconds}

    def identity(self) -> dict:
        """What a resumed run must have in common with the one that wrote the checkpoint."""
        names = ("max_epochs", "batch_size", "learning_rate", "grad_norm_clip", "weight_decay")
        names += ("lr_decay", "warmup_tokens", "final_tokens", "schedule", "shuffle", "seed")
        names += ("parts", "optimizer", "muon_learning_rate", "max_steps", "max_minutes")
        own = {name: getattr(self.config, name) for name in names}
        own |= {"betas": list(self.config.betas), "precision": str(self.dtype)}
        own |= {"processes": distributed.world_size(), "examples": len(self.train_dataset)}
        return own | (self.config.identity or {})

    @contextlib.contextmanager
    def catching_signals(self) -> Iterator[None]:
        """With a checkpoint to write, SIGINT and SIGTERM end the run after the step in hand."""
        if self.config.checkpoint_path is None or (
            threading.current_thread() is not threading.main_thread()
        ):
            yield
            return

        def remember(number, frame):
            self.stop_signal = number
            if distributed.world_size() == 1:  # torchrun sends a second one of its own
                signal.signal(number, before[number])  # which does not wait for the step

        signals = (signal.SIGINT, signal.SIGTERM)
        before = {number: signal.getsignal(number) for number in signals}
        for number in signals:
            signal.signal(number, remember)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


@contextlib.contextmanager
def going_on() -> Iterator[None]:
    """What could not be written on the way, a full disk say, costs a line, not the run."""
    try:
        yield
    except UserError as error:
        print(f"{error}; the run goes on", flush=True)
