"""Sentences as numbers: files, vocabulary, rows for the Trainer of src/.

A sentence is a list of tokens. PAD is number 0, which carries no loss in src/model.py.
"""

import re
from collections import Counter
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.utils.data import Dataset

from base.errors import UserError
from base.files import ROOT, read_text

PAD, START, STOP, UNK = range(4)
SPECIAL = ("<pad>", "<start>", "<stop>", "<unk>")
LENGTH = 100  # tokens of a row, at most
WORLD = str(ROOT / "data" / "wiki.txt")
HELD_OUT = 10  # without a dev file, every tenth sentence is held out

Sentence = list[str]


# ---------------------------------------------------------------------------------------------
# Files
# ---------------------------------------------------------------------------------------------


def load(train: str | None, dev: str | None) -> tuple[list[Sentence], list[Sentence]]:
    """Sentences to train on and held-out ones. Without `train`, the embedded world's; without
    `dev`, every tenth of the sentences is held out."""
    if train is None and dev is not None:
        raise UserError(f"--dev {dev}: give --train FILE too")
    sentences = read(train) if train else world()
    if dev is not None:
        return sentences, read(dev)
    held_out = sentences[HELD_OUT - 1 :: HELD_OUT]
    kept = [s for i, s in enumerate(sentences, 1) if i % HELD_OUT]
    if not held_out:
        raise UserError(f"{train}: {len(sentences)} sentences are too few; give at least 10")
    return kept, held_out


def world() -> list[Sentence]:
    """The documents of the embedded world, words and signs apart."""
    return [re.findall(r"\w+|--|[^\w\s]", line) for line in read_text(WORLD).splitlines()]


def read(path: str) -> list[Sentence]:
    """The sentences of a file, one a line, tokens with blanks between them.

    A `.tsv` file whose header begins with "sentence" has them in its first column; those that stand
    within another one (SST-2 has phrases of its sentences) are left out. Raises UserError where
    there is no sentence.
    """
    lines = read_text(path).splitlines()
    if path.endswith(".tsv") and lines and lines[0].split("\t")[0] == "sentence":
        sentences = longest([line.split("\t")[0].split() for line in lines[1:]])
    else:
        sentences = [line.split() for line in lines]
    sentences = [sentence for sentence in sentences if sentence]
    if not sentences:
        raise UserError(f"{path}: holds no sentence; give one a line, its tokens with blanks")
    return sentences


def longest(sentences: list[Sentence]) -> list[Sentence]:
    """The sentences that are no part of another one, each once, in the order given."""
    parts: set[str] = set()
    kept = []
    for i, tokens in sorted(enumerate(sentences), key=lambda pair: -len(pair[1])):
        if " ".join(tokens) in parts:
            continue
        kept.append(i)
        ends = range(1, len(tokens) + 1)
        parts.update(" ".join(tokens[a:b]) for b in ends for a in range(b))
    return [sentences[i] for i in sorted(kept)]


# ---------------------------------------------------------------------------------------------
# Numbers
# ---------------------------------------------------------------------------------------------


class Vocabulary:
    """Tokens <-> numbers: first the special ones, then those seen at least `least` times."""

    def __init__(self, sentences: Iterable[Sentence], least: int = 3):
        counts = Counter(token for sentence in sentences for token in sentence)
        known = [token for token, count in counts.most_common() if count >= least]
        self.tokens = [*SPECIAL, *known]
        self.numbers = {token: i for i, token in enumerate(self.tokens) if i >= len(SPECIAL)}

    def __len__(self) -> int:
        return len(self.tokens)

    def encode(self, sentence: Sentence) -> list[int]:
        """START, the tokens (UNK for those unknown), STOP."""
        return [START, *(self.numbers.get(token, UNK) for token in sentence), STOP]

    def decode(self, numbers: Iterable[int]) -> str:
        """The tokens with blanks between them, up to STOP."""
        words = []
        for number in numbers:
            if number == STOP:
                break
            words.append(self.tokens[number])
        return " ".join(words)


class Rows(Dataset):
    """Rows of numbers, the next token being each token's target: (x, y), both one shorter."""

    def __init__(self, rows: list[list[int]]):
        self.rows = [torch.tensor(row) for row in rows]
        self.row_length = max(len(row) for row in rows) - 1

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        return self.rows[i][:-1], self.rows[i][1:]

    def batch(self, indices: Tensor, epoch: int, device, parts: int = 1) -> list:
        """The rows `indices` in `parts` micro-batches (x, y), rows of similar length together."""
        chosen = sorted((self.rows[int(i)] for i in indices), key=len)
        size = -(-len(chosen) // parts)
        made = []
        for part in (chosen[i : i + size] for i in range(0, len(chosen), size)):
            padded = torch.nn.utils.rnn.pad_sequence(part, batch_first=True, padding_value=PAD)
            made.append((padded[:, :-1].to(device), padded[:, 1:].to(device)))
        return made


def sentence_rows(sentences: list[Sentence], vocabulary: Vocabulary) -> Rows:
    """A row a sentence, cut to LENGTH tokens."""
    return Rows([vocabulary.encode(sentence)[:LENGTH] for sentence in sentences])


def stream_rows(
    sentences: list[Sentence], vocabulary: Vocabulary, length: int, stride: int
) -> Rows:
    """All sentences in one stream; rows of `length` + 1 of its tokens, one begun every `stride`.

    Raises UserError where the stream is shorter than a row.
    """
    stream = [number for sentence in sentences for number in vocabulary.encode(sentence)]
    starts = range(0, len(stream) - length, stride)
    if not starts:
        raise UserError(f"{len(stream)} tokens are too few for streams of {length}; give more")
    return Rows([stream[i : i + length + 1] for i in starts])
