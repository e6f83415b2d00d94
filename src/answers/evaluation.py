"""The models that answer."""

import params
from base.errors import UserError
from dataset import CharCorruptionDataset
from model import COURSE_SIZES, GPT
from params import load_model


def load_pretrained(path: str, dataset: CharCorruptionDataset, model: GPT) -> GPT:
    """The model that `model` was finetuned from, on its device.

    Raises UserError where that cannot be: the params were finetuned themselves, or are of another
    architecture.
    """
    if params.read_description(path).get("function") == "finetune":
        raise UserError(f"{path}: holds finetuned params; give those before the finetuning")
    pretrained = load_model(path, dataset, model.variant)
    sizes, own = (
        [m.positions, *(getattr(m.config, name) for name in COURSE_SIZES)]
        for m in (pretrained, model)
    )
    if sizes != own:
        raise UserError(
            f"{path}: holds a model of other sizes or positions than the finetuned one, which was "
            "not made from it; give the params that it was finetuned from"
        )
    return pretrained.to(next(model.parameters()).device)
