"""Writes docs/variants.md from the registry of attention variants: python docs/make_variants.py"""

import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent
sys.path.insert(0, str(DOCS.parent / "src"))

from base.cli import Parser, check_words


def parser() -> Parser:
    return Parser(description=__doc__)


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from attention import VARIANTS, Variant
from model import GPT, GPTConfig

HEAD = """# Which attention?

Replace `vanilla` in any command with one of these names, for example `python src/run.py pretrain
rope wiki.txt ...`. How positions enter is a second choice: `--positions
{learned,sinusoidal,rope,alibi,none}`; the table shows each variant's own.

B rows, T positions, C channels, H heads, D = C / H channels of a head; Q, K and V are the
projections of the input X, and every softmax but one looks at the past only. "Parameters" are those
of the whole model with the course's sizes and 256 characters.

Each layer's docstring has its cost and how its names map to the paper's, and every
layer passes the same contract test (`tests/test_attention.py`): shape, causality, decoding step by
step equals the full pass, gradients reach every parameter. **To add one**, write a class in
`src/attention/` and a line in `src/attention/__init__.py`; the command line, the tests, the studies
and this page read it from there.

"""
TAIL = """
`python -m labs.attention_study` measures them side by side. One run of it on a small world
(models of 160,000 parameters, 60 questions, one seed, so that differences below 18 points may be
chance) is in [results/2026-11-21-attention-study](../results/2026-11-21-attention-study/README.md):
right answers go from 3 % to 87 % where losses hardly differ.

This page is written by `python docs/make_variants.py`; a test holds it to the registry.
"""


def paper(entry: Variant) -> str:
    """A link to the variant's paper, or the course that asks for it."""
    arxiv = re.fullmatch(r"\d{4}\.\d{4,5}", entry.paper)
    return f"[{entry.paper}](https://arxiv.org/abs/{entry.paper})" if arxiv else entry.paper


def parameters(name: str) -> int:
    """Of the course's model with this variant."""
    return sum(p.numel() for p in GPT(GPTConfig(256, 128, variant=name)).parameters())


def page() -> str:
    """The text of docs/variants.md."""
    titles = ("variant", "what it is", "equation", "paper", "positions", "parameters")
    rows = [f"| {' | '.join(titles)} |", "| --- " * len(titles) + "|"]
    for name, entry in VARIANTS.items():
        file = entry.layer.__module__.split(".")[-1]
        cells = [f"[`{name}`](../src/attention/{file}.py)", entry.summary]
        cells += [f"`{entry.equation}`" if entry.equation else "", paper(entry)]
        cells += [entry.positions, f"{parameters(name):,}"]
        rows.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return HEAD + "\n".join(rows) + "\n" + TAIL


if __name__ == "__main__":
    (DOCS / "variants.md").write_text(page(), encoding="utf-8", newline="\n")
