"""A checkpoint: a run in the middle, with its weights, optimizer, position and settings."""

import contextlib
import os
from collections.abc import Iterator

from base.errors import UserError
from base.tensors import load_tensors


def load_checkpoint(path: str, identity: dict) -> dict:
    """The checkpoint at `path`. Raises UserError where there is none, or it belongs to a run unlike
    `identity`."""
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
    """Raise UserError naming the first file whose hash is another in the checkpoint at `path`."""
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
        print(f"{error}; the run goes on", flush=True)
