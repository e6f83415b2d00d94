"""Word pairs as numbers: the vocabulary, the files, the split, the batches.

Shapes: B pairs, S symbols of a source with its EOS, T symbols of a target with its EOS.
"""

import random
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from base.errors import UserError
from base.files import read_text

FOLDER = Path(__file__).parent / "data"
LETTERS = "abcdefghijklmnopqrstuvwxyz-"
SOS, EOS, EOP = 27, 28, 29  # start of sequence, end of sequence, end of prompt (decoder only)
VOCABULARY = 29  # symbols of the encoder-decoder: letters, dash, SOS, EOS
LONGEST = 64  # letters of a word

Pair = tuple[str, str]


def pairs_path(name: str) -> str:
    """The path of a file of pairs: "small" and "large" are those that come with the lab."""
    return str(FOLDER / f"{name}.txt") if name in ("small", "large") else name


def read_pairs(path: str) -> list[Pair]:
    """The pairs of a file of lines `word translation`, each once.

    Raises UserError for an empty file, a line of another form, and a character that the vocabulary
    lacks.
    """
    pairs = {}
    for number, line in enumerate(read_text(path).split("\n"), 1):
        if not line.strip():
            continue
        fields, where = line.split(), f"{path}, line {number}"
        if len(fields) != 2:
            raise UserError(
                f"{where}: {len(fields)} columns; give two, a word and its translation"
            )
        for text in fields:
            check_word(text, where)
        pairs[fields[0], fields[1]] = None
    if len(pairs) < 5:
        raise UserError(f"{path}: {len(pairs)} pairs; give at least 5, a fifth is held out")
    return list(pairs)


def check_word(text: str, where: str) -> None:
    """Raise UserError for a character that is not a to z or a dash, and for a very long word."""
    for char in text:
        if char not in LETTERS:
            raise UserError(f"{where}: the character {char!r} in {text!r} is not a to z or a dash")
    if len(text) > LONGEST:
        raise UserError(f"{where}: {text[:20]}... has {len(text)} letters; at most {LONGEST}")


def split(pairs: list[Pair], seed: int) -> tuple[list[Pair], list[Pair]]:
    """80 % to train on, 20 % held out, drawn with the seed."""
    shuffled = sorted(pairs)
    random.Random(seed).shuffle(shuffled)
    kept = len(pairs) * 4 // 5
    return shuffled[:kept], shuffled[kept:]


def encode(text: str) -> list[int]:
    return [LETTERS.index(char) for char in text]


def decode(symbols: list[int]) -> str:
    """The letters up to the first symbol that is none."""
    end = next((i for i, s in enumerate(symbols) if s >= len(LETTERS)), len(symbols))
    return "".join(LETTERS[s] for s in symbols[:end])


@dataclass(frozen=True)
class Batch:
    """Sources (B, S) and targets (B, T), each with EOS. Where lengths differ, what is beyond the
    first EOS is padding (EOS again), and `real_source`, `real_target` are False there."""

    source: Tensor
    target: Tensor
    real_source: Tensor | None = None  # (B, S), bool
    real_target: Tensor | None = None  # (B, T), bool

    def decoder_input(self) -> Tensor:
        """SOS, then the target without its last symbol: (B, T)."""
        start = torch.full_like(self.target[:, :1], SOS)
        return torch.cat((start, self.target[:, :-1]), dim=1)

    def symbols(self) -> int:
        """Target symbols that are no padding."""
        real = self.real_target
        return self.target.numel() if real is None else int(real.sum())

    def to(self, device) -> "Batch":
        parts = (self.source, self.target, self.real_source, self.real_target)
        return Batch(*(None if part is None else part.to(device) for part in parts))


def padded(rows: list[list[int]]) -> tuple[Tensor, Tensor]:
    """Rows with EOS up to one length, (B, T), and which of it is real: one EOS is, (B, T)."""
    width = max(map(len, rows)) + 1
    table = torch.tensor([row + [EOS] * (width - len(row)) for row in rows])
    lengths = torch.tensor([len(row) + 1 for row in rows])
    return table, torch.arange(width) < lengths[:, None]


def padded_batch(pairs: list[Pair]) -> Batch:
    """One batch of pairs of any lengths."""
    source, real_source = padded([encode(word) for word, _ in pairs])
    target, real_target = padded([encode(translation) for _, translation in pairs])
    return Batch(source, target, real_source, real_target)


class Buckets:
    """Pairs by their lengths, for batches in which nothing is padded."""

    def __init__(self, pairs: list[Pair]):
        by_length: dict[tuple[int, int], list[Pair]] = {}
        for word, translation in pairs:
            by_length.setdefault((len(word), len(translation)), []).append((word, translation))
        self.tables = []  # (source (N, S), target (N, T)) of each pair of lengths
        for _, bucket in sorted(by_length.items()):
            batch = padded_batch(bucket)
            self.tables.append((batch.source, batch.target))

    def batches(self, size: int, generator: torch.Generator | None = None) -> list[Batch]:
        """All pairs once, at most `size` a batch: in order, or shuffled by the generator."""
        found = []
        for source, target in self.tables:
            order = torch.arange(len(source))
            if generator is not None:
                order = torch.randperm(len(source), generator=generator)
            found += [Batch(source[rows], target[rows]) for rows in order.split(size)]
        if generator is not None:
            order = torch.randperm(len(found), generator=generator).tolist()
            found = [found[i] for i in order]
        return found
