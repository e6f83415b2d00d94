"""What one synthesizer layer cannot do: python -m labs.attention_exploration.lookup

CS224N, A5, question 2(g)ii. The task is by content: a row holds PAIRS tokens, each a key with what
follows it, then QUERIES keys; after each of these the model gives what followed that key, wherever
it stood. Vanilla compares query and key. A synthesizer's weights come from the query's token and
position alone, so it does not know where to look.

Trains the GPT of src/ with one and two layers, at several widths, with three seeds. Runs whose
result is there are not repeated.
"""

import argparse
import statistics
from dataclasses import asdict, dataclass

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from labs.common import family

ARMS = (
    *(("vanilla", 1, width) for width in (32, 64)),
    *(("synthesizer", 1, width) for width in (32, 64, 128)),
    *((variant, 2, 32) for variant in ("vanilla", "synthesizer")),
)


@dataclass(frozen=True)
class Settings:
    """What a run is made of."""

    variant: str
    layers: int
    width: int
    seed: int
    steps: int = 600
    batch_size: int = 64
    learning_rate: float = 3e-3


def name_of(variant: str, layers: int, width: int) -> str:
    return f"{variant}-{layers}x{width}"


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    name = "python -m labs.attention_exploration.lookup"
    p = Parser(prog=name, description=__doc__, formatter_class=style)
    names = [name_of(*arm) for arm in ARMS]
    p.add_argument("--only", nargs="+", metavar="ARM", choices=names, help=", ".join(names))
    p.add_argument("--steps", type=whole(), default=Settings.steps, help="of each run")
    family.add_options(p, "runs/lookup")
    p.set_defaults(seeds=[0, 1, 2], jobs=2)
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from torch import Tensor
from torch.utils.data import Dataset

import utils
from labs.common.intervals import share
from labs.common.plots import COLOURS, new_figure, save
from model import GPT, GPTConfig
from trainer import Trainer, TrainerConfig
from training.runlog import RunLog, machine

KEYS, VALUES = 32, 16
PAIRS, QUERIES = 16, 8
LENGTH = PAIRS + QUERIES
FIRST_QUERY = 1 + VALUES  # tokens: PAD, the values, the keys asked about, the pairs
FIRST_PAIR = FIRST_QUERY + KEYS
VOCABULARY = FIRST_PAIR + KEYS * VALUES
TESTED = 2000  # fresh rows
TEST_SEED = 1_000_003  # of these; no run trains on it


class Lookups(Dataset):
    """`count` rows (x, y): different keys, each with a random value; then some of these keys. The
    targets are the values of the keys asked about, and PAD elsewhere."""

    row_length = LENGTH

    def __init__(self, count: int, seed: int):
        generator = torch.Generator().manual_seed(seed)
        keys = torch.rand(count, KEYS, generator=generator).argsort(1)[:, :PAIRS]
        values = torch.randint(VALUES, (count, PAIRS), generator=generator)
        asked = torch.rand(count, PAIRS, generator=generator).argsort(1)[:, :QUERIES]
        pairs = FIRST_PAIR + keys * VALUES + values
        self.x = torch.cat((pairs, FIRST_QUERY + keys.gather(1, asked)), 1)
        self.y = torch.cat((torch.zeros_like(pairs), 1 + values.gather(1, asked)), 1)

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, i) -> tuple[Tensor, Tensor]:
        return self.x[i], self.y[i]

    def batch(self, indices: Tensor, epoch: int, device, parts: int = 1) -> list:
        return [(self.x[indices].to(device), self.y[indices].to(device))]


def run(settings: Settings) -> dict:
    """Train, then ask fresh rows."""
    utils.set_seed(settings.seed)
    sizes = {"n_layer": settings.layers, "n_head": 4, "n_embd": settings.width}
    sizes |= {"embd_pdrop": 0.0, "resid_pdrop": 0.0, "attn_pdrop": 0.0}
    model = GPT(GPTConfig(VOCABULARY, LENGTH + 1, variant=settings.variant, **sizes))
    config = TrainerConfig(
        max_epochs=1,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        lr_decay=True,
        schedule="linear",
        warmup_tokens=100 * settings.batch_size * LENGTH,
        weight_decay=0.01,
        seed=settings.seed,
        log=RunLog(),
    )
    data = Lookups(settings.steps * settings.batch_size, settings.seed)
    trainer = Trainer(model, data, None, config)
    trainer.train()
    test = Lookups(TESTED, TEST_SEED)
    return asdict(settings) | {
        "right": right_answers(model, test),
        "asked": TESTED * QUERIES,
        "commonest right": commonest(test),
        "parameters": sum(p.numel() for p in model.parameters()),
        "class": type(model.blocks[0].attn).__name__,
        "machine": machine(trainer.device),
    }


