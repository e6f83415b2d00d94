"""One run: a small GPT is trained on sentences, and measured. Used by __main__.py and table.py.

The sizes are the handout's (UW CSE 517, assignment 2, 2.2): 3 layers, 3 heads, 48 channels, block
1024, rows of at most 100 tokens, 32 rows a step, AdamW with a rate of 5e-4.
"""

import math
import time
from dataclasses import asdict, dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

import utils
from answers.decode import Sampling, generate
from base.errors import UserError
from labs.mini_transformer import text, variant
from labs.mini_transformer.text import PAD, START, STOP, Rows, Vocabulary
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig
from training.runlog import RunLog, machine

BLOCK = 1024
SIZES = {"n_layer": 3, "n_head": 3, "n_embd": 48}
PLACES = (100, 150, 200, 400)  # tokens before and at which streams are measured
WINDOW = 25  # tokens up to each place
BATCH = 16  # rows that are measured together
SINGLY = 100  # sentences that are read token by token, where a variant sees the future


@dataclass(frozen=True)
class Settings:
    """What a run is made of; equal settings give the same run.

    streams: train on sentences packed into rows of 100 tokens, and measure by position. `steps`, or
    else `epochs`.
    """

    variant: str = "vanilla"
    positions: str | None = None
    seed: int = 0
    train: str | None = None
    dev: str | None = None
    streams: bool = False
    epochs: int = 20
    steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 5e-4


@dataclass
class Data:
    """What a run reads: rows to train on, held-out rows, held-out streams (or None)."""

    vocabulary: Vocabulary
    train: Rows
    dev: Rows
    streams: Rows | None = None


def load(settings: Settings) -> Data:
    train, dev = text.load(settings.train, settings.dev)
    vocabulary = Vocabulary(train)
    held_out = text.sentence_rows(dev, vocabulary)
    if not settings.streams:
        return Data(vocabulary, text.sentence_rows(train, vocabulary), held_out)
    rows = text.stream_rows(train, vocabulary, text.LENGTH, text.LENGTH)
    streams = text.stream_rows(dev, vocabulary, PLACES[-1], WINDOW)
    return Data(vocabulary, rows, held_out, streams)


def build(settings: Settings, vocab_size: int) -> GPT:
    """The untrained model. Raises UserError for positions that the variant cannot have."""
    variant.ensure_registered()
    utils.set_seed(settings.seed)
    chosen = {"variant": settings.variant, "positions": settings.positions}
    try:
        return GPT(GPTConfig(vocab_size, BLOCK, **chosen, **SIZES))
    except ValueError as error:
        raise UserError(str(error)) from None


def fit(model: GPT, data: Data, settings: Settings, log: RunLog) -> Trainer:
    """Train; the held-out loss at the end of each epoch is only measured for a log that keeps it.
    """
    config = TrainerConfig(
        max_epochs=settings.epochs,
        max_steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        shuffle=True,
        parts=2,
        seed=settings.seed,
        log=log,
    )
    held_out = data.dev if log.folder else None
    trainer = Trainer(model, data.train, held_out, config)
    trainer.train()
    return trainer


def run(settings: Settings) -> dict:
    """Train and measure: the settings with all figures of the run."""
    return trained(settings, RunLog())[1]


def trained(settings: Settings, log: RunLog) -> tuple[GPT, dict, Data]:
    """The model, its figures, and what it was trained on."""
    data = load(settings)
    model = build(settings, len(data.vocabulary))
    started = time.perf_counter()
    trainer = fit(model, data, settings, log)
    found = asdict(settings) | {
        "steps": trainer.steps_done,
        "seconds": time.perf_counter() - started,
        "parameters": sum(p.numel() for p in model.parameters()),
        "vocabulary": len(data.vocabulary),
        "train rows": len(data.train),
        "dev sentences": len(data.dev),
        "positions": model.positions,
        "class": type(model.blocks[0].attn).__name__,
    }
    found |= perplexities(model, data.dev)
    if sees_the_future(model):
        found["token by token"] = perplexity_token_by_token(model, data.dev)
    if data.streams is not None:
        found["by position"] = perplexity_by_position(model, data.streams)
    return model, found | {"machine": machine(trainer.device)}, data


# ---------------------------------------------------------------------------------------------
# Measuring
# ---------------------------------------------------------------------------------------------


@torch.no_grad()
def losses(model: GPT, rows: Rows, wanted: Tensor | None = None) -> Tensor:
    """Cross-entropies (rows, longest row) in the rows' order; NaN where there is no target.

    `wanted`: booleans over the positions; the others are NaN too, and the head is spared there.
    """
    model.eval()
    device = next(model.parameters()).device
    table = torch.full((len(rows), rows.row_length), math.nan)
    order = sorted(range(len(rows)), key=lambda i: len(rows.rows[i]))  # little padding in a batch
    for chosen in torch.tensor(order).split(BATCH):
        ((x, y),) = rows.batch(chosen, 0, device)
        there = y != PAD
        if wanted is not None:
            there &= wanted[: y.shape[1]].to(device)
        found = torch.full(y.shape, math.nan, device=device)
        logits = model.head(model.hidden(x)[there])
        found[there] = F.cross_entropy(logits, y[there], reduction="none")
        table[chosen, : y.shape[1]] = found.cpu()
    return table


def perplexities(model: GPT, rows: Rows) -> dict[str, float]:
    """Both kinds. "per token": exp of the mean loss over all tokens. "per document", the handout's:
    the mean over documents of exp of a document's mean loss, which short and odd ones dominate."""
    table = losses(model, rows)
    return {
        "per token": table.nanmean().exp().item(),
        "per document": table.nanmean(1).exp().mean().item(),
    }


def perplexity_by_position(model: GPT, streams: Rows) -> dict[str, float]:
    """The perplexity of the WINDOW tokens up to each place in the streams.

    A stream begins every WINDOW tokens, so each place is measured on nearly the same tokens.
    """
    wanted = torch.zeros(streams.row_length, dtype=torch.bool)
    for place in PLACES:
        wanted[place - WINDOW : place] = True
    table = losses(model, streams, wanted)
    return {
        str(place): table[:, place - WINDOW : place].nanmean().exp().item() for place in PLACES
    }


def sees_the_future(model: GPT) -> bool:
    return not all(getattr(module, "causal", True) for module in model.modules())


@torch.no_grad()
def perplexity_token_by_token(model: GPT, rows: Rows) -> float:
    """The perplexity where the model has each prefix alone, as in generation; of SINGLY rows.

    For a causal layer it is the same as in one pass; for one that sees the future it is the honest
    figure.
    """
    model.eval()
    chosen = [rows[i] for i in range(min(SINGLY, len(rows)))]
    total, count = 0.0, 0
    for t in range(1, max(len(x) for x, _ in chosen) + 1):
        reach = [(x[:t], y[t - 1]) for x, y in chosen if len(x) >= t]
        x, y = (torch.stack(side) for side in zip(*reach, strict=True))
        logits = model.head(model.hidden(x)[:, -1])
        total += F.cross_entropy(logits, y, reduction="sum").item()
        count += len(y)
    return math.exp(total / count)


def samples(model: GPT, vocabulary: Vocabulary, count: int, seed: int) -> list[str]:
    """Sentences that the model writes: drawn from what it gives after START, up to STOP."""
    if not count:
        return []
    drawn = generate(model, [[START]], text.LENGTH, [STOP], Sampling(seed), count)[0]
    return [vocabulary.decode(each.characters) for each in drawn]
