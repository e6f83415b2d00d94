"""Datasets on arrays of indices, with numpy's generator."""

import numpy as np
import torch
from torch.utils.data import Dataset

PAD_CHAR, MASK_CHAR = "\u25a1", "\u2047"


class CharCorruptionDataset(Dataset):
    def __init__(self, data, block_size):
        self.stoi = {c: i for i, c in enumerate([PAD_CHAR, MASK_CHAR, *sorted(set(data))])}
        self.itos = {i: c for c, i in self.stoi.items()}
        self.vocab_size = len(self.stoi)
        self.block_size = block_size
        self.data = data.split("\n")

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        ids = np.array([self.stoi[c] for c in self.data[idx]], dtype=np.int64)
        low, high = 4, int(self.block_size * 7 / 8)
        # shorter documents are likelier here
        ids = ids[: low + int((high - low + 1) * np.random.rand() ** 1.3)]
        size = int(np.clip(round(np.random.normal(len(ids) / 4, len(ids) / 12)), 1, None))
        size = min(size, len(ids))
        start = np.random.randint(0, len(ids) - size + 1)
        row = np.zeros(self.block_size, dtype=np.int64)
        moved = np.concatenate(
            (ids[:start], [1], ids[start + size :], [1], ids[start : start + size])
        )
        row[: len(moved)] = moved
        return torch.from_numpy(row[:-1].copy()), torch.from_numpy(row[1:].copy())


class NameDataset(Dataset):
    def __init__(self, pretraining_dataset, data):
        self.parent = pretraining_dataset
        self.rows = [
            line.encode("ascii", "ignore").decode().split("\t")
            for line in data.splitlines()
            if line.strip()
        ]

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, idx):
        question, place = self.rows[idx]
        text = f"{question}{MASK_CHAR}{place}{MASK_CHAR}".ljust(self.parent.block_size, PAD_CHAR)
        ids = torch.tensor([self.parent.stoi[c] for c in text])
        targets = ids.clone()
        targets[: len(question)] = 0
        return ids[:-1], targets[1:]
