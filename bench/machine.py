"""What this machine is, and what ten minutes of it give: python bench/machine.py (half a minute).

Which kind of CPU (with bfloat16 instructions or without), its cores, the rate of matrix products,
the seconds of a training step of the knowledge recipe (batch 128, the course's model, on the data
that is here), Muon's share of them, and how right the answers are to be expected after as many
steps: from the runs of results/2026-11-21-recipe, on the course's data. The last line is JSON.
"""

import argparse
import json
import os
import time
from statistics import median

import torch
from measure import SIZES, add_sizes, native_dtypes, product_rate, timed

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text
from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from recipes import KNOWLEDGE, trainer_config
from trainer import Trainer
from training.device import pick_device
from training.knowledge import KnowledgeDataset
from training.runlog import machine

SOURCE = "results/2026-11-21-recipe"
RIGHT = ((310, 4.4), (710, 43.0), (1217, 69.8), (3064, 81.8))  # steps, per cent of 500 dev answers
FEWEST = 4  # steps measured, however slow they are


def expected_right(steps: float) -> float | None:
    """Per cent of right answers after so many steps, between the two nearest measured runs.

    None below the shortest of them, of which nothing is known; the longest's beyond it.
    """
    if steps < RIGHT[0][0]:
        return None
    for (before, low), (after, high) in zip(RIGHT, RIGHT[1:], strict=False):
        if steps <= after:
            return low + (high - low) * (steps - before) / (after - before)
    return RIGHT[-1][1]


def build(args: argparse.Namespace, device: torch.device) -> Trainer:
    """The trainer of the knowledge recipe's pretraining, ready to step."""
    corpus_path, train_path = find_files(args.corpus, args.questions)
    corpus = CharCorruptionDataset(read_text(corpus_path), args.block_size)
    questions = NameDataset(corpus, read_text(train_path), True, source=train_path)
    phase = KNOWLEDGE["pretrain"]
    data = KnowledgeDataset(corpus, questions, phase.mixture)
    sizes = {name: getattr(args, name) for name in SIZES}
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
    steps = 600 / seconds
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
        "expected_right_per_cent": expected_right(steps),
        "expected_from": SOURCE,
        "machine": machine(device),
    }


def print_figures(found: dict) -> None:
    name, cores = found["machine"]["device_name"], found["usable_cores"]
    kind = "with bfloat16 instructions" if found["bf16"] else "without bfloat16 instructions"
    print(f"{name}: {cores} cores, {found['machine']['threads']} threads, {kind}")
    for dtype, rate in found["product_rates"].items():
        print(f"matrix products in {dtype}: {rate / 1e9:.0f} GFLOP/s")
    step, count = found["step_seconds"], found["steps_measured"]
    print(f"a step of the knowledge recipe: {step:.2f} s (median of {count}), ", end="")
    print(f"of which the optimizer {found['muon_share']:.1%}")
    right = found["expected_right_per_cent"]
    outcome = f"fewer than the {RIGHT[0][0]} that were ever tried: expect nothing"
    if right is not None:
        outcome = f"about {right:.0f} % right on the course's data"
    print(f"{found['steps_per_minute']:.0f} steps a minute; ten minutes are "
          f"{found['steps_in_ten_minutes']:.0f} steps: {outcome} ({SOURCE})")  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sizes(parser)
    parser.add_argument("--questions", default="birth_places_train.tsv", help="training questions")
    parser.add_argument("--seconds", type=float, default=18, help="of measured steps, about")
    args = parser.parse_args(argv)
    if args.seconds <= 0 or args.batch_size < 1:
        raise UserError("--seconds and --batch_size must be above 0; mend them")
    found = figures(args)
    print_figures(found)
    print(json.dumps(found))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
