"""Does fast mean worse? The same training by the plain twin, by ours in float32 and in bfloat16.

From the same weights on the same rows, per seed; only dropout's draws and rounding differ. After
`--steps` steps of the course's pretraining, two losses in nats a target: the mean over the last
quarter of the steps, and without dropout on rows corrupted as they never were in training. For each
way, mean and range over the seeds. The last line is JSON.
"""

import argparse
import json
from statistics import mean

from options import add_sizes, new_parser

from base.cli import Parser, check_words, whole
from base.errors import errors_are_sentences

WAYS = ("plain", "fp32", "bf16")  # the last only where the device multiplies bfloat16


def parser() -> Parser:
    p = new_parser(__doc__)
    add_sizes(p)
    p.set_defaults(batch_size=32)
    p.add_argument("--steps", type=whole(), default=300)
    p.add_argument("--seeds", type=whole(0, 2**32 - 1), nargs="+", default=[0, 1, 2])
    p.add_argument("--only", nargs="+", choices=WAYS, default=WAYS)
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from measure import WholeBatches, build_trainer, load_data, native_dtypes
from train_step import Plain

from training.device import pick_device
from training.runlog import machine

UNSEEN = 10**6  # an epoch that no training comes to


def train(way: str, seed: int, args: argparse.Namespace, data: WholeBatches) -> dict:
    """The two losses of one training."""
    if way == "plain":
        contender = Plain(args, data, seed)
        model, losses = contender.training.model, [contender.step(i) for i in range(args.steps)]
    else:
        trainer = build_trainer(args, data, seed=seed, precision=way)
        batches, model = trainer.batches(0), trainer.model
        losses = [trainer.step(i, next(batches))[0].item() for i in range(args.steps)]
    last = losses[-max(1, args.steps // 4) :]
    return {"way": way, "seed": seed, "training": mean(last), "unseen": unseen(model, data)}


@torch.no_grad()
def unseen(model: torch.nn.Module, data: WholeBatches) -> float:
    """The mean loss over all rows of an epoch, in float32 and without dropout."""
    model.eval()
    total = targets = 0
    device = next(model.parameters()).device
    for rows in torch.arange(len(data)).split(128):
        ((x, y),) = data.batch(rows, UNSEEN, device, 1)
        count = int((y != 0).sum())
        total, targets = total + model(x, y)[1].item() * count, targets + count
    return total / targets


def table(runs: list[dict]) -> str:
    lines = ["way      seeds  training: mean (range)      unseen: mean (range)"]
    for way in dict.fromkeys(run["way"] for run in runs):
        cells = []
        for kind in ("training", "unseen"):
            values = [run[kind] for run in runs if run["way"] == way]
            cells.append(f"{mean(values):.4f} ({min(values):.4f} to {max(values):.4f})")
        lines.append(f"{way:8s} {len(values):5d}  {cells[0]}  {cells[1]}")
    return "\n".join(lines)


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    data, runs = load_data(args), []
    device = pick_device(args.device)
    if torch.bfloat16 not in native_dtypes(device):
        args.only = [way for way in args.only if way != "bf16"]
        print(f"bf16: left out, this {device.type} device has no instructions for it")
    for seed in args.seeds:
        for way in args.only:
            runs.append(train(way, seed, args, data))
            print(json.dumps(runs[-1]), flush=True)
    print(table(runs))
    sizes = {name: getattr(args, name) for name in ("steps", "batch_size", "n_embd", "n_layer")}
    print(json.dumps({"runs": runs, **sizes, **machine(device)}))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
