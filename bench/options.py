"""The options that benchmarks share, and the one place that finds src/ for them. Without torch, so
that `--help` needs no second."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from base.cli import Parser, whole
from base.source import literal
from training.config import DEVICES

COURSE_SIZES = literal("model.py", "COURSE_SIZES")


def new_parser(description: str) -> Parser:
    """A parser that shows the benchmark's description as it is written."""
    return Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """The corpus, the model's sizes, the device."""
    size = whole(1, literal("params.py", "LARGEST"))
    parser.add_argument("--corpus", default="wiki.txt", help="one document a line")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--batch_size", type=whole(), default=128)
    for name, default in COURSE_SIZES.items():
        parser.add_argument(f"--{name}", type=size, default=default)
    parser.add_argument("--parts", type=whole(), help="of a batch of ours; 8 on a CPU, 1 on CUDA")
