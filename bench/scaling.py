"""What a real token costs in our training step as one thing at a time grows.

Model width, depth, block size, batch size: the points of each take turns in one process. Processes
(CPU): the same step under `torchrun --nproc_per_node N` over gloo, threads shared out. Tokens are
targets that are not padding; the share is of the device's matrix-product rate measured beside
(measure.training_flops has the formula). The last line is JSON.
"""

import argparse
import copy
import json
import os
import subprocess
import sys
from statistics import median

from options import COURSE_SIZES, add_sizes, new_parser

from base.cli import Parser, check_words, whole
from base.errors import UserError, errors_are_sentences

AXES = {
    "n_embd": [64, 128, 256, 512],
    "n_layer": [1, 2, 4, 8],
    "block_size": [32, 64, 128, 256, 512],
    "batch_size": [16, 32, 64, 128, 256],
    "processes": [1, 2],
}


def parser() -> Parser:
    p = new_parser(__doc__)
    add_sizes(p)
    p.add_argument("--steps", type=whole(), default=2, help="steps of a turn")
    p.add_argument("--rounds", type=whole(), default=5, help="turns of each point")
    p.add_argument("--only", nargs="+", choices=tuple(AXES), default=tuple(AXES))
    p.add_argument("--values", nargs="+", type=whole(), help="instead of the usual ones")
    p.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from measure import (
    build_trainer,
    load_data,
    product_rate,
    real_lengths,
    timed,
    training_flops,
)

from training import distributed
from training.device import pick_device
from training.runlog import machine

COMPILING = 50  # first steps, not measured, in which nearly all shapes of a batch come


class Point:
    """Our step at one setting, and what was measured of it."""

    def __init__(self, args: argparse.Namespace):
        self.args = args
        self.data = load_data(args)
        self.trainer = build_trainer(args, self.data)
        self.batches = self.trainer.batches(0)
        self.steps, self.seconds, self.tokens, self.flops = 0, 0.0, 0, 0
        self.costs: list[float] = []

    def turn(self, steps: int) -> None:
        """`steps` steps, measured together."""
        self.seconds, self.tokens, self.flops = 0.0, 0, 0
        for _ in range(steps):
            self.seconds += timed(self.step, self.trainer.device)
            lengths = real_lengths(self.pieces)
            self.tokens += int(lengths.sum())
            self.flops += training_flops(lengths, self.args, self.data.vocab_size)
        if distributed.world_size() > 1:
            sums = distributed.total(torch.tensor([self.tokens, self.flops]))
            self.tokens, self.flops = sums.tolist()
        self.costs.append(self.seconds / self.tokens)

    def step(self) -> None:
        self.pieces = next(self.batches)
        self.trainer.step(self.steps, self.pieces)
        self.steps += 1

    def figures(self, rate: float) -> dict:
        """Microseconds a token (median, least) and the share of `rate` FLOP/s that they use."""
        cost = median(self.costs)
        return {
            "us_per_token": cost * 1e6,
            "us_per_token_min": min(self.costs) * 1e6,
            "flop_per_token": self.flops / self.tokens,
            "share_of_product_rate": self.flops / self.tokens / cost / rate,
        }


def varied(args: argparse.Namespace, name: str, value: int) -> argparse.Namespace:
    """`args` with another value of `name`."""
    args = copy.copy(args)
    setattr(args, name, value)
    return args


def measure(points: dict[int, Point], args: argparse.Namespace) -> list[dict]:
    """Let the points take turns; their figures by value."""
    torch.compiler.reset()  # the graphs of other points count among those that torch allows
    for point in points.values():
        point.turn(COMPILING if point.trainer.compiled else 2)
        point.costs.clear()
    some = next(iter(points.values())).trainer
    rates = []
    for _ in range(args.rounds):
        rates.append(product_rate(some.dtype, some.device))
        for point in points.values():
            point.turn(args.steps)
    return [{"value": v} | point.figures(median(rates)) for v, point in points.items()]


def in_processes(count: int, args: argparse.Namespace) -> dict:
    """The figures of the step shared among `count` processes, torch's threads among them too."""
    names = (*COURSE_SIZES, "batch_size", "corpus", "device", "steps", "rounds")
    options = [text for name in names for text in (f"--{name}", str(getattr(args, name)))]
    options += ["--parts", str(args.parts)] if args.parts else []
    threads = max(1, torch.get_num_threads() // count)
    done = subprocess.run(
        [sys.executable, "-m", "torch.distributed.run", "--standalone",
         f"--nproc_per_node={count}", __file__, "--worker", *options],
        env=os.environ | {"OMP_NUM_THREADS": str(threads)},
        capture_output=True,
        text=True,
    )  # fmt: skip
    if done.returncode:
        raise UserError(f"{count} processes: torchrun failed, saying {done.stderr[-500:]!r}")
    return {"value": count} | json.loads(done.stdout.splitlines()[-1])


def worker(args: argparse.Namespace) -> None:
    """One of the processes; the first prints the figures of all."""
    with distributed.process_group():
        point = Point(args)
        figures = measure({1: point}, args)[0]
        # each process measured its own threads' product rate, all at the same time
        share = torch.tensor(figures["share_of_product_rate"], dtype=torch.float64)
        figures["share_of_product_rate"] = float(distributed.total(share))
        figures["share_of_product_rate"] /= distributed.world_size() ** 2
        if distributed.is_main():
            del figures["value"]
            print(json.dumps(figures))
        point.trainer.gradients.close()  # before the other process leaves


def print_axis(name: str, rows: list[dict]) -> None:
    heads = f"{'us/token':>11}{'min':>9}{'x first':>9}{'MFLOP/token':>13}{'of products':>13}"
    print(f"\n{name:>12}{heads}")
    for row in rows:
        relative = row["us_per_token"] / rows[0]["us_per_token"]
        print(f"{row['value']:12}{row['us_per_token']:11.1f}{row['us_per_token_min']:9.1f}"
              f"{relative:9.2f}{row['flop_per_token'] / 1e6:13.2f}"
              f"{row['share_of_product_rate']:13.1%}", flush=True)  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.worker:
        return worker(args)
    device = pick_device(args.device)
    results = {}
    for name in args.only:
        values = args.values or AXES[name]
        if name == "processes":
            if device.type != "cpu":
                continue
            results[name] = [in_processes(count, args) for count in values]
        else:
            points = {value: Point(varied(args, name, value)) for value in values}
            results[name] = measure(points, args)
        print_axis(name, results[name])
    result = {"bench": "scaling", "arguments": vars(args), "machine": machine(device)}
    print(json.dumps(result | {"axes": results}))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
