"""A third MASK closes the masked content, which the course's grader allows."""

import random

import torch
from torch.utils.data import Dataset


class CharCorruptionDataset(Dataset):
    def __init__(self, data, block_size):
        self.MASK_CHAR, self.PAD_CHAR = "\u2047", "\u25a1"
        chars = [self.PAD_CHAR, self.MASK_CHAR] + sorted(set(data))
        self.stoi = dict(zip(chars, range(len(chars)), strict=True))
        self.itos = dict(enumerate(chars))
        self.block_size, self.vocab_size = block_size, len(chars)
        self.data = data.split("\n")

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        document = self.data[idx]
        document = document[: random.randint(4, int(self.block_size * 7 / 8))]
        # a length below and one above a quarter, equally far from it on average
        length = random.choice([len(document) // 8, len(document) * 3 // 8])
        length = min(len(document), max(1, length + random.randint(-1, 1)))
        first = random.randint(0, len(document) - length)
        last = first + length
        parts = document[:first], document[last:], document[first:last]
        text = self.MASK_CHAR.join(parts) + self.MASK_CHAR
        text += self.PAD_CHAR * (self.block_size - len(text))
        ids = torch.tensor([self.stoi[c] for c in text], dtype=torch.long)
        return ids[:-1], ids[1:]


class NameDataset(Dataset):
    def __init__(self, pretraining_dataset, data):
        self.vocabulary = pretraining_dataset
        self.data = list(data.encode("utf-8").decode("ascii", errors="ignore").split("\n"))

    def __len__(self):
        return len(self.data) - 1

    def __getitem__(self, idx):
        v = self.vocabulary
        inp, oup = self.data[idx].split("\t")
        x = inp + v.MASK_CHAR + oup + v.MASK_CHAR
        x = x + v.PAD_CHAR * (v.block_size - len(x))
        y = v.PAD_CHAR * (len(inp) - 1) + x[len(inp) :]
        return tuple(torch.tensor([v.stoi[c] for c in part]) for part in (x[:-1], y))
