"""The gradient of a batch's mean loss, from its micro-batches and its share of the processes."""

import contextlib
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from base.errors import UserError
from training import distributed
from training.device import compile_step, should_compile, should_record
from training.graphs import GraphedGradients
from training.loss import LossSum, count_targets
from training.runlog import say
from training.threads import PieceThreads


class Gradients:
    """Adds the gradient of a batch's mean loss to the parameters of `model`.

    On a CPU, micro-batches are computed side by side in threads; `parts` is how many a batch has at
    most. `config` is a TrainerConfig; `on_fallback` is called where compiling is given up.
    """

    def __init__(
        self,
        model: nn.Module,
        config,
        dtype: torch.dtype,
        device: torch.device,
        parts: int,
        on_fallback: Callable[[], None] = lambda: None,
    ):
        self.model, self.config = model, config
        self.dtype, self.device = dtype, device
        self.on_fallback = on_fallback
        self.compiled = should_compile(config.compile, device)
        self.loss_sum: nn.Module | None = self.build_loss()
        recorded = should_record(model, config, device)
        self.graphs = GraphedGradients(self.loss_sum) if recorded else None
        plain = device.type == "cpu" and not self.compiled and not recorded
        alone = distributed.world_size() == 1 and config.loss is None
        several = plain and alone and min(parts, torch.get_num_threads()) > 1
        self.threads = PieceThreads(model, parts) if several else None

    def build_loss(self) -> nn.Module:
        """What computes a micro-batch's loss: shared by the processes, compiled if that is asked.
        """
        loss: nn.Module = make_loss(self.model, self.config, self.dtype, self.device)
        if distributed.world_size() > 1:
            loss = DistributedDataParallel(loss)
        return compile_step(loss, self.device) if self.compiled else loss

    def close(self) -> None:
        """End the threads, and let go of the other processes: what holds on to them until the
        interpreter ends can make it abort."""
        if self.threads:
            self.threads.close()
        self.loss_sum = self.graphs = None

    def add(self, parts: list, seed: int, own_rows: bool = True) -> tuple[Tensor, Tensor]:
        """Add the gradient of a batch with the micro-batches `parts`: its mean loss, and the
        number of targets that this is a mean of, over all processes.

        `seed` is dropout's. Without `own_rows` this process's rows do not count.
        """
        torch.manual_seed(seed)
        if self.config.loss is not None:
            return self.tried(self.add_given, seed, parts, own_rows)
        pairs = [as_pair(part) for part in parts]
        if not own_rows:
            pairs = [(x, torch.full_like(y, ignored_index(self.model))) for x, y in pairs]
        targets = distributed.total(sum(count_targets(self.model, y) for _, y in pairs))
        if self.threads and self.threads.suit(self.loss_sum, pairs):
            loss = self.threads.backward(self.loss_sum, pairs, targets)
        else:
            loss = self.tried(self.add_in_turn, seed, pairs, targets)
        return distributed.total(loss), targets

    def add_in_turn(self, pairs: list[tuple[Tensor, Tensor]], targets: Tensor) -> Tensor:
        """Micro-batch after micro-batch; this process's share of the mean loss over `targets`."""
        if self.graphs:
            return self.graphs.add(pairs, targets)
        loss = torch.zeros((), device=self.device)
        for i, (x, y) in enumerate(pairs):
            with self.exchanging(last=i == len(pairs) - 1):
                part = self.loss_sum(x, y) / targets
                (part * distributed.world_size()).backward()
            loss += part.detach()
        return loss

    def add_given(self, parts: list, own_rows: bool) -> tuple[Tensor, Tensor]:
        """With the caller's loss, whose number of targets is known only afterwards."""
        sums = torch.zeros(2, device=self.device)
        for i, part in enumerate(parts):
            with self.exchanging(last=i == len(parts) - 1):
                loss, count = self.loss_sum(part)
                (loss * own_rows).backward()
            with torch.no_grad():
                sums += own_rows * torch.stack((loss.float(), torch.as_tensor(count).to(loss)))
        loss, targets = distributed.total(sums)
        grads = [p.grad for p in self.model.parameters() if p.grad is not None]
        torch._foreach_mul_(grads, distributed.world_size() / targets.clamp(min=1))
        return loss / targets.clamp(min=1), targets

    def tried(self, add: Callable, seed: int, *args):
        """add(*args), without CUDA graphs where a step fails that "auto" recorded."""
        try:
            return add(*args)
        except Exception as error:  # what a recording forbids has no common class
            if self.graphs is None or self.config.compile == "on":
                raise
            reason = " ".join([type(error).__name__, *str(error).splitlines()[:2]])
        say(f"no CUDA graphs: {reason} (the results are the same, but slower)")
        self.graphs = None
        self.on_fallback()
        self.model.zero_grad(set_to_none=True)
        torch.manual_seed(seed)
        return add(*args)

    def exchanging(self, last: bool) -> contextlib.AbstractContextManager:
        """Processes exchange gradients in the last micro-batch of a step only."""
        if distributed.world_size() == 1 or last:
            return contextlib.nullcontext()
        return self.loss_sum.no_sync()


class GivenLoss(nn.Module):
    """A batch -> the sum of its losses and their number, by the caller's function of both."""

    def __init__(self, model: nn.Module, loss: Callable, dtype: torch.dtype, device: torch.device):
        super().__init__()
        self.model, self.loss = model, loss
        self.dtype, self.device_type = dtype, device.type

    def forward(self, batch) -> tuple[Tensor, Tensor]:
        if self.dtype == torch.float32:
            return self.loss(self.model, batch)
        with torch.autocast(self.device_type, self.dtype):
            return self.loss(self.model, batch)


def make_loss(
    model: nn.Module, config, dtype: torch.dtype, device: torch.device
) -> GivenLoss | LossSum:
    """The module that computes a micro-batch's loss: the caller's, or the model's own."""
    if config.loss is not None:
        return GivenLoss(model, config.loss, dtype, device)
    return LossSum(model, dtype, device)


@torch.no_grad()
def mean_loss(loss_sum: GivenLoss | LossSum, batches) -> float:
    """Mean of the losses over all targets of `batches` (lists of micro-batches)."""
    total, count = 0.0, 0
    for part in (part for parts in batches for part in parts):
        if isinstance(loss_sum, GivenLoss):
            loss, targets = loss_sum(part)
        else:
            x, y = as_pair(part)
            loss, targets = loss_sum(x, y), count_targets(loss_sum.model, y)
        total, count = total + float(loss), count + int(targets)
    return total / max(1, count)


def as_pair(batch) -> tuple[Tensor, Tensor]:
    """A batch (x, y) of inputs and targets. Raises UserError for one of another form."""
    if isinstance(batch, (tuple, list)) and len(batch) == 2:
        return batch[0], batch[1]
    raise UserError(
        f"a batch is a {type(batch).__name__}, not a pair (x, y) of inputs and targets; "
        "give TrainerConfig a `loss` that reads it"
    )


def ignored_index(model: nn.Module) -> int:
    """The target that carries no loss."""
    return getattr(model, "ignore_index", -100)
