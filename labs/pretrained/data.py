"""Labelled sentences from a file, and batches of them."""

import csv
import hashlib
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from base.errors import UserError
from base.files import read_text

POOL = 50  # batches that are sorted by length together


@dataclass
class Rows:
    """Sentences and their labels: numbers into `names`."""

    texts: list[str]
    labels: list[int]
    names: list[str]

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, which: Sequence[int]) -> "Rows":
        return Rows([self.texts[i] for i in which], [self.labels[i] for i in which], self.names)


def fingerprint(rows: Rows) -> str:
    """The same for the same rows in the same order, and for no others."""
    return hashlib.sha256(repr((rows.texts, rows.labels, rows.names)).encode()).hexdigest()[:16]


def locate(name: str) -> str:
    """A path; of `hf://datasets/OWNER/NAME/FILE`, the copy that the hub's client keeps."""
    if not name.startswith("hf://datasets/"):
        return name
    from huggingface_hub import hf_hub_download

    parts = name.removeprefix("hf://datasets/").split("/", 2)
    if len(parts) < 3:
        raise UserError(f"{name}: give hf://datasets/OWNER/NAME/FILE")
    try:
        return hf_hub_download("/".join(parts[:2]), parts[2], repo_type="dataset")
    except (OSError, ValueError) as error:
        raise UserError(f"{name}: cannot be had ({str(error).splitlines()[0]})") from None


def records(name: str) -> list[tuple[int, dict]]:
    """(line number, row) of a .csv, .tsv or .jsonl file. Raises UserError where it is none."""
    path = locate(name)
    text, ending = read_text(path), Path(path).suffix
    if ending == ".jsonl":
        found = []
        for number, line in enumerate(text.splitlines(), 1):
            if line.strip():
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    row = None
                if not isinstance(row, dict):
                    raise UserError(f"{name}, line {number}: is no JSON object")
                found.append((number, row))
        return found
    if ending not in (".csv", ".tsv"):
        raise UserError(f"{name}: the name must end in .csv, .tsv or .jsonl")
    lines = text.splitlines(keepends=True)
    if ending == ".tsv":  # GLUE's files have quotation marks that stand for themselves
        reader = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    else:
        reader = csv.DictReader(lines)
    return [(reader.line_num, row) for row in reader]


def read_rows(
    name: str, names: Sequence[str] | None = None, text: str = "sentence", label: str = "label"
) -> Rows:
    """The rows of a file. `names`: the labels in the order of their numbers.

    Without names: numbers in their own order, words in the order in which they first appear.
    Raises UserError for a missing column, an empty text or a label that is not in `names`.
    """
    found = records(name)
    if not found:
        raise UserError(f"{name}: no rows in it")
    texts, labels = [], []
    for number, row in found:
        for column in (text, label):
            if column in row and row[column] is None:
                raise UserError(f"{name}, line {number}: has nothing in column {column!r}")
            if column not in row:
                raise UserError(
                    f"{name}, line {number}: there is no column {column!r}, only "
                    f"{', '.join(map(str, row))}; --text_column and --label_column name them"
                )
        texts.append(str(row[text]).strip())
        labels.append(str(row[label]).strip())
        if not texts[-1]:
            raise UserError(f"{name}, line {number}: the text is empty")
        if names is not None and labels[-1] not in names:
            known = ", ".join(names)
            raise UserError(f"{name}, line {number}: label {labels[-1]!r} is none of {known}")
    if names is None:
        names = list(dict.fromkeys(labels))
        if all(word.isdigit() for word in names):
            names.sort(key=int)
    number_of = {word: number for number, word in enumerate(names)}
    return Rows(texts, [number_of[word] for word in labels], list(names))


def split(rows: Rows, share: float, seed: int) -> tuple[Rows, Rows]:
    """(the larger part, a random `share`), with the same share of each label in both."""
    dice, taken = random.Random(seed), set()
    for label in range(len(rows.names)):
        members = [i for i, other in enumerate(rows.labels) if other == label]
        taken |= set(dice.sample(members, round(share * len(members))))
    rest = [i for i in range(len(rows)) if i not in taken]
    return rows.take(rest), rows.take(sorted(taken))


def batch_order(lengths: Sequence[int], size: int, seed: int | None) -> list[list[int]]:
    """Batches of row numbers, similar lengths together: little padding.

    With a seed, shuffled: neighbours are sorted inside random pools of 50 batches. With None, as
    for data that is only evaluated, sorted by length.
    """
    order = list(range(len(lengths)))
    if seed is None:
        order.sort(key=lambda i: lengths[i])
        return [order[i : i + size] for i in range(0, len(order), size)]
    dice = random.Random(seed)
    dice.shuffle(order)
    pool = size * POOL
    order = [
        i
        for start in range(0, len(order), pool)
        for i in sorted(order[start : start + pool], key=lambda i: lengths[i])
    ]
    batches = [order[i : i + size] for i in range(0, len(order), size)]
    dice.shuffle(batches)
    return batches


def encode(tokenizer, rows: Rows, max_length: int) -> list[list[int]]:
    """The token numbers of each text, cut at `max_length` and at what the model can take."""
    longest = min(max_length, tokenizer.model_max_length)
    unused = {"return_attention_mask": False, "return_token_type_ids": False}
    return tokenizer(rows.texts, truncation=True, max_length=longest, **unused)["input_ids"]


def batches(
    ids: list[list[int]], labels: Sequence[int], size: int, pad: int, seed: int | None
) -> Iterator[tuple[list[int], dict[str, torch.Tensor]]]:
    """(row numbers, input_ids and attention_mask (B, T) and labels (B,)), padded per batch."""
    for which in batch_order([len(row) for row in ids], size, seed):
        longest = max(len(ids[i]) for i in which)
        padded = [ids[i] + [pad] * (longest - len(ids[i])) for i in which]
        mask = [[1] * len(ids[i]) + [0] * (longest - len(ids[i])) for i in which]
        yield (
            which,
            {
                "input_ids": torch.tensor(padded),
                "attention_mask": torch.tensor(mask),
                "labels": torch.tensor([labels[i] for i in which]),
            },
        )
