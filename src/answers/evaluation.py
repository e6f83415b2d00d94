"""The models that answer."""

import params
from base.errors import UserError
from dataset import CharCorruptionDataset, vocabulary_hash
from model import COURSE_SIZES, GPT, GPTConfig


def load_model(path: str, dataset: CharCorruptionDataset, variant: str | None = None) -> GPT:
    """The model of a params file, on the CPU, as `<path>.json` or else the shapes describe it.

    `variant` serves where neither tells. Raises UserError where they tell of another one, and for
    params of another corpus.
    """
    state, description = params.load_params(path)
    told = params.infer_description(state) | description
    found = COURSE_SIZES | {"variant": variant} | told
    if variant not in (None, found["variant"]):
        raise UserError(f"{path}: holds a {found['variant']} model, not {variant}; drop --variant")
    if not description:
        print(f"{path}.json is missing; assuming {found}")
    if found.pop("vocabulary", vocabulary_hash(dataset)) != vocabulary_hash(dataset):
        raise UserError(
            f"{path}: made with the characters of another corpus; give the corpus that it was "
            "trained on"
        )
    found |= {"vocab_size": dataset.vocab_size}
    try:
        model = GPT(GPTConfig(**found))
    except ValueError as error:
        raise UserError(f"{path}: {error}") from None
    params.load_into(model, state, path)
    return model.eval()


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