@torch.no_grad()
def right_answers(model: GPT, test: Lookups) -> int:
    """How many keys of all rows the model answers rightly."""
    model.eval()
    right = 0
    for x, y in zip(test.x.split(100), test.y.split(100), strict=True):
        guessed = model(x)[0].argmax(-1)
        right += int((guessed == y)[:, PAIRS:].sum())
    return right


def commonest(test: Lookups) -> int:
    """How many are right for who always says the commonest value of the row."""
    values = (test.x[:, :PAIRS] - FIRST_PAIR) % VALUES
    guessed = values.mode(1).values[:, None] + 1
    return int((test.y[:, PAIRS:] == guessed).sum())


# ---------------------------------------------------------------------------------------------
# The command
# ---------------------------------------------------------------------------------------------


def summary(results: list[dict]) -> list[dict]:
    """One row an arm, in the order of ARMS: the share right, with its 95 % interval over seeds."""
    rows = []
    for arm in ARMS:
        runs = [r for r in results if (r["variant"], r["layers"], r["width"]) == arm]
        if runs:
            found = share([r["right"] for r in runs], [r["asked"] for r in runs])
            rows.append(
                dict(zip(("variant", "layers", "width"), arm, strict=True))
                | dict(zip(("share", "low", "high"), found, strict=True))
                | {"runs": [r["right"] / r["asked"] for r in runs]}
                | {"parameters": runs[0]["parameters"]}
            )
    return rows


def markdown(rows: list[dict], results: list[dict]) -> str:
    base = statistics.mean(r["commonest right"] / r["asked"] for r in results)
    text = (
        f"Keys answered rightly, of {TESTED * QUERIES:,} (mean over seeds, 95 % interval), after "
        f"{results[0]['steps']} steps. Guessing: {100 / VALUES:.1f} %; the commonest value of the "
        f"row: {100 * base:.1f} %.\n\n"
        "| layer | layers | width | parameters | right | each seed |\n"
        "| --- | --- | --- | --- | --- | --- |\n"
    )
    for row in rows:
        low, high = max(0, row["low"]), min(1, row["high"])
        each = ", ".join(f"{100 * run:.1f}" for run in row["runs"])
        text += (
            f"| {row['variant']} | {row['layers']} | {row['width']} | {row['parameters']:,} "
            f"| {100 * row['share']:.1f} % ({100 * low:.1f} to {100 * high:.1f}) | {each} |\n"
        )
    return text


def figure_of(rows: list[dict], base: float):
    """Share right by width; a dot a seed."""
    figure, axis = new_figure()
    arms = dict.fromkeys((row["variant"], row["layers"]) for row in rows)
    for colour, (variant, layers) in zip(COLOURS, arms, strict=False):
        ours = [row for row in rows if (row["variant"], row["layers"]) == (variant, layers)]
        label = f"{variant}, {layers} layer" + "s" * (layers > 1)
        shares = [100 * row["share"] for row in ours]
        axis.plot([row["width"] for row in ours], shares, "-", color=colour)
        dots = [(row["width"], 100 * run) for row in ours for run in row["runs"]]
        axis.plot(*zip(*dots, strict=True), "o", ms=5, color=colour, label=label)
    axis.axhline(100 * base, color="black", lw=0.8, ls=":", label="the row's commonest value")
    axis.set_xscale("log", base=2)
    widths = sorted({row["width"] for row in rows})
    axis.set_xticks(widths, widths)
    axis.set(xlabel="channels", ylabel="keys answered rightly, %", ylim=(0, 103))
    axis.set(title="Find the key, give what follows it (dots: seeds)")
    axis.legend(frameon=False)
    return figure


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    wanted = {
        f"{name_of(*arm)}-seed{seed}": Settings(*arm, seed=seed, steps=args.steps)
        for seed in args.seeds
        for arm in ARMS
        if not args.only or name_of(*arm) in args.only
    }
    failed = family.run_all("labs.attention_exploration.lookup", wanted, args.out, args.jobs)
    if len(failed) == len(wanted):
        family.refuse_failed(failed, args.out)
    results = family.results(args.out)
    rows = summary(results)
    base = results[0]["commonest right"] / results[0]["asked"]
    family.finish(
        markdown(rows, results),
        lambda: save(figure_of(rows, base), args.out / "lookup"),
        failed,
        args.out,
        "lookup.md",
    )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
