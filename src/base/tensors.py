"""Dictionaries of tensors in files: torch.save and torch.load, whole or not at all."""

import hashlib
import io
import pickle
import warnings
from collections.abc import Iterable

import torch
from torch import Tensor

from base.errors import UserError
from base.files import read_bytes, write_whole


def save_tensors(content: dict, path: str, outdated: Iterable[str] = ()) -> str:
    """torch.save through write_whole; the sha256 of the file. Raises UserError where the disk
    refuses."""
    memory = io.BytesIO()
    with write_whole(path, "wb", outdated) as file:
        torch.save(content, memory)
        file.write(memory.getbuffer())
    return hashlib.sha256(memory.getbuffer()).hexdigest()


def load_tensors(path: str) -> dict:
    """A dictionary saved by torch.save, on the CPU, tensors and plain values only.

    Raises UserError for a file that is missing, truncated, no torch file, or wants to run code.
    """
    return load_tensors_and_digest(path)[0]


def load_tensors_and_digest(path: str) -> tuple[dict, str]:
    """The dictionary of `load_tensors`, and the sha256 of the file, from one reading."""
    data = read_bytes(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except pickle.UnpicklingError:
        raise UserError(
            f"{path}: not a params file (it is no torch file, or holds more than tensors); give "
            "one written by --writing_params_path"
        ) from None
    except Exception:  # whatever the unpickler makes of bytes that mean something else
        raise UserError(
            f"{path}: damaged, truncated or not a params file; copy it again or make it anew"
        ) from None
    if not isinstance(content, dict) or not all(isinstance(name, str) for name in content):
        raise UserError(f"{path}: not a params file; give one written by --writing_params_path")
    return content, hashlib.sha256(data).hexdigest()


def clean_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """State without the prefixes that DataParallel and torch.compile put before names."""
    return {
        name.replace("_orig_mod.", "").removeprefix("module."): value
        for name, value in state.items()
    }


def first_not_finite(state: dict[str, Tensor]) -> str | None:
    """The name of the first tensor with a number that is not finite, or None."""
    for name, value in state.items():
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            return name
    return None
