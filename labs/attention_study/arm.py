"""One run of the study: train, measure, answer.

It has a process of its own (labs/common/family.py), so that peak memory is this run's alone.
"""

import math
import resource
import statistics
import sys
import time
from dataclasses import asdict, dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

import utils
from answers.predict import predict
from attention import VARIANTS
from dataset import CharCorruptionDataset, NameDataset
from labs.attention_study.world import Kept, World, course_world, small_world
from model import GPT, GPTConfig
from recipes import COURSE, KNOWLEDGE, trainer_config
from trainer import Trainer
from training.knowledge import KnowledgeDataset, Mixture
from training.runlog import RunLog, machine

DRAWS = 8  # corruptions of each held-out document
NO_DROPOUT = {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
BUCKET = 8  # positions that are averaged in the loss by position
# the small preset's rows
MIXTURE = Mixture(questions=0.2, anchored=0.6, window=12, shift=10, focus=0.0)
LATER = 1_000_000  # epochs from here on are drawn for measuring, never for training


@dataclass(frozen=True)
class Settings:
    """What a run is made of; equal settings give the same run."""

    variant: str
    positions: str | None
    seed: int
    preset: str = "small"
    people: int = 200
    steps: int = 1500  # of training, in the small preset
    batch_size: int = 64
    learning_rate: float = 3e-3
    n_layer: int = 3
    n_head: int = 4
    n_embd: int = 64
    block_size: int = 64
    device: str = "auto"


def run(settings: Settings) -> dict:
    """Everything that is measured of one run."""
    world = small_world(settings.people) if settings.preset == "small" else course_world()
    corpus = CharCorruptionDataset("\n".join(world.documents), settings.block_size, settings.seed)
    utils.set_seed(settings.seed)
    model = build(settings, corpus.vocab_size, settings.block_size)
    layer, own = VARIANTS[settings.variant].layer, VARIANTS[settings.variant].positions
    ran = {type(module).__name__ for module in model.modules() if type(module) is layer}
    assert ran, f"no {layer} in the model"
    result = asdict(settings) | {
        "arm": settings.variant + ("" if model.positions == own else f"+{model.positions}"),
        "class": ran.pop(),
        "positions": model.positions,
        "parameters": sum(p.numel() for p in model.parameters()),
    }
    result |= pretrain(model, corpus, world, settings)
    result |= measure(model, corpus, world, settings)
    if settings.preset == "course":
        finetune(model, corpus, world, settings)
    result |= answer(model, corpus, world)
    return result | {"machine": machine(next(model.parameters()).device)}


def build(settings: Settings, vocab_size: int, block_size: int) -> GPT:
    return GPT(
        GPTConfig(
            vocab_size,
            block_size,
            variant=settings.variant,
            positions=settings.positions,
            n_layer=settings.n_layer,
            n_head=settings.n_head,
            n_embd=settings.n_embd,
            **({} if settings.preset == "course" else NO_DROPOUT),
        )
    )


class Timed(RunLog):
    """A log that keeps the time of every step."""

    def __init__(self):
        super().__init__()
        self.times = [time.perf_counter()]

    def record(self, **row) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        self.times.append(time.perf_counter())
        super().record(**row)

    def seconds_per_step(self) -> float:
        """The median, without the first steps, which compile and warm up."""
        gaps = [b - a for a, b in zip(self.times, self.times[1:], strict=False)]
        return statistics.median(gaps[min(10, len(gaps) // 2) :])


def pretrain(model: GPT, corpus: CharCorruptionDataset, world: World, settings: Settings) -> dict:
    data, log = Kept(corpus, world.held_out), Timed()
    shared = {"seed": settings.seed, "device": settings.device, "log": log}
    phase = COURSE["pretrain"]
    if settings.preset == "small":
        mixed = KnowledgeDataset(corpus, NameDataset(corpus, world.train), MIXTURE)
        data = Kept(mixed, world.held_out)
        phase = replace(
            KNOWLEDGE["pretrain"],
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
        )
        shared |= {"max_steps": settings.steps, "parts": 1}
    config = trainer_config(phase, len(data), settings.block_size, **shared)
    trainer = Trainer(model, data, None, config)
    started = time.perf_counter()
    trainer.train()
    return {
        "pretrain_steps": trainer.total_steps,
        "pretrain_seconds": time.perf_counter() - started,
        "seconds_per_step": log.seconds_per_step(),
        "peak_memory_mib": peak_memory(trainer.device),
    }


def finetune(model: GPT, corpus: CharCorruptionDataset, world: World, settings: Settings) -> None:
    """The course's finetuning, on the train questions."""
    shared = {"seed": settings.seed, "device": settings.device}
    config = trainer_config(COURSE["finetune"], len(corpus), settings.block_size, **shared)
    Trainer(model, NameDataset(corpus, world.train), None, config).train()


def answer(model: GPT, corpus: CharCorruptionDataset, world: World) -> dict:
    """Correct answers to the dev questions."""
    rows = [line.split("\t") for line in world.dev.splitlines()]
    answers = predict(model, corpus, [question for question, _ in rows])
    correct = sum(answer == place for answer, (_, place) in zip(answers, rows, strict=True))
    return {"correct": correct, "questions": len(rows)}


@torch.no_grad()
def losses(model: GPT, dataset: CharCorruptionDataset, indices: list[int]) -> Tensor:
    """Cross-entropies (rows, row_length) of DRAWS corruptions of each document; NaN at PAD."""
    device, rows = next(model.parameters()).device, []
    model.eval()
    for draw in range(DRAWS):
        for x, y in dataset.batch(torch.tensor(indices), LATER + draw, device, parts=4):
            loss = F.cross_entropy(model(x)[0].transpose(1, 2).float(), y, reduction="none")
            loss = loss.masked_fill(y == model.ignore_index, math.nan)
            missing = dataset.row_length - loss.shape[1]
            rows.append(F.pad(loss, (0, missing), value=math.nan).cpu())
    return torch.cat(rows)


def measure(model: GPT, corpus: CharCorruptionDataset, world: World, settings: Settings) -> dict:
    """Loss on the held-out documents: mean, by position, and on rows longer than the block.

    The held-out corruptions do not depend on the run's seed.
    """
    text, block = "\n".join(world.documents), settings.block_size
    table = losses(model, CharCorruptionDataset(text, block), world.held_out)
    by_position = [part.nanmean().item() for part in table.split(BUCKET, dim=1)]
    found = {
        "held_out_loss": table.nanmean().item(),
        "loss_by_position": [None if math.isnan(loss) else loss for loss in by_position],
        "perplexity_within": None,
        "perplexity_beyond": None,
    }
    longer = lengthened(model, settings, corpus.vocab_size)
    if longer is not None:
        table = losses(longer, CharCorruptionDataset(text, 2 * block), world.held_out)
        trained = corpus.longest + 1  # positions that a training row can have
        found["perplexity_within"] = table[:, :trained].nanmean().exp().item()
        found["perplexity_beyond"] = table[:, trained:].nanmean().exp().item()
    return found


def lengthened(model: GPT, settings: Settings, vocab_size: int) -> GPT | None:
    """The model for twice the block, or None where weights belong to positions."""
    longer = build(settings, vocab_size, 2 * settings.block_size)
    tables = ("mask", "rope_cache")  # made from the positions, not learned
    theirs = {k: v for k, v in model.state_dict().items() if not k.endswith(tables)}
    ours = {k: v for k, v in longer.state_dict().items() if not k.endswith(tables)}
    if any(ours[name].shape != value.shape for name, value in theirs.items()):
        return None
    longer.load_state_dict(theirs, strict=False)
    return longer.to(next(model.parameters()).device)


def peak_memory(device: torch.device) -> float:
    """The most memory of this process up to now, in MiB: the GPU's where it runs there."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)

