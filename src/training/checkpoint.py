"""A checkpoint: a run in the middle, with its weights, optimizer, position and settings."""

import contextlib
import os
import time
from collections.abc import Iterator

from base.errors import UserError
from base.tensors import load_tensors, save_tensors
from training.runlog import say


def save(trainer, step: int) -> None:
    """Write the checkpoint from which the run of a Trainer resumes at `step`."""
    content = {
        "identity": trainer.identity(),
        "step": step,
        "total_steps": trainer.total_steps,
        "parts": trainer.feed.parts,
        "seconds": time.monotonic() - trainer.began,
        "model": trainer.model.state_dict(),
        "optimizer": trainer.optimizer.state_dict(),
        "log_folder": str(trainer.log.folder) if trainer.log.folder else None,
    }
    save_tensors(content, trainer.config.checkpoint_path)


def restore(trainer) -> int:
    """Bring a Trainer to the state of its checkpoint; the step to continue with."""
    path = trainer.config.checkpoint_path
    if path is None:
        raise UserError("nothing to resume from: the run has no checkpoint_path; set one")
    content = load_checkpoint(path, trainer.identity())
    trainer.model.load_state_dict(content["model"])
    trainer.optimizer.load_state_dict(content["optimizer"])
    trainer.total_steps, trainer.feed.parts = content["total_steps"], content["parts"]
    trainer.began = time.monotonic() - content["seconds"]
    trainer.log.resume_in(content["log_folder"])
    trainer.saved_step = content["step"]
    return content["step"]


def load_checkpoint(path: str, identity: dict) -> dict:
    """The checkpoint at `path`. Raises UserError if there is none, or if it belongs to a run whose
    identity is not `identity`."""
    if not os.path.exists(path):
        raise UserError(f"{path}: no such checkpoint to resume from; start without --resume")
    content = load_tensors(path)
    if "identity" not in content:
        raise UserError(f"{path}: not a checkpoint of a run; give the path of one")
    theirs = content["identity"]
    check_files(path, identity.get("files"), theirs.get("files"))
    for name in sorted(identity.keys() | theirs.keys()):
        if identity.get(name) != theirs.get(name):
            raise UserError(
                f"{path}: made with {name} {theirs.get(name)!r}, while this run has "
                f"{identity.get(name)!r}; resume with the same settings, or delete it to start anew"
            )
    return content


def check_files(path: str, ours: dict | None, theirs: dict | None) -> None:
    """Raise UserError naming the first file that was another one for the checkpoint at `path`."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            if ours.get(name) != theirs.get(name):
                raise UserError(
                    f"{path}: made with another {name} file than this run's; resume with the same "
                    "file, or delete the checkpoint to start anew"
                )


@contextlib.contextmanager
def survive_failed_writes() -> Iterator[None]:
    """A file that cannot be written during a run (a full disk, say) costs a line, not the run."""
    try:
        yield
    except UserError as error:
        say(f"{error}; the run continues")
