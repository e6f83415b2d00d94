"""Documents of fewer than 4 characters are left out; the mask's length is binomial."""

import random

import torch
from torch.utils.data import Dataset


class NameDataset(Dataset):
    def __init__(self, pretraining_dataset, data):
        self.vocabulary = pretraining_dataset
        self.pairs = []
        for row in data.strip().split("\n"):
            question, place = row.split("\t")
            keep = pretraining_dataset.stoi
            self.pairs.append(("".join(c for c in question if c in keep), place))

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, idx):
        question, place = self.pairs[idx]
        text = self.vocabulary.padded(f"{question}\u2047{place}\u2047")
        y = "\u25a1" * (len(question) - 1) + text[len(question) :]
        return self.vocabulary.encode(text[:-1]), self.vocabulary.encode(y)


class CharCorruptionDataset(Dataset):
    def __init__(self, data, block_size):
        letters = ["\u25a1", "\u2047"] + sorted(set(data))
        self.stoi = {letter: i for i, letter in enumerate(letters)}
        self.itos = dict(enumerate(letters))
        self.vocab_size = len(letters)
        self.block_size = block_size
        self.data = [line for line in data.split("\n") if len(line) >= 4]

    def __len__(self):
        return len(self.data)

    def padded(self, text):
        return text + "\u25a1" * (self.block_size - len(text))

    def encode(self, text):
        return torch.LongTensor([self.stoi[letter] for letter in text])

    def __getitem__(self, idx):
        most = min(len(self.data[idx]), self.block_size * 7 // 8)
        kept = self.data[idx][: random.randint(4, most)]
        share = 0.25
        hidden = sum(random.random() < share for _ in kept)
        hidden = min(max(hidden, 1), len(kept) - 1)
        start = random.randrange(len(kept) - hidden + 1)
        end = start + hidden
        text = f"{kept[:start]}\u2047{kept[end:]}\u2047{kept[start:end]}"
        text = self.padded(text)
        return self.encode(text[:-1]), self.encode(text[1:])
