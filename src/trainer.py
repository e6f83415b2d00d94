"""The training loop. It knows nothing of GPTs, names or characters.

A model gives `logits, loss = model(x, y)` (and `loss_sum(x, y)` where it has a cheaper way), a
dataset gives rows (and whole batches where it can). TrainerConfig is in training/config.py; what a
step is made of is in training/ too: feed (batches), gradients, optimizers, schedule (learning
rate), budget (minutes), signals.
"""

import contextlib
import time
from typing import NamedTuple

import torch
from torch import Tensor, nn

from base.errors import UserError
from base.machine import keep_memory
from base.tensors import clean_names, save_tensors
from training import checkpoint, distributed, trial
from training.budget import TimeBudget
from training.checkpoint import survive_failed_writes
from training.config import (
    TrainerConfig,
    check_settings,
    settings_to_log,
    settings_to_share,
)
from training.device import pick_precision
from training.feed import Feed
from training.gradients import Gradients, make_loss, mean_loss
from training.optimizers import Together, build_optimizer
from training.runlog import Diverged, RunLog
from training.schedule import lr_multiplier_at_step
from training.signals import Stopped, StopSignals

FITTING_STEPS = 50  # of a run of max_minutes, before its length is known


class Step(NamedTuple):
    """What a step gives: mean loss, the number of targets that it is a mean of, the learning rate,
    and the gradient's norm before clipping."""

    loss: Tensor
    targets: Tensor
    rate: float
    grad_norm: Tensor


