"""The batches of a run: in which order, in how many micro-batches, from where they come.

A dataset that has `batch(indices, epoch, device, parts)` makes whole batches at once, on the
device, in micro-batches of rows of similar length. Any other map-style dataset goes through a
DataLoader. A batch of it may be any tree of tensors: a pair (x, y), a dict, lists of these.
"""

import functools
import itertools
import math
import os
import shutil
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor
from torch.utils.data import DataLoader

from training import distributed

PARTS = {"cpu": 8, "cuda": 1}  # micro-batches of a batch, at most: more save padding and cost calls
FEW_PARTS = 2  # on other devices
SHARED_MEMORY = 32 * 2**20  # bytes that loading processes need, about
ROWS_A_PART = 16  # at least: smaller micro-batches cost more calls than they save padding


class Feed:
    """Gives the batches of a run over `dataset`, each as a list of micro-batches on `device`.

    Of several processes, each gets its share of the rows of every batch. `config` is a
    TrainerConfig.
    """

    def __init__(self, dataset, config, device: torch.device):
        self.dataset = dataset
        self.config = config
        self.device = device
        self.parts = config.parts or PARTS.get(device.type, FEW_PARTS)
        self.steps_per_epoch = math.ceil(len(dataset) / config.batch_size)
        self.row_length: int | None = getattr(dataset, "row_length", None)

    # -- which rows ----------------------------------------------------------------------------

    def order(self, epoch: int) -> Tensor:
        """Indices of the examples in the order of `epoch`."""
        if not self.config.shuffle:
            return torch.arange(len(self.dataset))
        generator = torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch)
        return torch.randperm(len(self.dataset), generator=generator)

    def rows_before(self, step: int) -> int:
        """How many rows the first `step` steps go through."""
        epochs, rest = divmod(step, self.steps_per_epoch)
        size = len(self.dataset)
        return epochs * size + min(size, rest * self.config.batch_size)

    def positions(self, step: int) -> int:
        """Positions, padding included, of the first `step` steps: what the course's schedule
        counts. Rows that have no length of their own count as one position."""
        if self.row_length is None:
            self.row_length = target_length(self.dataset[0])
        return self.rows_before(step) * self.row_length

    def has_rows(self, step: int) -> bool:
        """Whether this process has rows of its own in the batch of `step`."""
        return self.rows_before(step + 1) - self.rows_before(step) > distributed.rank()

    def count_parts(self, rows: int) -> int:
        """How many micro-batches a batch of so many rows has."""
        if not hasattr(self.dataset, "batch"):
            return 1
        return min(self.parts, math.ceil(rows / ROWS_A_PART))

    # -- the batches ---------------------------------------------------------------------------

    def batches(self, first: int) -> Iterator[list]:
        """The micro-batches of every batch from step `first` on, without end.

        A process that has no rows of a batch gets its first row: see `has_rows`.
        """
        for epoch in itertools.count(first // self.steps_per_epoch):
            chunks = self.order(epoch).split(self.config.batch_size)
            if epoch == first // self.steps_per_epoch:
                chunks = chunks[first % self.steps_per_epoch :]
            shares = [chunk[distributed.rank() :: distributed.world_size()] for chunk in chunks]
            filled = [s if len(s) else c[:1] for s, c in zip(shares, chunks, strict=True)]
            if hasattr(self.dataset, "batch"):
                for rows in filled:
                    parts = self.count_parts(len(rows))
                    yield self.dataset.batch(rows, epoch, self.device, parts)
            else:
                yield from self.load(filled, epoch)

    def all_rows(self, epoch: int) -> Iterator[list]:
        """Every row once, in the dataset's own order, in batches."""
        shares = torch.arange(len(self.dataset)).split(self.config.batch_size)
        if hasattr(self.dataset, "batch"):
            yield from (self.dataset.batch(share, epoch, self.device) for share in shares)
        else:
            yield from self.load(list(shares), epoch)

    def load(self, shares: list[Tensor], epoch: int) -> Iterator[list]:
        """Batches of a dataset that only has rows, through a DataLoader."""
        loader = DataLoader(
            self.dataset,
            batch_sampler=[share.tolist() for share in shares],
            num_workers=usable_workers(self.config.num_workers),
            pin_memory=self.device.type == "cuda",
            collate_fn=self.config.collate,
            generator=torch.Generator().manual_seed(self.config.seed * 1_000_003 + epoch),
        )
        for batch in loader:
            yield [to_device(batch, self.device)]


@functools.cache
def usable_workers(wanted: int, shared: str = "/dev/shm") -> int:
    """How many processes load rows: none where the memory through which they would hand them over
    is missing (as in a container), with one line. Only Linux has it as a folder."""
    if wanted and os.path.isdir(shared) and shutil.disk_usage(shared).free < SHARED_MEMORY:
        print(f"{shared} has too little memory for {wanted} loading processes; loading without")
        return 0
    return wanted


def target_length(row) -> int:
    """Positions of the targets of a row (x, y); 1 for rows of another kind."""
    pair = isinstance(row, (tuple, list)) and len(row) == 2
    return row[1].numel() if pair and isinstance(row[1], Tensor) else 1


def to_device(tree, device: torch.device):
    """`tree` with all its tensors on `device`: tuples, lists and mappings of such trees, and
    objects that have a `to` of their own; anything else stays as it is."""
    if isinstance(tree, Tensor):
        return tree.to(device, non_blocking=True)
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):  # a named tuple
        return type(tree)(*(to_device(branch, device) for branch in tree))
    if isinstance(tree, (tuple, list)):
        return type(tree)(to_device(branch, device) for branch in tree)
    if hasattr(tree, "to"):
        return tree.to(device)
    if isinstance(tree, Mapping):
        return {key: to_device(branch, device) for key, branch in tree.items()}
    return tree
