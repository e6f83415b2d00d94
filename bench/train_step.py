"""A training step of ours beside its plain twin and two peers: same data, same model sizes.

All run in one process and take turns, so that what disturbs the machine disturbs all. A turn is
`--steps` steps on the same rows for everybody, including making the batch; `--rounds` turns each.
Only targets and positions that are not padding count (measure.training_flops has the formula).
Peak memory is that of a process of its own for each. The last line is JSON.
"""

import argparse
import contextlib
import io
import json
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import median

from options import add_sizes, new_parser

from base.cli import Parser, check_words, whole
from base.errors import UserError, errors_are_sentences

NAMES = ("ours", "ours-eager", "plain", "transformers", "x-transformers")


def parser() -> Parser:
    p = new_parser(__doc__)
    add_sizes(p)
    p.add_argument("--steps", type=whole(), default=3, help="steps of a turn")
    p.add_argument("--rounds", type=whole(), default=7, help="turns of each")
    p.add_argument("--trial_steps", type=whole(), default=3,
                   help="steps to choose a peer's setting")  # fmt: skip
    p.add_argument("--only", nargs="+", choices=NAMES, default=("ours", *NAMES[2:]))
    p.add_argument("--no_compile", action="store_true", help="do not try compiled peers")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from measure import (
    WholeBatches,
    build_trainer,
    load_data,
    native_dtypes,
    peak_memory,
    product_rate,
    real_lengths,
    timed,
    training_flops,
)
from peers import (
    BUILDERS,
    Peer,
    Setting,
    best_setting,
    installed,
    pad,
    padded_rows,
    step_seconds,
    warm_up,
)
from plain import PlainGPT, PlainTraining
from torch import Tensor

from base.machine import keep_memory
from training.device import pick_device
from training.runlog import machine


class Ours:
    """The trainer's own steps on its own batches."""

    def __init__(self, args: argparse.Namespace, data: WholeBatches, compile: str = "auto"):
        self.trainer = build_trainer(args, data, compile=compile)
        self.dtype, self.device = self.trainer.dtype, self.trainer.device
        self.compiled = self.trainer.compiled
        self.parameters = sum(p.numel() for p in self.trainer.model.parameters())
        self.next, self.batches = 0, self.trainer.batches(0)

    def rows(self, i: int) -> list[tuple[Tensor, Tensor]]:
        return next(self.trainer.batches(i))

    def step(self, i: int) -> None:
        if i != self.next:
            self.batches = self.trainer.batches(i)
        self.next = i + 1
        self.trainer.step(i, next(self.batches))


class Plain:
    """The plain twin (plain.py), on rows padded to block_size - 1."""

    dtype, compiled = torch.float32, False

    def __init__(self, args: argparse.Namespace, data: WholeBatches, seed: int = 7):
        like = build_trainer(args, data, seed=seed)
        self.device, config = like.device, like.config
        sizes = (args.block_size, args.n_layer, args.n_head, args.n_embd)
        model = PlainGPT(data.vocab_size, *sizes)
        model.load_state_dict(like.model.state_dict())
        self.training = PlainTraining(
            model.to(self.device), config.learning_rate, config.warmup_tokens, config.final_tokens
        )
        self.parameters = sum(p.numel() for p in model.parameters())
        self.batch_size, self.data = args.batch_size, data

    def rows(self, i: int) -> list[tuple[Tensor, Tensor]]:
        x, y = padded_rows(self.data, i, self.batch_size, self.device)
        return [(pad(x, self.data.row_length), pad(y, self.data.row_length))]

    def step(self, i: int) -> float:
        ((x, y),) = self.rows(i)
        return self.training.step(x, y)


def build(name: str, args: argparse.Namespace, data: WholeBatches, setting: Setting | None):
    """The contender called `name`; `setting` is a peer's."""
    if name in BUILDERS:
        return Peer(name, args, data, setting)
    if name == "ours-eager":  # on a GPU: without CUDA graphs
        return Ours(args, data, compile="off")
    return {"ours": Ours, "plain": Plain}[name](args, data)


def alone(name: str, args: argparse.Namespace, setting: Setting | None) -> dict:
    """Peak bytes, and seconds a step, of a contender that has this process for itself."""
    with contextlib.redirect_stdout(io.StringIO()):
        contender = build(name, args, load_data(args), setting)
    warm_up(contender, args.steps)
    seconds = median(step_seconds(contender, args.steps))
    return {"peak_bytes": peak_memory(contender.device), "alone_seconds": seconds}


def in_own_process(name: str, args: argparse.Namespace, setting: Setting | None) -> dict:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(alone, name, args, setting).result()


