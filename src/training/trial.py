"""Which device a run uses: "auto" tries a step, and takes the next device if it fails."""

import copy
from collections.abc import Collection

import torch

from training import distributed
from training.budget import read_clock
from training.device import pick_device


def next_device(config, without: Collection[str] = ()) -> torch.device:
    """The device that a TrainerConfig names; for "auto", the first that is not in `without`."""
    ranks = distributed.local_rank(), distributed.local_world_size()
    return pick_device(config.device, *ranks, without=without)


def settle_on_device(trainer) -> None:
    """Prepare a Trainer on its device. If "auto" chose it, also try a step there: a device that
    cannot run one (too little memory, a missing operator) is left for the next, with one line."""
    may_leave = trainer.config.device == "auto" and distributed.world_size() == 1
    left: list[str] = []
    while True:
        try:
            trainer.prepare()
            if may_leave and trainer.device.type != "cpu":
                try_step(trainer)
            return
        except (RuntimeError, TypeError) as error:  # torch has no class for such failures
            if not may_leave or trainer.device.type == "cpu":
                raise
            reason = " ".join(str(error).split("\n")[0].split()[:30])
        left.append(trainer.device.type)
        print(f"{left[-1]} cannot run a training step, so it is not used: {reason}")
        device = next_device(trainer.config, without=left)
        trainer.device, trainer.dtype, trainer.feed = trainer.on_device(device)


def try_step(trainer) -> None:
    """Run the first step, wait until it is done, and undo it."""
    weights = {name: value.cpu().clone() for name, value in trainer.model.state_dict().items()}
    state = copy.deepcopy(trainer.optimizer.state_dict())
    try:
        trainer.step(0, next(trainer.batches(0)))
        read_clock(trainer.device)
    finally:
        trainer.optimizer.zero_grad(set_to_none=True)
        trainer.model.load_state_dict(weights)
        trainer.optimizer.load_state_dict(state)
