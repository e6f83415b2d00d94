"""What a run trains on, with what, for how long, as data."""

from dataclasses import dataclass

from training.config import SETTINGS, TrainerConfig
from training.knowledge import Mixture


@dataclass(frozen=True)
class Phase:
    """One run of the trainer: its length, rates and data. The defaults are the course's."""

    max_epochs: int
    batch_size: int
    learning_rate: float
    warmup_tokens: int = 512 * 20
    schedule: str = "course"
    optimizer: str = "adamw"
    muon_learning_rate: float = 0.02
    shuffle: bool = False
    dropout: float = 0.1  # of embeddings, attention weights and residual branches
    mixture: Mixture | None = None  # None: documents alone, or questions alone
    unicode_names: bool = False


COURSE = {  # handout, parts c and f; the schedule is the same in all three
    "pretrain": Phase(max_epochs=650, batch_size=128, learning_rate=6e-3),
    "finetune from scratch": Phase(max_epochs=75, batch_size=256, learning_rate=6e-4),
    "finetune": Phase(max_epochs=10, batch_size=256, learning_rate=6e-4),
}

OURS = {
    "warmup_tokens": 20 * 128 * 127,
    "schedule": "linear",
    "optimizer": "muon",
    "shuffle": True,
    "dropout": 0.0,
    "unicode_names": True,
}
KNOWLEDGE = {  # documents are learnt in the way in which they will be asked for
    "pretrain": Phase(300, 128, learning_rate=3e-3, mixture=Mixture(reader=True), **OURS),
    "finetune from scratch": COURSE["finetune from scratch"],
    "finetune": Phase(
        2,
        128,
        learning_rate=3e-4,
        mixture=Mixture(questions=0.5, reader=True),
        **OURS | {"muon_learning_rate": 0.002},
    ),
}
READ = Mixture(questions=0.85, reader=True, read=1.0)
READING = KNOWLEDGE | {  # and every titled person is asked about, as a reader answers
    "pretrain": Phase(300, 128, learning_rate=3e-3, mixture=READ, **OURS),
    "finetune": Phase(
        2, 128, learning_rate=3e-4, mixture=READ, **OURS | {"muon_learning_rate": 0.002}
    ),
}
RECIPES = {"course": COURSE, "knowledge": KNOWLEDGE, "reading": READING}


def trainer_config(phase: Phase, documents: int, block_size: int, **settings) -> TrainerConfig:
    """The TrainerConfig of `phase`, with a pretraining corpus of `documents` documents.

    `settings` (any field of TrainerConfig that is not None) override it; another learning_rate
    moves Muon's in the same proportion.
    """
    own = {name: getattr(phase, name) for name in SETTINGS if hasattr(phase, name)}
    config = TrainerConfig(
        lr_decay=True, num_workers=4, final_tokens=200 * documents * block_size, **own
    )
    for name, value in settings.items():
        if value is not None:
            setattr(config, name, value)
    config.muon_learning_rate *= config.learning_rate / phase.learning_rate
    return config
