"""The options that every benchmark has. Without torch, so that `--help` needs no second."""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from base.cli import whole
from base.source import literal
from training.config import DEVICES

SIZES = ("n_layer", "n_head", "n_embd", "block_size")


def add_sizes(parser: argparse.ArgumentParser) -> None:
    """The corpus, the model's sizes, the device."""
    size = whole(1, literal("params.py", "LARGEST"))
    parser.add_argument("--corpus", default="wiki.txt", help="one document a line")
    parser.add_argument("--device", choices=DEVICES, default="auto")
    parser.add_argument("--batch_size", type=whole(), default=128)
    parser.add_argument("--n_layer", type=size, default=4)
    parser.add_argument("--n_head", type=size, default=8)
    parser.add_argument("--n_embd", type=size, default=256)
    parser.add_argument("--block_size", type=size, default=128)
    parser.add_argument("--parts", type=whole(), help="of a batch of ours; 8 on a CPU, 1 on CUDA")