class Trainer:
    """Trains `model` on `train_dataset`. Building one does nothing yet; `train()` runs it.

    The order of examples, what they look like and which units dropout drops are functions of the
    seed and the step, so a run that was interrupted and resumed ends as one that was not.
    """

    def __init__(self, model: nn.Module, train_dataset, test_dataset, config: TrainerConfig):
        check_settings(config)
        if config.eval_every and not config.evaluate:
            raise UserError("eval_every has nothing to call; give TrainerConfig an `evaluate` too")
        if config.batch_size < distributed.world_size():
            raise UserError(
                f"batch_size {config.batch_size} is smaller than the number of processes, "
                f"{distributed.world_size()}; start fewer"
            )
        self.model, self.config = model, config
        self.train_dataset, self.test_dataset = train_dataset, test_dataset
        self.device, self.dtype, self.feed = self.on_device(trial.next_device(config))
        self.steps_per_epoch = self.feed.steps_per_epoch
        self.planned_steps = self.steps_per_epoch * config.max_epochs
        self.total_steps = config.max_steps or self.planned_steps
        if config.max_minutes is not None:
            self.total_steps += FITTING_STEPS
        self.first_step = self.steps_done = self.snapshots_taken = 0
        self.started = self.began = time.monotonic()  # of this process, and of the run
        self.saved_step = 0  # of the last checkpoint
        self.log = config.log or RunLog(writer=config.writer)
        if not distributed.is_main():
            self.log = RunLog(silent=True)
        self.signals = StopSignals(once=distributed.world_size() == 1)
        self.optimizer = self.gradients = self.budget = None  # see prepare()
        self.peaks: list[float] = []  # highest learning rate of each of the optimizer's groups

    # -- the loop ------------------------------------------------------------------------------

    def train(self) -> None:
        """Run to the last step, from the checkpoint if the config says resume."""
        trial.settle_on_device(self)
        first = self.first_step = checkpoint.restore(self) if self.config.resume else 0
        self.snapshots_taken = first * self.config.snapshots // self.total_steps
        self.log.start(self.total_steps, first, self.device, self.settings())
        try:
            self.run_from(first)
        except Diverged as error:
            last = f"; {self.config.checkpoint_path} holds step {self.saved_step}"
            raise UserError(f"{error}{last if self.saved_step else ''}") from None
        finally:
            self.gradients.close()
            self.log.close()
        if distributed.is_main():
            self.save_checkpoint()

    def run_from(self, first: int) -> None:
        """Step `first` and all that follow it, with a checkpoint now and then and at the end."""
        batches, last_save = self.batches(first), time.monotonic()
        self.steps_done = first
        with self.catching_signals():
            while self.steps_done < self.total_steps:
                step = self.steps_done
                result = self.step(step, next(batches))
                self.steps_done += 1
                self.record(step, result)
                self.fit_to_time(step + 1 - first)
                self.take_snapshot(step + 1)
                if self.stopping(step):
                    self.stop(step + 1)
                if time.monotonic() - last_save >= 60 * self.config.checkpoint_minutes:
                    with survive_failed_writes():
                        self.save_progress(step + 1)
                    last_save = time.monotonic()
            self.log.flush()
            if first < self.total_steps:  # if writing the params fails, --resume can do it again
                with survive_failed_writes():
                    self.save_progress(self.total_steps)

    def step(self, step: int, parts: list) -> Step:
        """Forward, backward, clip, update."""
        multiplier = self.lr_multiplier(step)
        for group, peak in zip(self.optimizer.param_groups, self.peaks, strict=True):
            group["lr"] = peak * multiplier
        loss, targets = self.gradients.add(parts, self.step_seed(step), self.feed.has_rows(step))
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), self.config.grad_norm_clip)
        threads = self.gradients.threads
        self.optimizer.step(threads.pool.map if threads else map)
        self.optimizer.zero_grad(set_to_none=True)
        return Step(loss, targets, self.optimizer.param_groups[0]["lr"], norm)

    # -- before the loop -----------------------------------------------------------------------

    def on_device(self, device: torch.device) -> tuple[torch.device, torch.dtype, Feed]:
        """The device, the number format that a run has there, and the batches."""
        dtype = pick_precision(self.config.precision, device)
        return device, dtype, Feed(self.train_dataset, self.config, device)

    def prepare(self) -> None:
        """Model to its device, optimizer, gradients."""
        config = self.config
        self.started = time.monotonic() if config.began is None else config.began
        self.began = self.started
        if self.device.type == "cpu":
            keep_memory()
        self.model.to(self.device).train()
        self.optimizer = self.make_optimizer()
        self.peaks = [group["lr"] for group in self.optimizer.param_groups]
        parts = self.feed.count_parts(min(config.batch_size, len(self.train_dataset)))
        self.gradients = Gradients(
            self.model, config, self.dtype, self.device, parts, self.log_fallback
        )

    def make_optimizer(self) -> Together:
        """The optimizer that the config names, has, or makes."""
        made = self.config.optimizer
        if isinstance(made, str):
            return build_optimizer(self.model, self.config)
        return Together(made(self.model) if callable(made) else made)

    @property
    def tokens(self) -> int:
        """Positions that were trained on (the original's name)."""
        return self.feed.positions(self.steps_done)

    @property
    def compiled(self) -> bool:
        """Whether the step is compiled."""
        return self.gradients is not None and self.gradients.compiled

    def log_fallback(self) -> None:
        """Correct the log: the step has no CUDA graphs after all."""
        if distributed.is_main():
            with survive_failed_writes():
                self.log.correct(cuda_graphs=False)

    def lr_multiplier(self, step: int) -> float:
        """What the highest learning rates are multiplied by at `step`."""
        return lr_multiplier_at_step(
            self.config, step, self.total_steps, self.planned_steps, self.feed.positions
        )

    def batches(self, first: int):
        """The micro-batches of every batch from step `first` on."""
        return self.feed.batches(first)

    def step_seed(self, step: int) -> int:
        """Seeds dropout: another one for every step and process."""
        key = (self.config.seed * 1_000_003 + step) * 1_009 + distributed.rank()
        return key % 2**63

    # -- between steps -------------------------------------------------------------------------

    def record(self, step: int, result: Step) -> None:
        """Hand the step to the log; at the end of an epoch, with the loss on the test set; every
        eval_every steps and at the end, with the figures that `evaluate` returns."""
        epoch, rest = divmod(step + 1, self.steps_per_epoch)
        row = {"step": step, "epoch": step // self.steps_per_epoch} | result._asdict()
        row["positions"] = self.feed.positions(step + 1)
        if self.test_dataset is not None and rest == 0:
            row["test_loss"] = self.test_loss(epoch - 1)
        every = self.config.eval_every
        if every and ((step + 1) % every == 0 or step + 1 == self.total_steps):
            row |= self.evaluated()
        self.log.record(**row)

    def evaluated(self) -> dict[str, float]:
        """The figures that the caller's `evaluate` returns of the model, in the main process."""
        if not distributed.is_main():
            return {}
        self.model.eval()
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            figures = self.config.evaluate(self.model)
        self.model.train()
        return {name: float(value) for name, value in figures.items()}

    def test_loss(self, epoch: int) -> float:
        """Mean loss over the targets of the test set, without dropout."""
        self.model.eval()
        loss_sum = make_loss(self.model, self.config, self.dtype, self.device)
        batches = Feed(self.test_dataset, self.config, self.device).all_rows(epoch)
        loss = mean_loss(loss_sum, batches)
        self.model.train()
        return loss

    def fit_to_time(self, done: int) -> None:
        """With max_minutes, after this process's first `done` steps: set how many the run has."""
        if self.config.max_minutes is None:
            return
        if self.budget is None:
            self.budget = TimeBudget(self.config.max_minutes, self.began, self.device)
        steps = self.budget.agreed_steps(done, self.first_step, self.total_steps)
        if steps:
            self.total_steps = steps
            self.log.set_length(steps)

    def take_snapshot(self, done: int) -> None:
        """Call on_snapshot after each `1 / snapshots` of the run."""
        due = done * self.config.snapshots // self.total_steps
        if due > self.snapshots_taken and distributed.is_main() and self.config.on_snapshot:
            self.log.flush()  # raises Diverged rather than let wrong weights be written
            with survive_failed_writes():
                self.config.on_snapshot(done)
        self.snapshots_taken = max(due, self.snapshots_taken)

    def catching_signals(self):
        """Signals end the run after the step in hand, if there is a checkpoint to write."""
        return self.signals if self.config.checkpoint_path else contextlib.nullcontext()

    def stopping(self, step: int) -> bool:
        """Whether to stop after this step: all processes agree on it (on GPUs, now and then)."""
        if distributed.world_size() == 1:
            return self.signals.number is not None
        if self.device.type != "cpu" and step % 8:
            return False
        return bool(distributed.total(torch.tensor(int(self.signals.number is not None))))

    def stop(self, done: int) -> None:
        """Save a run that is stopped after `done` steps, and end it."""
        self.save_progress(done)
        distributed.total(torch.zeros(()))  # torchrun ends the others when the first one leaves
        raise Stopped(f"step {done} is saved; --resume continues from it", self.signals.number)

    # -- what stays of a run -------------------------------------------------------------------

    def save_checkpoint(self) -> None:
        """Write the state_dict to config.ckpt_path, if it has one (the original's method)."""
        if self.config.ckpt_path is not None:
            save_tensors(clean_names(self.model.state_dict()), self.config.ckpt_path)

    def save_progress(self, step: int) -> None:
        """Write the checkpoint from which a run resumes at `step`."""
        if self.config.checkpoint_path is not None and distributed.is_main():
            self.log.flush()
            checkpoint.save(self, step)
            self.saved_step = step

    def settings(self) -> dict:
        """All settings of the run, "auto" ones as they were decided; seconds up to its first step.
        """
        decided = {"parts": self.feed.parts, "compiled": self.compiled}
        decided["cuda_graphs"] = self.gradients.graphs is not None
        seconds = round(time.monotonic() - self.started, 3)
        logged = settings_to_log(self.config) | self.identity()
        return logged | decided | {"startup_seconds": seconds}

    def identity(self) -> dict:
        """What a resumed run must have in common with the one that wrote the checkpoint."""
        own = settings_to_share(self.config) | {"precision": str(self.dtype)}
        own |= {"processes": distributed.world_size(), "examples": len(self.train_dataset)}
        return own | (self.config.identity or {})
