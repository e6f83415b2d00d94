"""Losses and times of the first 185 steps with Muon and dropout, from the project's root:

python results/2026-11-27-gpu/losses.py --corpus wiki.txt [--device cpu] [--parts 2] [--compile off]
"""

import argparse
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def main() -> None:
    sys.path[:0] = [str(ROOT / "bench"), str(ROOT / "src")]
    from measure import build_trainer, load_data, synchronise
    from options import add_sizes

    p = argparse.ArgumentParser(description=__doc__)
    add_sizes(p)
    p.add_argument("--compile", choices=("auto", "on", "off"), default="auto")
    p.add_argument("--precision", choices=("auto", "fp32", "bf16"), default="auto")
    args = p.parse_args()
    settings = {"optimizer": "muon", "muon_learning_rate": 0.02}
    settings |= {"compile": args.compile, "precision": args.precision}
    trainer = build_trainer(args, load_data(args), **settings)
    batches, start = trainer.batches(0), time.perf_counter()
    for step in range(185):
        loss = trainer.step(step, next(batches)).loss
        if step + 1 in (5, 65, 125, 185):
            synchronise(trainer.device)
            seconds = time.perf_counter() - start
            print(f"step {step + 1}: loss {float(loss)}, {seconds:.2f} s so far")


if __name__ == "__main__":
    main()
