"""One run of the four-run experiment, or of its like: train, translate, count what is right."""

from dataclasses import asdict, dataclass
from pathlib import Path

import torch

import utils
from base.tensors import save_tensors
from labs.pig_latin.data import pairs_path, read_pairs, split
from labs.pig_latin.model import EncoderDecoder, Sizes, translate
from labs.pig_latin.rule import KINDS, kind
from labs.pig_latin.train import Run, Training

SENTENCE = "the air conditioning is working"


@dataclass(frozen=True)
class Settings:
    """What a run is made of; equal settings give the same run on the same machine."""

    hidden: int = 32
    pairs: str = "small"  # small, large, or the path of a file
    batch_size: int = 64
    layers: int = 3
    epochs: int = 50
    patience: int = 20
    learning_rate: float = 5e-4
    decay: float = 0.99
    seed: int = 0


def run(settings: Settings, folder: Path) -> dict:
    """Train; FOLDER/best.pt has the weights of the lowest validation loss."""
    pairs = read_pairs(pairs_path(settings.pairs))
    train, held = split(pairs, settings.seed)
    utils.set_seed(settings.seed)
    model = EncoderDecoder(Sizes(settings.hidden, settings.layers))
    sentences = []

    def translate_the_sentence(model, row: dict) -> None:
        sentences.append(" ".join(translate(model, SENTENCE.split())))

    own = {k: v for k, v in asdict(settings).items() if k in Training.__dataclass_fields__}
    run = Run(model, train, held, Training(**own), translate_the_sentence)
    curve = run.run()
    save(model, folder / "best.pt")
    lowest = min(curve, key=lambda row: row["validation"])
    return asdict(settings) | {
        "parameters": count_parameters(model),
        "examples": len(train),
        "curve": curve,
        "lowest": lowest,
        "sentences": sentences,
        "exact": exact_match(lambda words: translate(model, words), held),
        "threads": torch.get_num_threads(),
    }


def save(model: EncoderDecoder, path: Path) -> None:
    """The weights and the sizes of a model, in one file."""
    content = {"sizes": list(model.sizes), "state": model.state_dict()}
    save_tensors(content, str(path))


def count_parameters(model: torch.nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


def exact_match(translator, pairs) -> dict[str, list[int]]:
    """{kind: [right, asked]} over the pairs, and over "all"; translator: words -> translations."""
    counts = {name: [0, 0] for name in ("all", *KINDS)}
    answers = translator([word for word, _ in pairs])
    for (word, translation), answer in zip(pairs, answers, strict=True):
        for name in ("all", kind(word)):
            counts[name][0] += answer == translation
            counts[name][1] += 1
    return counts
