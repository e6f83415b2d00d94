"""The page that holds a model: its weights, its corpus and the arithmetic, in one HTML file.

Weights are 16-bit floats (tables of positions 32-bit), in base64; the arithmetic is model.js, what
is shown of it explorer.js. The page needs no network and no server.
"""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from attention.positions import alibi_slopes, sinusoids
from base.errors import UserError

HERE = Path(__file__).resolve().parent
SHARED = {  # variant -> the projection that plays each role
    "vanilla": {},
    "rope": {},
    "synthesizer": {},
    "shared-qk": {"query": "key"},
    "shared-kv": {"value": "key"},
    "shared-qkv": {"query": "key", "value": "key"},
}
NOT_READ = ("attn.mask", "attn.rope_cache", "pos_emb")  # derived, or under another name


@dataclass(frozen=True)
class Shown:
    """A model on the page: its label, what is said of it, and what its confidence rests on."""

    label: str
    model: torch.nn.Module
    facts: dict[str, str]
    weights: Sequence[float]  # bias, weight of the answer, weight of the recall
    calibrated: bool


def check_variant(variant: str, where: str) -> None:
    """Raise UserError for a variant that model.js cannot compute."""
    if variant not in SHARED:
        raise UserError(
            f"{where}: the page cannot compute the variant {variant}; give params of one of "
            f"{', '.join(SHARED)}"
        )


def tensors(model: torch.nn.Module) -> dict[str, tuple[Tensor, bool]]:
    """name -> (weights, whether they are kept in 16 bits), as model.js reads them."""
    named = {}
    for name, value in model.state_dict().items():
        if not name.endswith(NOT_READ):
            named[name] = (value, True)
    for role, source in SHARED[model.variant].items():
        for layer in range(len(model.blocks)):
            for kind in ("weight", "bias"):
                named[f"blocks.{layer}.attn.{role}.{kind}"] = named[
                    f"blocks.{layer}.attn.{source}.{kind}"
                ]
    if model.positions == "learned":
        named["positions"] = (model.pos_emb, True)
    elif model.positions == "sinusoidal":
        named["positions"] = (sinusoids(model.block_size, model.config.n_embd), False)
    return named


def packed(model: torch.nn.Module) -> tuple[list[dict], str]:
    """The list of a model's tensors, and their bytes (little-endian, one after the other)."""
    listed, parts = [], []
    for name, (value, halved) in tensors(model).items():
        values = value.detach().cpu().numpy().ravel()
        dtype = np.dtype("<f2") if halved else np.dtype("<f4")
        if halved and np.abs(values).max(initial=0) > np.finfo(np.float16).max:
            raise UserError(f"{name}: weights beyond 65,504 do not fit into 16 bits")
        listed.append({"name": name, "size": values.size, "half": halved})
        parts.append(values.astype(dtype).tobytes())
    return listed, base64.b64encode(b"".join(parts)).decode("ascii")


def described(shown: Shown, stops: list[int], answer_length: int) -> dict:
    """What model.js needs to know of a model."""
    model, config = shown.model, shown.model.config
    listed, text = packed(model)
    alibi = model.positions == "alibi"
    return {
        "label": shown.label,
        "facts": shown.facts,
        "variant": model.variant,
        "scores": "synthesizer" if model.variant == "synthesizer" else "dot",
        "rotary": model.positions == "rope" or model.variant == "rope",
        "slopes": alibi_slopes(config.n_head).tolist() if alibi else None,
        "n_layer": config.n_layer,
        "n_head": config.n_head,
        "n_embd": config.n_embd,
        "max_length": model.max_length,
        "stops": stops,
        "answer_length": answer_length,
        "confidence": list(shown.weights),
        "calibrated": shown.calibrated,
        "tensors": listed,
        "bytes": text,
    }


def page(data: dict) -> str:
    """The page's HTML. What it shows stands in it as JSON, which no name can break out of."""
    parts = {
        "STYLE": (HERE / "explorer.css").read_text(encoding="utf-8"),
        "MODEL": (HERE / "model.js").read_text(encoding="utf-8"),
        "LOOKUP": (HERE / "lookup.js").read_text(encoding="utf-8"),
        "SCRIPT": (HERE / "explorer.js").read_text(encoding="utf-8"),
        "DATA": json.dumps(data, ensure_ascii=False).replace("<", "\\u003c"),
    }
    html = (HERE / "explorer.html").read_text(encoding="utf-8")
    for name, text in parts.items():
        html = html.replace(f"@@{name}@@", text, 1)
    return html
