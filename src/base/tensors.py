"""Dictionaries of tensors in files: torch.save and torch.load, whole or not at all."""

import pickle
from collections.abc import Iterable

import torch
from torch import Tensor

from base.errors import UserError
from base.files import write_whole


def save_tensors(content: dict, path: str, outdated: Iterable[str] = ()) -> None:
    """torch.save through write_whole. Raises UserError where the disk refuses."""
    with write_whole(path, "wb", outdated) as file:
        try:
            torch.save(content, file)
        except RuntimeError as error:  # how torch's zip writer reports a full disk
            raise UserError(f"{path}: cannot be written ({error}); free some disk space") from None


def load_tensors(path: str) -> dict:
    """A dictionary saved by torch.save, on the CPU, tensors and plain values only.

    Raises UserError for a file that is missing, truncated, no torch file, or wants to run code.
    """
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: not a params file (it is no torch file, or holds more than tensors); give "
            "one written by --writing_params_path"
        ) from None
    except Exception:  # whatever the unpickler met in bytes that mean something else
        raise UserError(
            f"{path}: damaged, truncated or not a params file; copy it again or make it anew"
        ) from None
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a params file; give one written by --writing_params_path")
    return content


def clean_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """State without the prefixes that DataParallel and torch.compile put before names."""
    return {
        name.replace("_orig_mod.", "").removeprefix("module."): value
        for name, value in state.items()
    }
