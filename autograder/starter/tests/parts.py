"""What the tests of all parts share: small data, and how a TODO is reported."""

import contextlib
import functools
import io
import random
import sys
import unittest
from pathlib import Path

KIT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(KIT / "src"))

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def part(test):
    """Let a test that meets a TODO be skipped, with the TODO's own words."""

    @functools.wraps(test)
    def run(self):
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                test(self)
        except SystemExit as end:
            raise unittest.SkipTest(str(end.code)) from None

    return run


def small_corpus(block_size=128):
    """Ten documents of random letters, 150 to 240 characters long."""
    from dataset import CharCorruptionDataset

    rng = random.Random(3)
    documents = ["".join(rng.choices(LETTERS, k=150 + 10 * i)) for i in range(10)]
    documents.append("Where was A born? London Paris.")
    return CharCorruptionDataset("\n".join(documents), block_size)


QUESTIONS = "Where was ada born?\tLondon\nWhere was bea born?\tParis\nWhere was eva born?\tLondon\n"
