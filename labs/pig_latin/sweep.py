"""One run of the encoder-decoder for labs/scaling: a size, trained until its FLOPs are spent."""

from dataclasses import asdict, dataclass

import utils
from labs.pig_latin.arm import count_parameters
from labs.pig_latin.data import pairs_path, read_pairs, split
from labs.pig_latin.model import EncoderDecoder, Sizes
from labs.pig_latin.train import Run, until_spent

SIZES = (16, 24, 32, 48, 80, 128)  # hidden channels
BUDGETS = (8e10, 16e10, 32e10, 64e10, 128e10)  # FLOPs of the profiles
HELD = 1024  # pairs of the validation loss
SIZE_NAME, SCORE_NAME = "hidden", "validation loss, nats per symbol"


@dataclass(frozen=True)
class Settings:
    """What a run is made of. `size`: hidden channels; `marks`: FLOPs at which to measure."""

    size: int
    marks: tuple[float, ...]  # the last is where it ends
    pairs: str = "large"
    batch_size: int = 64
    layers: int = 3
    learning_rate: float = 5e-4
    seed: int = 0


def run(settings: Settings) -> dict:
    train, held = split(read_pairs(pairs_path(settings.pairs)), settings.seed)
    utils.set_seed(settings.seed)
    model = EncoderDecoder(Sizes(settings.size, settings.layers))
    curve = Run(model, train, held[:HELD], until_spent(settings, settings.marks)).run()
    return asdict(settings) | {
        "parameters": count_parameters(model),
        "examples": len(train),
        "curve": [
            {"flops": r["flops"], "tokens": r["tokens"], "score": r["validation"]} for r in curve
        ],
    }
