"""The pieces of a batch side by side, in threads that share the cores."""

import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor, nn

from base.dropout import SEEDS


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
