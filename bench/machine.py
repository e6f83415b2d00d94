"""What this machine is, and what ten minutes of it give: python bench/machine.py (half a minute).

Which kind of CPU (with bfloat16 instructions or without), its cores, the rate of matrix products,
the seconds of a training step of the recipe `reading` (batch 128, the course's model, on the data
that is here), Muon's share of them, and how many answers are right after as many steps. That rests
on the few runs in MEASURED, one seed each: between two of them only the number of steps is
interpolated, and below the shortest nothing is known. A step of half as many rows is taken to last
half as long. The last line is JSON.
"""

import argparse
import json
import os
import time
from statistics import median
from typing import NamedTuple

from options import COURSE_SIZES, add_sizes, new_parser

from base.cli import Parser, check_words, real
from base.errors import errors_are_sentences
from base.files import find_files, read_text


def parser() -> Parser:
    p = new_parser(__doc__)
    add_sizes(p)
    p.add_argument("--questions", default="birth_places_train.tsv", help="training questions")
    p.add_argument("--seconds", type=real(3600), default=18, help="of measured steps, about")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from measure import native_dtypes, product_rate, timed

from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from recipes import READING, trainer_config
from trainer import Trainer
from training.device import pick_device
from training.knowledge import KnowledgeDataset
from training.runlog import machine

FEWEST = 4  # steps measured, however slow they are
TEN_MINUTES = 600.0


class Measured(NamedTuple):
    """Runs of one recipe on one kind of data: their steps, and per cent of right dev answers."""

    recipe: str
    data: str
    batch_size: int
    runs: tuple[tuple[int, float], ...]  # pretraining and finetuning steps together
    source: str


COURSE_DATA = "the course's data (500 questions)"
MEASURED = (
    Measured("reading", COURSE_DATA, 128, ((1507 + 141, 92.0),), "results/2026-11-27-reading"),
    Measured(
        "reading", "the embedded world of 700 (119 questions)", 64, ((769 + 21, 95.8),),
        "results/2026-11-27-quickstart",
    ),
    Measured(  # pretraining's steps alone; it learns less in as many, so `reading` has more. These
        # runs drew the hidden spans by the word before them; today's recipe has a reader for that
        "knowledge", COURSE_DATA, 128, ((310, 4.4), (710, 43.0), (1217, 69.8), (3064, 81.8)),
        "results/2026-11-21-recipe",
    ),
)  # fmt: skip


def expected_right(runs: tuple[tuple[int, float], ...], steps: float) -> float | None:
    """Per cent of right answers after so many steps, between the two nearest of the `runs`.

    None below the shortest of them, of which nothing is known; the longest's beyond it.
    """
    if steps < runs[0][0]:
        return None
    for (before, low), (after, high) in zip(runs, runs[1:], strict=False):
        if steps <= after:
            return low + (high - low) * (steps - before) / (after - before)
    return runs[-1][1]


def expectations(rows: float) -> list[dict]:
    """For each of MEASURED, what so many rows of training should give."""
    expected = []
    for recipe, data, batch_size, runs, source in MEASURED:
        steps = rows / batch_size
        expected.append({
            "recipe": recipe, "data": data, "batch_size": batch_size, "steps": steps,
            "fewest_steps_tried": runs[0][0], "right_per_cent": expected_right(runs, steps),
            "source": source,
        })  # fmt: skip
    return expected


def build(args: argparse.Namespace, device: torch.device) -> Trainer:
    """The trainer of the pretraining of `reading`, ready to step."""
    corpus_path, train_path = find_files(args.corpus, args.questions)
    corpus = CharCorruptionDataset(read_text(corpus_path), args.block_size)
    questions = NameDataset(corpus, read_text(train_path), True, source=train_path)
    phase = READING["pretrain"]
    data = KnowledgeDataset(corpus, questions, phase.mixture)
    sizes = {name: getattr(args, name) for name in COURSE_SIZES}
    drops = dict.fromkeys(("embd_pdrop", "resid_pdrop", "attn_pdrop"), phase.dropout)
    config = trainer_config(
        phase, len(corpus), args.block_size, batch_size=args.batch_size, device=device.type,
        parts=args.parts,
    )  # fmt: skip
    torch.manual_seed(0)
    trainer = Trainer(GPT(GPTConfig(corpus.vocab_size, **sizes, **drops)), data, None, config)
    trainer.prepare()
    return trainer


def step_seconds(trainer: Trainer, seconds: float) -> tuple[list[float], list[float]]:
    """Seconds of each step, and of its optimizer alone, as many as fit; the first is left out."""
    device, batches = trainer.device, trainer.batches(0)
    whole, optimizer = [], []
    update = trainer.optimizer.step
    trainer.optimizer.step = lambda *a: optimizer.append(timed(lambda: update(*a), device))
    start, step = time.monotonic(), 0
    while step < FEWEST or time.monotonic() - start < seconds:
        parts = next(batches)
        whole.append(timed(lambda step=step, parts=parts: trainer.step(step, parts), device))
        step += 1
    return whole[1:], optimizer[1:]


def usable_cores() -> int:
    """Cores that this process may use: fewer than there are under taskset or in a container."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def figures(args: argparse.Namespace) -> dict:
    device = pick_device(args.device)
    rates = {str(dtype)[6:]: product_rate(dtype, device) for dtype in native_dtypes(device)}
    whole, optimizer = step_seconds(build(args, device), args.seconds)
    seconds = median(whole)
    steps = TEN_MINUTES / seconds
    return {
        "bench": "machine",
        "bf16": "bfloat16" in rates,
        "usable_cores": usable_cores(),
        "product_rates": rates,
        "step_seconds": seconds,
        "steps_measured": len(whole),
        "muon_share": median(optimizer) / seconds,
        "steps_per_minute": 60 / seconds,
        "steps_in_ten_minutes": steps,
        "expected": expectations(steps * args.batch_size),
        "machine": machine(device),
    }


def print_figures(figures: dict) -> None:
    name, cores = figures["machine"]["device_name"], figures["usable_cores"]
    kind = "with bfloat16 instructions" if figures["bf16"] else "without bfloat16 instructions"
    print(f"{name}: {cores} cores, {figures['machine']['threads']} threads, {kind}")
    for dtype, rate in figures["product_rates"].items():
        print(f"matrix products in {dtype}: {rate / 1e9:.0f} GFLOP/s")
    step, count = figures["step_seconds"], figures["steps_measured"]
    print(f"a step of the recipe reading: {step:.2f} s (median of {count}), ", end="")
    print(f"of which the optimizer {figures['muon_share']:.1%}")
    print(f"{figures['steps_per_minute']:.0f} steps a minute; ten minutes are "
          f"{figures['steps_in_ten_minutes']:.0f} steps. Right answers to expect then, from runs "
          "that were measured (between two of them, only the steps are interpolated):")  # fmt: skip
    for row in figures["expected"]:
        right = row["right_per_cent"]
        outcome = f"not known, {row['fewest_steps_tried']} is the fewest that was tried"
        if right is not None:
            outcome = f"about {right:.0f} %"
        print(f"  {row['recipe']}, {row['data']}: {row['steps']:.0f} steps of "
              f"{row['batch_size']} rows: {outcome} ({row['source']})")  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    result = figures(args)
    print_figures(result)
    print(json.dumps(result))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
