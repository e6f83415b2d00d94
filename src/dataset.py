"""The two datasets: span corruption of documents, and questions with their answers.

Both give rows of block_size - 1 characters (the 2021 convention, which the synthesizer's weights
need): `x, y = dataset[i]`, and, for training, `dataset.batch(indices, epoch, device, parts)`:
whole batches made at once on the device, sorted by length and trimmed in `parts` pieces.

Shapes: B rows, W = block_size - 1 positions, N documents.
"""

import hashlib

from base.cli import Parser, check_words


def parser() -> Parser:
    p = Parser(description="Print the first four examples of a dataset (handout, parts c and e).")
    p.add_argument("dataset_type", choices=("namedata", "charcorruption"))
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, get_worker_info

from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text
from base.questions import Row, person, read_rows

PAD, MASK = 0, 1  # indices of the two special characters in every vocabulary
PAD_CHAR, MASK_CHAR = "\u25a1", "\u2047"

Batch = list[tuple[Tensor, Tensor]]


# ---------------------------------------------------------------------------------------------
# Randomness that is a function of its arguments
# ---------------------------------------------------------------------------------------------

BY_EPOCH, BY_CALL = 0, 1  # two streams: examples of a run, and examples indexed by hand


def mix(z: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (Steele, Lea and Flood, 2014), elementwise on uint64."""
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def draws(indices: Tensor, count: int, *key: int) -> list[Tensor]:
    """`count` tensors of uniform integers in [0, 2^31), one for each of `indices` (B,): a function
    of (key, index) alone."""
    golden = 0x9E3779B97F4A7C15
    state = np.zeros(len(indices), dtype=np.uint64)
    for part in (*(np.uint64(k % 2**64) for k in key), indices.numpy().astype(np.uint64)):
        state = mix((state + np.uint64(golden)) ^ mix(part + np.zeros_like(state)))
    streams = [mix(state + np.uint64(golden * k % 2**64)) for k in range(1, count + 1)]
    return [torch.from_numpy((stream >> np.uint64(33)).astype(np.int64)) for stream in streams]


def below(draw: Tensor, bound: Tensor | int) -> Tensor:
    """Uniform integers in [0, bound) from uniform `draw` in [0, 2^31); bound well below 2^31."""
    return (draw * bound) >> 31


# ---------------------------------------------------------------------------------------------
# Span corruption
# ---------------------------------------------------------------------------------------------


class CharCorruptionDataset(Dataset):
    """Documents (one per line) for pretraining by span corruption (handout, part e).

    Example i: the document is cut to a random length of 4 to int(block_size * 7/8) characters (or
    its own, where that is shorter); a span of it, on average a quarter long, moves to the end:
    `prefix MASK suffix MASK span PAD...`; x is that row without its last character, y without its
    first, both Long tensors of block_size - 1.

    Indexed by hand, each call draws anew: a function of (seed, number of the call, i). In a run,
    `batch` draws as a function of (seed, epoch, i).

    `source` is the file's name in errors. Raises UserError where a corpus or block_size allows no
    example.
    """

    MASK_CHAR, PAD_CHAR = MASK_CHAR, PAD_CHAR  # the original's attributes
    masking_percent = 0.25

    def __init__(self, data: str, block_size: int, seed: int = 0, source: str = "the corpus"):
        longest = min(int(block_size * 7 / 8), block_size - 2)
        if longest < 4:
            raise UserError(f"block_size {block_size} holds no example; choose 6 or more")
        for char in (PAD_CHAR, MASK_CHAR):
            if char in data:
                raise UserError(
                    f"{source}: contains {char!r}, which stands for "
                    f"{'padding' if char == PAD_CHAR else 'masked text'}; remove it"
                )
        if not data.strip():
            raise UserError(f"{source}: is empty; give one document per line")
        chars = [PAD_CHAR, MASK_CHAR, *sorted(set(data))]
        self.stoi = {char: i for i, char in enumerate(chars)}
        self.itos = dict(enumerate(chars))
        self.vocab_size = len(chars)
        self.characters = len(data)
        self.block_size = block_size
        self.row_length = block_size - 1
        self.longest = longest
        self.seed = seed
        self.source = source
        self.calls = 0
        self.data = data.split("\n")
        self.lengths = torch.tensor([len(document) for document in self.data])
        self.offsets = torch.cumsum(self.lengths, 0) - self.lengths
        self.text = torch.tensor([self.stoi[char] for char in data if char != "\n"])
        self.on_device: dict[torch.device, tuple[Tensor, Tensor]] = {}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        idx = checked_index(idx, len(self))
        self.calls += 1
        worker = get_worker_info()  # workers share `calls`, so each adds its own seed
        key = (self.seed, BY_CALL, self.calls) + ((worker.seed,) if worker else ())
        index = torch.tensor([idx])
        rows = self.render(index, *self.spans(index, *key), self.block_size, torch.device("cpu"))
        return rows[0, :-1], rows[0, 1:].clone()

    def spans(self, indices: Tensor, *key: int) -> tuple[Tensor, Tensor, Tensor]:
        """Kept length L, span length M and span start of the documents `indices`, each (B,) on CPU.

        L: uniform over 4 .. longest, then at most the document. M: uniform over 1 .. top, where
        top is L/2 - 1 rounded up or down at random, so that M averages L/4 exactly (from L = 4 on).
        """
        length, rounding, size, start = draws(indices, 4, *key)
        L = torch.minimum(4 + below(length, self.longest - 3), self.lengths[indices])
        top = (L - 2 + below(rounding, 2)).div(2, rounding_mode="floor").clamp(min=1)
        M = torch.minimum(1 + below(size, top), L)
        return L, M, below(start, L - M + 1)

    def render(
        self, indices: Tensor, L: Tensor, M: Tensor, start: Tensor, width: int, device: torch.device
    ) -> Tensor:
        """Rows `prefix MASK suffix MASK span PAD...` (B, width) of the given spans, on `device`."""
        if device not in self.on_device:
            self.on_device[device] = (self.text.to(device), self.offsets.to(device))
        text, offsets = self.on_device[device]
        columns = torch.stack((indices, L, M, start)).to(device, non_blocking=True)[..., None]
        indices, L, M, start = columns
        j = torch.arange(width, device=device)
        second = L - M + 1  # where the second MASK stands; the span follows it
        after = torch.where(j < second, j - 1 + M, j - second - 1 + start)
        source = torch.where(j < start, j, after)
        rows = text[(source + offsets[indices]).clamp(0, len(text) - 1)]
        rows = rows.masked_fill((j == start) | (j == second), MASK)
        return rows.masked_fill(j >= L + 2, PAD)

    def batch(self, indices: Tensor, epoch: int, device: torch.device, parts: int = 1) -> Batch:
        """Examples `indices` of `epoch`: up to `parts` pairs x, y (b, w), rows sorted by length.

        Each pair is trimmed to its longest row (rounded up to a multiple of 8: few shapes let
        memory be used again); shapes are known without asking the device.
        """
        L, M, start = self.spans(indices, self.seed, BY_EPOCH, epoch)
        order = torch.argsort(L, stable=True)
        pairs = []
        for part in torch.tensor_split(order, parts):
            if len(part):
                width = rounded(int(L[part].max()) + 1, self.row_length) + 1
                rows = self.render(indices[part], L[part], M[part], start[part], width, device)
                pairs.append((rows[:, :-1], rows[:, 1:]))
        return pairs


def vocabulary_hash(dataset: Dataset) -> str:
    """sha256 of a dataset's characters in the order of their indices."""
    return hashlib.sha256("".join(dataset.itos.values()).encode()).hexdigest()


def rounded(width: int, limit: int) -> int:
    """`width` rounded up to a multiple of 8, at most `limit`."""
    return min(-(-width // 8) * 8, limit)


def checked_index(idx: int, size: int) -> int:
    """idx, or size + idx for a negative one. Raises IndexError beyond, which ends iteration."""
    if not -size <= idx < size:
        raise IndexError(f"example {idx} of {size}")
    return idx % size


# ---------------------------------------------------------------------------------------------
# Questions and answers
# ---------------------------------------------------------------------------------------------


class NameDataset(Dataset):
    """Questions and birthplaces, one `question TAB place` per line, for finetuning (handout, c).

    x: `question MASK place MASK PAD...` without its last character; y: the same without its first,
    with PAD instead of the question, up to and not including the first MASK. The vocabulary is that
    of `pretraining_dataset`.

    The course drops every non-ASCII character of the file, and so do we unless `unicode_names`.
    `source` is the file's name in errors. Raises UserError for a row that is not a question, a tab
    and a place (base/questions.py), that has a character outside the vocabulary, or that is too
    long for the block.
    """

    MASK_CHAR, PAD_CHAR = MASK_CHAR, PAD_CHAR  # the original's attributes

    def __init__(
        self,
        pretraining_dataset: CharCorruptionDataset,
        data: str,
        unicode_names: bool = False,
        source: str = "the questions",
    ):
        self.stoi = pretraining_dataset.stoi
        self.itos = pretraining_dataset.itos
        self.vocab_size = pretraining_dataset.vocab_size
        self.block_size = pretraining_dataset.block_size
        self.row_length = self.block_size - 1
        rows = read_rows(data, source, places=True)
        if not rows:
            raise UserError(f"{source}: no questions in it; give rows of question, tab, place")
        if not unicode_names:
            rows = ascii_rows(rows, source)
        self.data = [str(row) for row in rows]
        self.longest_place = max(len(row.place) for row in rows)
        encoded = [self.encode(row) for row in rows]
        self.x = torch.stack([x for x, _ in encoded])
        self.y = torch.stack([y for _, y in encoded])
        self.lengths = (self.x != PAD).sum(1)

    def encode(self, row: Row) -> tuple[Tensor, Tensor]:
        """x and y (W,) of one row."""
        check_row(row, self.stoi)
        text = row.question + MASK_CHAR + row.place + MASK_CHAR
        if len(text) > self.block_size:
            raise UserError(
                f"{row.where}: question and place are {len(text) - 2} characters long and the "
                f"block of {self.block_size} holds {self.block_size - 2}; shorten them"
            )
        s = torch.tensor([self.stoi[char] for char in text.ljust(self.block_size, PAD_CHAR)])
        y = s[1:].clone()
        y[: len(row.question) - 1] = PAD
        return s[:-1], y

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, idx: int) -> tuple[Tensor, Tensor]:
        idx = checked_index(idx, len(self))
        return self.x[idx].clone(), self.y[idx].clone()

    def batch(self, indices: Tensor, epoch: int, device: torch.device, parts: int = 1) -> Batch:
        """Rows `indices` (the same in every epoch), as in CharCorruptionDataset.batch."""
        lengths = self.lengths[indices]
        order = torch.argsort(lengths, stable=True)
        pairs = []
        for part in torch.tensor_split(order, parts):
            if len(part):
                width = rounded(int(lengths[part].max()), self.row_length)
                chosen = indices[part]
                x, y = self.x[chosen, :width], self.y[chosen, :width]
                pairs.append((x.to(device, non_blocking=True), y.to(device, non_blocking=True)))
        return pairs


def ascii_rows(rows: list[Row], source: str) -> list[Row]:
    """Rows without their non-ASCII characters, as the course's program reads them.

    Prints how many names vanish. Raises UserError where a place does.
    """
    reduced, nameless = [], 0
    for row in rows:
        question, place = map(ascii_only, (row.question, row.place))
        if not place.strip():
            raise UserError(
                f"{row.where}: the place {row.place!r} has no ASCII characters, and all others are "
                "dropped, as in the course's program; keep them with --unicode_names"
            )
        nameless += not any(char.isalnum() for char in ascii_only(person(row.question)))
        reduced.append(Row(row.where, question, place))
    if nameless:
        print(
            f"{source}: {nameless} of {len(rows)} names have no ASCII letters and vanish from "
            "their questions; --unicode_names keeps them"
        )
    return reduced


def ascii_only(text: str) -> str:
    return text.encode("ascii", errors="ignore").decode()


def check_row(row: Row, stoi: dict[str, int]) -> None:
    """Raise UserError for a row whose question or place has a character that is not in `stoi`."""
    check_question(row.question, stoi, row.where)
    if row.place is not None:
        check_question(row.place, stoi, row.where)


def check_question(text: str, stoi: dict[str, int], where: str) -> None:
    """Raise UserError for a character that the vocabulary lacks or keeps for itself."""
    for char in text:
        if char not in stoi or char in (PAD_CHAR, MASK_CHAR):
            raise UserError(
                f"{where}: the character {char!r} is not in the pretraining corpus, so the model "
                "cannot read it; remove it, or give the corpus that the model was trained on"
            )


# ---------------------------------------------------------------------------------------------
# python src/dataset.py namedata | charcorruption
# ---------------------------------------------------------------------------------------------


def main(argv: list[str] | None = None) -> None:
    """Print the first four examples of a dataset."""
    args = parser().parse_args(argv)
    corpus_path, names_path = find_files("wiki.txt", "birth_places_train.tsv")
    dataset = CharCorruptionDataset(read_text(corpus_path), 128)
    print(f"data has {dataset.characters} characters, {dataset.vocab_size} unique.")
    if args.dataset_type == "namedata":
        dataset = NameDataset(dataset, read_text(names_path), source=names_path)
    for i in range(min(4, len(dataset))):
        x, y = dataset[i]
        print("x:", "".join(dataset.itos[int(c)] for c in x))
        print("y:", "".join(dataset.itos[int(c)] for c in y))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