def take_turns(contenders: dict, args: argparse.Namespace, device: torch.device) -> dict:
    """Seconds a step of each contender in every round, and the product rates beside them."""
    for contender in contenders.values():
        warm_up(contender, args.rounds * args.steps)
    seconds = {name: [] for name in contenders}
    rates = {dtype: [] for dtype in native_dtypes(device)}
    for r in range(args.rounds):
        for dtype, measured in rates.items():
            measured.append(product_rate(dtype, device))
        names = list(contenders) if r % 2 == 0 else list(contenders)[::-1]
        for name in names:

            def turn(step=contenders[name].step, first=r * args.steps):
                for i in range(first, first + args.steps):
                    step(i)

            seconds[name].append(timed(turn, device) / args.steps)
    return {"seconds": seconds, "rates": {str(d)[6:]: median(f) for d, f in rates.items()}}


def work_of_rounds(data: WholeBatches, args: argparse.Namespace) -> list[tuple[float, float]]:
    """Targets and FLOP of a step, on average over the steps of each round."""
    cpu, work = torch.device("cpu"), []
    for r in range(args.rounds):
        steps = range(r * args.steps, (r + 1) * args.steps)
        lengths = [real_lengths([padded_rows(data, i, args.batch_size, cpu)]) for i in steps]
        flops = sum(training_flops(row, args, data.vocab_size) for row in lengths)
        work.append((sum(int(row.sum()) for row in lengths) / args.steps, flops / args.steps))
    return work


def report(contenders: dict, times: dict, work: list, settings: dict) -> list[dict]:
    """A row of figures for each contender; ratios are to the first."""
    rows = []
    first = times["seconds"][next(iter(contenders))]
    for name, contender in contenders.items():
        seconds = times["seconds"][name]
        precision = str(contender.dtype)[6:]
        targets = median(t / s for (t, _), s in zip(work, seconds, strict=True))
        rate = median(flops / s for (_, flops), s in zip(work, seconds, strict=True))
        slower = sorted(s / f for s, f in zip(seconds, first, strict=True))
        rows.append(
            {
                "name": name,
                "setting": str(settings[name] or ""),
                "precision": precision,
                "parameters": contender.parameters,
                "seconds": median(seconds),
                "seconds_min": min(seconds),
                "targets_per_second": targets,
                "times_the_first": median(slower),
                "times_the_first_range": [slower[0], slower[-1]],
                "flops": rate,
                "share_of_product_rate": rate / times["rates"][precision],
            }
        )
    return rows


def print_table(rows: list[dict], rates: dict[str, float]) -> None:
    products = ", ".join(f"{name} {rate / 1e9:.0f}" for name, rate in rates.items())
    print(f"\nmatrix products, GFLOP/s: {products}")
    print(f"{'':15}{'s/step':>8}{'min':>8}{'targets/s':>11}{'x ' + rows[0]['name']:>8}"
          f"{'(range)':>15}{'GFLOP/s':>9}{'of products':>18}{'peak MB':>9}  setting")  # fmt: skip
    for row in rows:
        low, high = row["times_the_first_range"]
        peak = f"{row['peak_bytes'] / 1e6:.0f}" if row["peak_bytes"] else "?"
        share = f"{row['share_of_product_rate']:.1%} {row['precision']}"
        print(f"{row['name']:15}{row['seconds']:8.3f}{row['seconds_min']:8.3f}"
              f"{row['targets_per_second']:11.0f}{row['times_the_first']:8.2f}"
              f"{f'({low:.2f}-{high:.2f})':>15}{row['flops'] / 1e9:9.0f}{share:>18}{peak:>9}"
              f"  {row['setting']}")  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    device = pick_device(args.device)
    if device.type == "cpu":
        keep_memory()  # for all of them: ours asks for it, the others profit
    data = load_data(args)
    settings = {}
    for name in NAMES:
        if name in args.only and (name not in BUILDERS or installed(name)):
            settings[name] = best_setting(name, args, data) if name in BUILDERS else None
            if name in BUILDERS and settings[name] is None:
                del settings[name]
    if not settings:
        raise UserError("nothing to measure: what --only names is not installed; see above")
    contenders = {name: build(name, args, data, setting) for name, setting in settings.items()}
    times = take_turns(contenders, args, device)
    rows = report(contenders, times, work_of_rounds(data, args), settings)
    for row in rows:
        row |= in_own_process(row["name"], args, settings[row["name"]])
    print_table(rows, times["rates"])
    result = {"bench": "train_step", "arguments": vars(args), "machine": machine(device)}
    print(json.dumps(result | {"product_rates": times["rates"], "rows": rows}))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
