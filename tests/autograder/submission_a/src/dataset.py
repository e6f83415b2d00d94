"""Names and corrupted documents: plain loops over strings."""

import random

import torch
from torch.utils.data import Dataset

PAD = "\u25a1"
MASK = "\u2047"


def to_tensors(dataset, text):
    ids = torch.tensor([dataset.stoi[c] for c in text], dtype=torch.long)
    return ids[:-1], ids[1:]


class NameDataset(Dataset):
    def __init__(self, pretraining_dataset, data):
        self.stoi = pretraining_dataset.stoi
        self.itos = pretraining_dataset.itos
        self.block_size = pretraining_dataset.block_size
        self.data = [line for line in data.encode("ascii", "ignore").decode().split("\n") if line]

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        question, place = self.data[idx].split("\t")
        x = question + MASK + place + MASK
        x = x + PAD * (self.block_size - len(x))
        y = PAD * (len(question) - 1) + x[len(question) :]
        x = x[:-1]
        return (
            torch.tensor([self.stoi[c] for c in x], dtype=torch.long),
            torch.tensor([self.stoi[c] for c in y], dtype=torch.long),
        )


class CharCorruptionDataset(Dataset):
    def __init__(self, data, block_size):
        chars = sorted(set(data))
        chars = [PAD, MASK] + chars
        self.stoi = {}
        self.itos = {}
        for i, c in enumerate(chars):
            self.stoi[c] = i
            self.itos[i] = c
        self.vocab_size = len(chars)
        self.block_size = block_size
        self.data = data.split("\n")
        print(f"data has {len(data)} characters, {len(chars)} unique.")

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        longest = int(self.block_size * 7 / 8)
        document = self.data[idx][: random.randint(4, longest)]
        n = len(document)
        # a length around a quarter, uniform on both sides of it
        quarter = n / 4
        width = int(round(random.uniform(0.5 * quarter, 1.5 * quarter)))
        width = min(max(1, width), n)
        begin = random.randint(0, n - width)
        pieces = [document[:begin], MASK, document[begin + width :], MASK]
        pieces.append(document[begin : begin + width])
        text = "".join(pieces)
        text += PAD * (self.block_size - len(text))
        return to_tensors(self, text)
