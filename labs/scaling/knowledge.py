"""The birthplace GPT with the knowledge recipe, for labs/scaling: scored by its wrong answers.

Rows and optimizer of the recipe `knowledge` at a constant rate. A part of the training questions
is held out: their people are in the corpus, and the answers to them are what is counted. No dev or
test question is read.
"""

import random
from dataclasses import asdict, dataclass

import torch

import utils
from answers.predict import predict
from base.files import find_files, read_text
from base.questions import load_rows
from dataset import CharCorruptionDataset, NameDataset
from labs.scaling.birthplace import BLOCK, Counted, small_gpt, train
from recipes import KNOWLEDGE
from training.knowledge import KnowledgeDataset

SIZES = (64, 96, 128, 192, 256)
BUDGETS = (2e13, 4e13, 8e13, 16e13)
SIZE_NAME, SCORE_NAME = "channels", "share of wrong answers about held-out people"
HELD = 200  # questions; of a small file, a fifth


@dataclass(frozen=True)
class Settings:
    """What a run is made of. `size`: channels; `marks`: FLOPs at which to measure."""

    size: int
    marks: tuple[float, ...]
    batch_size: int = 128
    learning_rate: float = 3e-3
    muon_learning_rate: float = 0.02
    seed: int = 0


def run(settings: Settings) -> dict:
    corpus_path, questions_path = find_files("wiki.txt", "birth_places_train.tsv")
    corpus = CharCorruptionDataset(read_text(corpus_path), BLOCK, settings.seed)
    rows = load_rows(questions_path, places=True)
    random.Random(224).shuffle(rows)
    count = min(HELD, len(rows) // 5)
    held, asked = rows[:count], "\n".join(map(str, rows[count:]))
    utils.set_seed(settings.seed)
    model = small_gpt(corpus.vocab_size, settings.size)
    mixture = KNOWLEDGE["pretrain"].mixture
    data = KnowledgeDataset(corpus, NameDataset(corpus, asked, True), mixture)
    data = Counted(data, torch.arange(len(data)), model)

    def wrong(model) -> float:
        answers = predict(model, corpus, [row.question for row in held])
        return sum(a != row.place for a, row in zip(answers, held, strict=True)) / len(held)

    how = {"optimizer": "muon", "muon_learning_rate": settings.muon_learning_rate}
    curve = train(model, data, settings, wrong, **how)
    parameters = sum(p.numel() for p in model.parameters())
    return asdict(settings) | {"parameters": parameters, "asked": len(held), "curve": curve}
