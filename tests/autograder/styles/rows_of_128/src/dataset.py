"""After the kit of 2024: the padded string has one character more than the block."""

import torch
from torch.utils.data import Dataset


def draw(low, high):
    """A whole number from low to high, both included, from torch's generator."""
    return int(torch.randint(low, high + 1, ()))


class NameDataset(Dataset):
    def __init__(self, pretraining_dataset, data):
        self.corpus = pretraining_dataset
        self.data = data.encode("utf-8").decode("ascii", errors="ignore").split("\n")

    def __len__(self):
        return len(self.data) - 1  # behind the last newline there is nothing

    def __getitem__(self, idx):
        inp, oup = self.data[idx].split("\t")
        x = inp + "\u2047" + oup + "\u2047"
        x = x + "\u25a1" * (self.corpus.block_size - len(x))
        y = "\u25a1" * (len(inp) - 1) + x[len(inp) :]
        return self.corpus.tensor(x[:-1]), self.corpus.tensor(y)


class CharCorruptionDataset(Dataset):
    MASK_CHAR, PAD_CHAR = "\u2047", "\u25a1"

    def __init__(self, data, block_size):
        chars = [self.PAD_CHAR, self.MASK_CHAR, *sorted(set(data))]
        self.stoi = {ch: i for i, ch in enumerate(chars)}
        self.itos = {i: ch for i, ch in enumerate(chars)}
        self.block_size = block_size
        self.vocab_size = len(chars)
        self.data = data.split("\n")

    def __len__(self):
        return len(self.data)

    def tensor(self, string):
        return torch.tensor([self.stoi[c] for c in string], dtype=torch.long)

    def __getitem__(self, idx):
        document = self.data[idx][: draw(4, int(self.block_size * 7 / 8))]
        quarter = max(1, round(len(document) / 4))
        size = min(len(document), draw(1, 2 * quarter - 1))
        start = draw(0, len(document) - size)
        prefix, suffix = document[:start], document[start + size :]
        masked_content = document[start : start + size]
        masked_string = prefix + self.MASK_CHAR + suffix + self.MASK_CHAR + masked_content
        masked_string = masked_string.ljust(self.block_size + 1, self.PAD_CHAR)
        inp, oup = masked_string[:-1], masked_string[1:]
        return self.tensor(inp), self.tensor(oup)
