"""A params file <-> a GPT: the weights in one file, and a description beside it.

A params file is `torch.save` of a state_dict with the course's keys and nothing else. What tensors
cannot say (variant, heads, vocabulary, recipe) stands in `<params>.json` beside it, with the sha256
of the params file that it belongs to.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from attention import POSITIONS, VARIANTS, bottleneck, our_names, positions_name, variant_name
from base.errors import UserError
from base.files import ROOT, read_text, write_whole
from base.tensors import (
    clean_names,
    first_not_finite,
    load_tensors_and_digest,
    save_tensors,
)
from dataset import CharCorruptionDataset, vocabulary_hash
from model import COURSE_SIZES, GPT, GPTConfig

SHIPPED = ROOT / "data" / "model"  # a model of the invented world, which comes with the project
ARCHITECTURE = (*COURSE_SIZES, "positions", "bottleneck_dim")
LARGEST = 1_048_576  # a size beyond it is a mistake


@dataclass
class Architecture:
    """What a model is, and its weights if it has some already: what `build` makes a GPT of."""

    variant: str
    sizes: dict  # the ARCHITECTURE; None means the variant's own
    path: str | None = None  # the params file
    state: dict[str, Tensor] | None = None
    sha256: str | None = None  # of the params file
    vocabulary: str | None = None  # vocabulary_hash of the corpus that it was trained on

    @property
    def block_size(self) -> int:
        return self.sizes["block_size"]


# ---------------------------------------------------------------------------------------------
# A params file -> a GPT
# ---------------------------------------------------------------------------------------------


def load_model(
    path: str, dataset: CharCorruptionDataset, variant: str | None = None, **sizes
) -> GPT:
    """The model in a params file, on the CPU, in evaluation mode.

    `dataset` has its vocabulary. See `read_architecture` for `variant` and `sizes`, and for errors.
    """
    return build(read_architecture(path, variant, **sizes), dataset).eval()


def read_architecture(
    path: str | None, variant: str | None = None, **sizes: int | str | None
) -> Architecture:
    """What the model in `path` is (with None: what a new one shall be).

    `variant` and `sizes` (of ARCHITECTURE) come first, then `<path>.json`, then what the shapes of
    the tensors say, then the course's numbers. Raises UserError for what contradicts the params, or
    means nothing to the variant, and for files that are no params or no description.
    """
    requested = {name: sizes.get(name) for name in ARCHITECTURE}
    state, digest, known, described = None, None, {}, True
    if path is not None:
        state, description, digest = load_params_and_digest(path)
        inferred = infer_description(state)
        check_agreement(path, description, inferred)
        known, described = inferred | description, bool(description)
        check_request(path, known, variant, requested)
    variant = variant or known.get("variant") or "vanilla"
    if requested["bottleneck_dim"] and "bottleneck_dim" not in VARIANTS[variant].options:
        raise UserError(f"{variant} has no bottleneck; drop --bottleneck_dim")
    if not described:
        assumed = {name: known.get(name, size) for name, size in COURSE_SIZES.items()}
        assumed |= {name: size for name, size in requested.items() if size is not None}
        assumed["positions"] = known.get("positions") or VARIANTS[variant].positions
        print(f"{path}.json is missing; assuming {variant} with {assumed}")
    for name in ARCHITECTURE:
        requested[name] = requested[name] or known.get(name) or COURSE_SIZES.get(name)
    return Architecture(variant, requested, path, state, digest, known.get("vocabulary"))


def check_agreement(path: str, description: dict, inferred: dict) -> None:
    """Raise UserError where `<path>.json` says something else than the tensors."""
    for name, value in inferred.items():
        if name != "variant" and description.get(name, value) != value:
            raise UserError(
                f"{path}.json: says {name} {description[name]}, but the tensors have {value}; take "
                "both files from one run, or delete the .json"
            )


def check_request(path: str, known: dict, variant: str | None, sizes: dict) -> None:
    """Raise UserError where the variant or the sizes asked for are not those of the params."""
    theirs = known.get("variant", variant)
    if variant not in (None, theirs):
        raise UserError(f"{path}: holds a {theirs} model, not {variant}; say {theirs}")
    for name, asked in sizes.items():
        if asked is not None and known.get(name, asked) != asked:
            raise UserError(f"{path}: its {name} is {known[name]}, not {asked}; drop --{name}")


def build(
    architecture: Architecture, dataset: CharCorruptionDataset, dropout: float | None = None
) -> GPT:
    """The GPT of an architecture for the characters of `dataset`: with its weights, or with random
    ones from torch's generator. `dropout`: instead of the course's.

    Raises UserError for params of another corpus, weights that do not fit, and sizes that cannot
    be.
    """
    path = architecture.path
    if architecture.vocabulary not in (None, vocabulary_hash(dataset)):
        raise UserError(
            f"{path}: made with the characters of another corpus than "
            f"{getattr(dataset, 'source', 'this one')}; give the corpus that it was trained on"
        )
    try:
        config = GPTConfig(dataset.vocab_size, variant=architecture.variant, **architecture.sizes)
        if dropout is not None:
            config.embd_pdrop = config.attn_pdrop = config.resid_pdrop = dropout
        model = GPT(config)
    except (ValueError, RuntimeError, MemoryError) as error:  # torch: more than memory holds
        where = f"{path}: " if path else ""
        raise UserError(f"{where}{str(error).splitlines()[0]}") from None
    layer = VARIANTS[architecture.variant].layer
    assert any(type(module) is layer for module in model.modules()), f"no {layer} in the model"
    if architecture.state is not None:
        load_into(model, architecture.state, path)
    return model


def load_params(path: str) -> tuple[dict[str, Tensor], dict]:
    """The state_dict in `path`, and what `<path>.json` says ({} where there is none).

    Raises UserError for a file that is no state_dict or holds numbers that are not finite, and for
    a description that is none or belongs to other params.
    """
    return load_params_and_digest(path)[:2]


def load_params_and_digest(path: str) -> tuple[dict[str, Tensor], dict, str]:
    """The state_dict and the description of `load_params`, and the sha256 of the params file."""
    content, digest = load_tensors_and_digest(path)
    state = clean_names(content)
    tensors = all(isinstance(value, Tensor) for value in state.values())
    if not tensors or "tok_emb.weight" not in state or state["tok_emb.weight"].ndim != 2:
        raise UserError(
            f"{path}: not a params file of this model (no tok_emb.weight in it); give one written "
            "by --writing_params_path"
        )
    broken = first_not_finite(state)
    if broken:
        raise UserError(
            f"{path}: {broken} holds numbers that are not finite, so its training failed; train "
            "again with a lower learning rate"
        )
    description = read_description(path)
    if description.get("params", digest) != digest:
        raise UserError(
            f"{path}.json: describes other params than {path} holds now; take both files from one "
            "run, or delete the .json"
        )
    return our_names(state), description, digest


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
    try:
        model.load_state_dict(state, strict=True)
    except RuntimeError:  # tensors that cannot be copied, such as sparse ones
        raise UserError(
            f"{path}: does not fit this model (tensors of another kind); give a file written by "
            "--writing_params_path"
        ) from None


# ---------------------------------------------------------------------------------------------
# The description
# ---------------------------------------------------------------------------------------------


def read_description(path: str) -> dict:
    """What `<path>.json` says of the params in `path`; {} where there is none.

    Raises UserError for what is no description.
    """
    if not os.path.exists(f"{path}.json"):
        return {}
    try:
        description = json.loads(read_text(f"{path}.json"))
    except UserError:
        raise
    except json.JSONDecodeError as error:
        raise UserError(f"{path}.json: not JSON (line {error.lineno}); delete or mend it") from None
    except (ValueError, RecursionError):  # a number or a nesting that is too long
        raise UserError(f"{path}.json: not JSON that can be read; delete or mend it") from None
    if not isinstance(description, dict):
        raise UserError(f"{path}.json: not a JSON object; delete or mend it")
    for name, value in description.items():
        wanted = wrong_value(name, value)
        if wanted:
            raise UserError(
                f"{path}.json: {name} is {json.dumps(value)[:40]}, not {wanted}; delete or mend it"
            )
    return description


def wrong_value(name: str, value) -> str | None:
    """What `name` must be in a description, if `value` is not; else None."""
    number = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= LARGEST
    if name in (*COURSE_SIZES, "vocab_size", "answer_length"):
        return None if number else f"a whole number from 1 to {LARGEST}"
    if name == "bottleneck_dim":
        return None if number or value is None else "a whole number from 1 or null"
    if name == "variant":
        return None if isinstance(value, str) and value in VARIANTS else "one of the variants"
    if name == "positions":
        known = isinstance(value, str) and value in POSITIONS
        return None if known or value is None else f"one of {', '.join(POSITIONS)}"
    if name in ("vocabulary", "params", "function", "recipe"):
        return None if isinstance(value, str) else "text"
    if name == "questions_seen" and value is not None:
        texts = isinstance(value, list) and all(isinstance(text, str) for text in value)
        return None if texts else "a list of texts"
    return None


def infer_description(state: dict[str, Tensor]) -> dict:
    """What names and shapes alone say: n_layer, n_embd, block_size, whether positions are learned,
    and the variant, if it is one of the course's editions.

    n_head shows only in a synthesizer's w2 and in rotary tables; otherwise it is left out.
    """
    blocks = {name.split(".")[1] for name in state if name.startswith("blocks.")}
    known = {"n_layer": len(blocks), "n_embd": state["tok_emb.weight"].shape[1]}
    if "pos_emb" in state and state["pos_emb"].ndim == 3:
        known |= {"block_size": state["pos_emb"].shape[1], "positions": "learned"}
    elif "blocks.0.attn.mask" in state and state["blocks.0.attn.mask"].ndim == 4:
        known["block_size"] = state["blocks.0.attn.mask"].shape[-1]
    for variant, entry in VARIANTS.items():
        sizes = entry.recognise(state) if entry.recognise else None
        if sizes is not None:
            return known | {"variant": variant} | sizes
    return known


# ---------------------------------------------------------------------------------------------
# A GPT -> a params file
# ---------------------------------------------------------------------------------------------


def save_params(model: torch.nn.Module, path: str, description: dict) -> None:
    """Write the model's state_dict to `path` and `description` to `<path>.json`.

    New weights never stand beside the old ones' description or calibration. Raises UserError where
    the disk refuses, and for weights that are not finite, of which nothing is written.
    """
    state = {name: value.cpu() for name, value in model.state_dict().items()}
    broken = first_not_finite(state)
    if broken:
        raise UserError(
            f"{path}: not written, {broken} holds numbers that are not finite; train again with a "
            "lower learning rate"
        )
    outdated = (f"{path}.json", f"{path}.calibration.json")
    digest = save_tensors(clean_names(state), path, outdated)
    with write_whole(f"{path}.json") as file:
        json.dump(description | {"params": digest}, file, indent=2)
        file.write("\n")


def describe(config: GPTConfig) -> dict:
    """Variant, sizes, positions and bottleneck of a model, as its description keeps them."""
    about = {"variant": variant_name(config), "vocab_size": config.vocab_size}
    about |= {name: getattr(config, name) for name in COURSE_SIZES}
    options = VARIANTS[about["variant"]].options
    latents = bottleneck(config) if "bottleneck_dim" in options else None
    return about | {"positions": positions_name(config), "bottleneck_dim": latents}


@dataclass(frozen=True)
class ModelFiles:
    """A model's params, its corpus and questions that its training never saw; the params before its
    finetuning, where they are kept."""

    params: str
    corpus: str
    questions: str
    pretrained: str | None


def default_model() -> ModelFiles:
    """The model that is meant where none is named: `model.params` of the folder one is in, which
    the quickstart writes there, otherwise the one that comes with the project.

    Raises UserError where there is neither.
    """
    for folder in (Path(), SHIPPED):
        own, before = folder / "model.params", folder / "model.pretrained.params"
        corpus = folder / "wiki.txt"
        if own.is_file() and corpus.is_file():
            questions = str(folder / "birth_dev.tsv")
            pretrained = str(before) if before.is_file() else None
            return ModelFiles(str(own), str(corpus), questions, pretrained)
    raise UserError(
        f"no model.params here, nor in {SHIPPED}; name a model by --reading_params_path, or start "
        "in the folder of a quickstart"
    )
