"""The same task for a decoder alone (src/model.py's GPT), beside the encoder-decoder.

python -m labs.pig_latin.decoder_only [--flops X] [--seeds K ...] [--jobs N] [--out FOLDER]

Both have as many parameters (as near as heads allow), see the same pairs, and train with Adam at
one constant rate until X FLOPs are spent. Writes FOLDER/<kind>-seed<k>/result.json, table.md and
the figure decoder_only. Three seeds: --seeds 0 1 2.

Shapes: B words, S symbols of the source with its EOP, T symbols of the target with its EOS.
"""

import argparse
import itertools
import statistics
import time
from dataclasses import asdict, dataclass

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences
from labs.common import family
from training.config import TrainerConfig


@dataclass(frozen=True)
class Settings:
    """What a run is made of. It trains until `flops` are spent."""

    kind: str
    flops: float
    hidden: int = 64  # of the encoder-decoder; the decoder has as many parameters
    layers: int = 3
    pairs: str = "large"
    batch_size: int = 64
    learning_rate: float = 5e-4
    seed: int = 0


def parser() -> Parser:
    p = Parser(prog="python -m labs.pig_latin.decoder_only", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("--flops", type=family.flops, default=2e12, metavar="X", help="(2e12)")
    p.add_argument("--pairs", default="large", metavar="FILE", help="lines `word translation`")
    p.add_argument("--hidden", type=whole(), default=Settings.hidden)
    family.add_options(p, "runs/pig_latin-decoder_only")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np
import torch
from torch import Tensor

import utils
from answers.decode import generate
from labs.common import flops
from labs.common.plots import COLOURS, new_figure, save
from labs.pig_latin.arm import count_parameters, exact_match
from labs.pig_latin.data import (
    EOP,
    EOS,
    SOS,
    Buckets,
    Pair,
    decode,
    encode,
    pairs_path,
    read_pairs,
    split,
)
from labs.pig_latin.model import EncoderDecoder, Sizes, translate
from labs.pig_latin.table import percent, with_interval
from labs.pig_latin.train import Run, adam, train_step, until_spent
from model import GPT, GPTConfig
from trainer import Trainer
from training.runlog import RunLog

KINDS = ("encoder-decoder", "decoder")
SYMBOLS = 31  # of the GPT: its 0 is PAD, then the 29 of the vocabulary and EOP, each one further
BLOCK = 160
HEADS = 4
POINTS = 12  # measurements of a run
HELD = 1024  # pairs of the validation loss on the way


def generate_tensors_for_training_decoder_nmt(
    src_EOP: Tensor, tgt_EOS: Tensor, start_token: int
) -> tuple[Tensor, Tensor]:
    """Inputs `SOS source EOP target` and targets `source EOP target EOS`, both (B, S + T), of
    src_EOP (B, S) = `source EOP` and tgt_EOS (B, T) = `target EOS` (the handout's function)."""
    start = torch.full_like(src_EOP[:, :1], start_token)
    whole = torch.cat((start, src_EOP, tgt_EOS), dim=1)
    return whole[:, :-1], whole[:, 1:]


class Rows:
    """Pairs as rows for Trainer: x and y (B, W), 0 where there is nothing, and in y before the
    output at EOP, so that the loss is of the translation alone."""

    def __init__(self, pairs: list[Pair]):
        self.rows = [row_of(*pair) for pair in pairs]
        self.lengths = torch.tensor([len(x) for x, _ in self.rows])
        width = int(self.lengths.max())
        self.x, self.y = (torch.zeros((len(pairs), width), dtype=torch.long) for _ in range(2))
        for n, (x, y) in enumerate(self.rows):
            self.x[n, : len(x)], self.y[n, : len(y)] = x, y

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        return self.x[idx], self.y[idx]

    def batch(self, indices: Tensor, epoch: int, device: torch.device, parts: int = 1):
        """Rows `indices`, trimmed to the longest of them, in up to `parts` pieces."""
        pairs = []
        for part in indices[self.lengths[indices].argsort()].tensor_split(parts):
            if len(part):
                width = int(self.lengths[part].max())
                pairs.append((self.x[part, :width].to(device), self.y[part, :width].to(device)))
        return pairs

    def flops(self, model: GPT) -> list[int]:
        """FLOPs of training on each row, its padding left out."""
        c = model.config
        return [flops.gpt(c.n_embd, c.n_layer, c.vocab_size, len(x)) for x, _ in self.rows]


def row_of(word: str, translation: str) -> tuple[Tensor, Tensor]:
    source = torch.tensor([encode(word) + [EOP]]) + 1
    target = torch.tensor([encode(translation) + [EOS]]) + 1
    x, y = generate_tensors_for_training_decoder_nmt(source, target, SOS + 1)
    y = y.clone()
    y[:, : source.shape[1]] = GPT.ignore_index
    return x[0], y[0]


def gpt_of(parameters: int, layers: int) -> GPT:
    """The GPT of so many layers whose number of parameters is nearest to `parameters`."""
    widths = range(HEADS, 512, HEADS)
    nearest = min(widths, key=lambda c: abs(gpt_parameters(c, layers) - parameters))
    return build_gpt(nearest, layers)


def build_gpt(channels: int, layers: int) -> GPT:
    drop = {f"{name}_pdrop": 0.0 for name in ("embd", "attn", "resid")}
    return GPT(GPTConfig(SYMBOLS, BLOCK, n_layer=layers, n_head=HEADS, n_embd=channels,
                         positions="sinusoidal", **drop))  # fmt: skip


def gpt_parameters(c: int, layers: int) -> int:
    """Parameters of such a GPT: per layer 12 C^2 of matrices, 9 C of biases, 4 C of layer norms."""
    return layers * (12 * c * c + 13 * c) + 2 * c + 2 * SYMBOLS * c


def gpt_translate(model: GPT, words: list[str]) -> list[str]:
    """The GPT's translation of each word, by greedy decoding."""
    prompts = [[s + 1 for s in (SOS, *encode(word), EOP)] for word in words]
    steps = 2 * max(map(len, words)) + 8
    found = generate(model, prompts, steps, stop=[EOS + 1])
    return [decode([s - 1 if s else EOS for s in row.characters]) for (row,) in found]


def run(settings: Settings) -> dict:
    train, held = split(read_pairs(pairs_path(settings.pairs)), settings.seed)
    utils.set_seed(settings.seed)
    model = EncoderDecoder(Sizes(settings.hidden, settings.layers))
    if settings.kind == "decoder":
        model = gpt_of(count_parameters(model), settings.layers)
        curve = train_gpt(model, train, held, settings)
        quick = speed(gpt_steps(model, train[:2048], settings.batch_size))
        right = exact_match(lambda words: gpt_translate(model, words), held)
    else:
        curve = train_pair(model, train, held, settings)
        quick = speed(pair_steps(model, train[:2048], settings.batch_size))
        right = exact_match(lambda words: translate(model, words), held)
    return asdict(settings) | {
        "parameters": count_parameters(model),
        "curve": curve,
        "exact": right,
        "tokens_per_second": quick,
        "threads": torch.get_num_threads(),
    }


def train_pair(model: EncoderDecoder, train, held, settings: Settings) -> list[dict]:
    marks = [settings.flops * n / POINTS for n in range(1, POINTS + 1)]
    curve = Run(model, train, held[:HELD], until_spent(settings, marks)).run()
    return [{k: row[k] for k in ("flops", "examples", "validation")} for row in curve]


def train_gpt(model: GPT, train, held, settings: Settings) -> list[dict]:
    data, validation = Rows(train), Rows(held[:HELD])
    per_row = statistics.mean(data.flops(model))
    every = max(1, round(settings.flops / per_row / settings.batch_size / POINTS))  # steps
    curve = []

    def measure(model: GPT) -> dict[str, float]:
        loss = gpt_loss(model, validation)
        examples = trainer.feed.rows_before(every * (len(curve) + 1))
        curve.append({"flops": examples * per_row, "examples": examples, "validation": loss})
        return {"validation": loss}

    config = TrainerConfig(
        max_steps=POINTS * every, batch_size=settings.batch_size, shuffle=True, seed=settings.seed,
        optimizer=lambda model: adam(model, settings.learning_rate), precision="fp32",
        evaluate=measure, eval_every=every, log=RunLog(silent=True),
    )  # fmt: skip
    trainer = Trainer(model, data, None, config)
    trainer.train()
    return curve


@torch.no_grad()
def gpt_loss(model: GPT, rows: Rows) -> float:
    """Mean loss over the target symbols, nats."""
    device, total, count = model.head.weight.device, 0.0, 0
    for indices in rows.lengths.argsort().split(256):
        for x, y in rows.batch(indices, 0, device):
            total += float(model.loss_sum(x, y))
            count += int((y != GPT.ignore_index).sum())
    return total / count


def pair_steps(model: EncoderDecoder, pairs: list[Pair], batch_size: int):
    """Steps of the encoder-decoder, as functions, each with its number of target symbols."""
    optimizer = adam(model, 0.0)
    device = model.out.weight.device
    for batch in Buckets(pairs).batches(batch_size, torch.Generator().manual_seed(0)):
        moved = batch.to(device)
        yield lambda moved=moved: train_step(model, optimizer, moved), batch.target.numel()


def gpt_steps(model: GPT, pairs: list[Pair], batch_size: int):
    """The same of the GPT: what a step of Trainer does, without its log."""
    optimizer = adam(model, 0.0)
    rows, device = Rows(pairs), model.head.weight.device

    def step(x: Tensor, y: Tensor, count: int) -> None:
        optimizer.zero_grad(set_to_none=True)
        (model.loss_sum(x, y) / count).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    for indices in torch.randperm(len(rows)).split(batch_size):
        ((x, y),) = rows.batch(indices, 0, device)
        count = int((y != GPT.ignore_index).sum())
        yield lambda x=x, y=y, count=count: step(x, y, count), count


def speed(steps, warm: int = 3, timed: int = 20) -> float:
    """Target symbols trained on in a second of processor time, all threads together."""
    tokens, began = 0, time.process_time()
    for n, (step, count) in enumerate(itertools.islice(steps, warm + timed)):
        if n == warm:
            tokens, began = 0, time.process_time()
        step()
        tokens += count
    return tokens / max(1e-9, time.process_time() - began)


def at_equal(results: list[dict], key: str) -> dict[str, list[float]]:
    """The validation loss of each kind's runs where `key` is the least that any run ended with."""
    end = min(r["curve"][-1][key] for r in results)
    found: dict[str, list[float]] = {}
    for r in results:
        x, y = ([row[k] for row in r["curve"]] for k in (key, "validation"))
        found.setdefault(r["kind"], []).append(float(np.interp(end, x, y)))
    return found


def table(results: list[dict]) -> str:
    by_flops, by_examples = at_equal(results, "flops"), at_equal(results, "examples")
    text = (
        "| kind | parameters | seeds | loss at equal FLOPs (95 %) | loss at equal examples (95 %) "
        "| words right (95 %) | symbols a second |\n| --- | --- | --- | --- | --- | --- | --- |\n"
    )
    for kind in KINDS:
        runs = [r for r in results if r["kind"] == kind]
        if runs:
            quick = statistics.mean(r["tokens_per_second"] for r in runs)
            text += (
                f"| {kind} | {runs[0]['parameters']:,} | {len(runs)} "
                f"| {with_interval(by_flops[kind])} | {with_interval(by_examples[kind])} "
                f"| {percent(runs, 'all')} | {quick:,.0f} |\n"
            )
    return text


def draw(results: list[dict], path) -> None:
    figure, axes = new_figure(1, 2, (10.5, 4.4), sharey=True)
    for axis, key in zip(axes, ("flops", "examples"), strict=True):
        for colour, kind in zip(COLOURS, KINDS, strict=False):
            for i, r in enumerate([r for r in results if r["kind"] == kind]):
                label = None if i else f"{kind}, {r['parameters']:,} parameters"
                x, y = ([row[k] for row in r["curve"]] for k in (key, "validation"))
                axis.plot(x, y, color=colour, marker=".", label=label)
    axes[0].set(xlabel="training FLOPs", ylabel="validation loss, nats per symbol", xlim=(0, None))
    axes[1].set(xlabel="words trained on", xlim=(0, None), ylim=(0, None))
    axes[0].legend()
    save(figure, path)


def main() -> None:
    args = parser().parse_args()
    read_pairs(pairs_path(args.pairs))
    wanted = {
        f"{kind}-seed{k}": Settings(kind, args.flops, args.hidden, pairs=args.pairs, seed=k)
        for k in args.seeds
        for kind in KINDS
    }
    failed = family.run_all("labs.pig_latin.decoder_only", wanted, args.out, args.jobs)
    results = family.results(args.out)
    family.finish(
        table(results), lambda: draw(results, args.out / "decoder_only"), failed, args.out
    )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
