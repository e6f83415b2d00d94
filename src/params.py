"""A params file: the weights of a model, and a description beside it.

A params file is `torch.save` of a state_dict with the course's keys and nothing else. What tensors
cannot say (variant, heads, vocabulary, recipe) stands in `<params>.json` beside it.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from base.errors import UserError
from base.files import ROOT, read_text, write_whole
from base.tensors import clean_names, load_tensors, save_tensors

SHIPPED = ROOT / "data" / "model"  # a model of the invented world, which comes with the project

SYNTHESIZER = {"mask", "w2", "b2"} | {
    f"{part}.{kind}" for part in ("w1", "value", "proj") for kind in ("weight", "bias")
}
VANILLA = {"mask"} | {
    f"{part}.{kind}" for part in ("key", "query", "value", "proj") for kind in ("weight", "bias")
}


def perceiver_names(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """State with the names of a perceiver's stack here, where it has the course's of 2023."""
    if "down_block.C" not in state:
        return state
    stack = ("down_block.", "blocks.", "up_block.")
    return {
        f"blocks.0.{name}" if name.startswith(stack) else name: value
        for name, value in state.items()
    }


def save_params(model: torch.nn.Module, path: str, description: dict) -> None:
    """Write the model's state_dict to `path` and `description` to `<path>.json`.

    New weights never stand beside the old ones' description or calibration.
    """
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    outdated = (f"{path}.json", f"{path}.calibration.json")
    save_tensors(clean_names(state), path, outdated)
    with write_whole(f"{path}.json") as file:
        json.dump(description, file, indent=2)
        file.write("\n")


def load_params(path: str) -> tuple[dict[str, Tensor], dict]:
    """The state_dict in `path`, and what `<path>.json` says ({} where there is none).

    Raises UserError for a file that is no state_dict, or a description that is no JSON object.
    """
    state = perceiver_names(clean_names(load_tensors(path)))
    tensors = all(isinstance(value, Tensor) for value in state.values())
    if not tensors or "tok_emb.weight" not in state or state["tok_emb.weight"].ndim != 2:
        raise UserError(
            f"{path}: not a params file of this model (no tok_emb.weight in it); give one written "
            "by --writing_params_path"
        )
    return state, read_description(path)


def read_description(path: str) -> dict:
    """What `<path>.json` says of the params in `path`; {} where there is none.

    Raises UserError for what is no description.
    """
    if not os.path.exists(f"{path}.json"):
        return {}
    try:
        description = json.loads(read_text(f"{path}.json"))
    except json.JSONDecodeError as error:
        raise UserError(f"{path}.json: not JSON (line {error.lineno}); delete or mend it") from None
    if not isinstance(description, dict):
        raise UserError(f"{path}.json: not a JSON object; delete or mend it")
    for name in ("n_layer", "n_head", "n_embd", "block_size"):
        if not isinstance(description.get(name, 1), int):
            raise UserError(f"{path}.json: {name} is no number; delete or mend the file")
    seen = description.get("questions_seen")
    if seen is not None and not (isinstance(seen, list) and all(isinstance(x, str) for x in seen)):
        raise UserError(f"{path}.json: questions_seen is no list of texts; delete or mend the file")
    return description


def infer_description(state: dict[str, Tensor]) -> dict:
    """What shapes alone tell: n_layer, n_embd, block_size, whether positions are learned, and the
    variant where the names are those of one of the course's editions.

    n_head shows only in a synthesizer's w2 and in rotary tables; for others it stays out.
    """
    blocks = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    channels = state["tok_emb.weight"].shape[1]
    found = {"n_layer": len(blocks), "n_embd": channels}
    if "pos_emb" in state:
        found |= {"block_size": state["pos_emb"].shape[1], "positions": "learned"}
    elif "blocks.0.attn.mask" in state:
        found["block_size"] = state["blocks.0.attn.mask"].shape[-1]
    start = "blocks.0.attn."
    names = {name.removeprefix(start) for name in state if name.startswith(start)}
    if names == SYNTHESIZER:
        size = state[f"{start}w2"].shape[0]
        found |= {"variant": "synthesizer", "n_head": channels // size}
    elif names == VANILLA:
        found["variant"] = "vanilla"
    elif names == VANILLA | {"rope_cache"}:
        size = 2 * state[f"{start}rope_cache"].shape[1]
        found |= {"variant": "rope", "n_head": channels // size}
    elif "blocks.0.down_block.C" in state:
        inner = {name.split(".")[3] for name in state if name.startswith("blocks.0.blocks.")}
        latents = state["blocks.0.down_block.C"].shape[1]
        found |= {"variant": "perceiver", "n_layer": len(inner) + 2, "bottleneck_dim": latents}
    return found


def load_into(model: torch.nn.Module, state: dict[str, Tensor], path: str) -> None:
    """Load `state` strictly. Raises UserError naming the first tensor that does not fit."""
    own = model.state_dict()
    for name in (*own, *state):
        if name not in state or name not in own:
            where = "the file" if name not in state else "the model"
            raise UserError(
                f"{path}: does not fit this model ({where} has no {name}); give the variant and "
                "sizes that it was made with"
            )
        if own[name].shape != state[name].shape:
            raise UserError(
                f"{path}: does not fit this model ({name} is {tuple(state[name].shape)} there and "
                f"{tuple(own[name].shape)} here); give the corpus and sizes that it was made with"
            )
    model.load_state_dict(state, strict=True)


@dataclass(frozen=True)
class ModelFiles:
    """A model's params and its corpus; the params before its finetuning, where they are kept."""

    params: str
    corpus: str
    pretrained: str | None


def default_model() -> ModelFiles:
    """The model that is meant where none is named: `model.params` of the folder one is in, which
    the quickstart writes there, otherwise the one that comes with the project.

    Raises UserError where there is neither.
    """
    for folder, corpus in ((Path(), Path("wiki.txt")), (SHIPPED, ROOT / "data" / "wiki.txt")):
        own, before = folder / "model.params", folder / "model.pretrained.params"
        if own.is_file() and corpus.is_file():
            return ModelFiles(str(own), str(corpus), str(before) if before.is_file() else None)
    raise UserError(
        f"no model.params here, nor in {SHIPPED}; name a model by --reading_params_path, or start "
        "in the folder of a quickstart"
    )
