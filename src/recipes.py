"""What a run trains on, with what, for how long, as data."""

from dataclasses import dataclass

from trainer import TrainerConfig


@dataclass(frozen=True)
class Phase:
    """One run of the trainer: its length and rates."""

    max_epochs: int
    batch_size: int
    learning_rate: float


COURSE = {  # handout, parts c and f; the schedule is the same in all three
    "pretrain": Phase(max_epochs=650, batch_size=128, learning_rate=6e-3),
    "finetune from scratch": Phase(max_epochs=75, batch_size=256, learning_rate=6e-4),
    "finetune": Phase(max_epochs=10, batch_size=256, learning_rate=6e-4),
}
RECIPES = {"course": COURSE}


def trainer_config(phase: Phase, documents: int, block_size: int, **settings) -> TrainerConfig:
    """The course's TrainerConfig for `phase`, with a pretraining corpus of `documents` documents.

    `settings` (any field of TrainerConfig that is not None) override it.
    """
    config = TrainerConfig(
        max_epochs=phase.max_epochs,
        batch_size=phase.batch_size,
        learning_rate=phase.learning_rate,
        lr_decay=True,
        warmup_tokens=512 * 20,
        final_tokens=200 * documents * block_size,
        num_workers=4,
    )
    for name, value in settings.items():
        if value is not None:
            setattr(config, name, value)
    return config
