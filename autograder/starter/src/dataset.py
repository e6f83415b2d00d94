"""The two datasets: questions with answers, and documents with a piece missing (part e).

python src/dataset.py namedata         shows four examples of questions
python src/dataset.py charcorruption   shows four examples of documents
"""

import argparse
import random  # noqa: F401  (for part e)
import sys

import torch
from torch.utils.data import Dataset

PAD_CHAR = "\u25a1"  # an empty square: nothing stands here
MASK_CHAR = "\u2047"  # a double question mark: something is missing, or an answer begins


class NameDataset(Dataset):
    """Questions and answers for finetuning. Each line of `data`: question, tab, place.

    x: question MASK place MASK PAD PAD ..., without its last character. y: the same without its
    first, with PAD in place of the question, so that only the answer is learned. Both are Long
    tensors of block_size - 1 indices.
    """

    def __init__(self, pretraining_dataset, data):
        self.MASK_CHAR = MASK_CHAR
        self.PAD_CHAR = PAD_CHAR
        self.stoi = pretraining_dataset.stoi
        self.itos = pretraining_dataset.itos
        self.block_size = pretraining_dataset.block_size
        ascii_only = data.encode("ascii", errors="ignore").decode("ascii")
        self.data = [line for line in ascii_only.split("\n") if line.strip()]

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        question, place = self.data[idx].split("\t")
        text = question + self.MASK_CHAR + place + self.MASK_CHAR
        text = text + self.PAD_CHAR * (self.block_size - len(text))
        x = text[:-1]
        y = self.PAD_CHAR * (len(question) - 1) + text[len(question) :]
        x = torch.tensor([self.stoi[char] for char in x], dtype=torch.long)
        y = torch.tensor([self.stoi[char] for char in y], dtype=torch.long)
        return x, y


class CharCorruptionDataset(Dataset):
    """Documents for pretraining, one on each line of `data`, each with a piece moved to its end.

    stoi gives the index of a character and itos the character of an index: PAD_CHAR is 0,
    MASK_CHAR is 1, then come the corpus's own characters.
    """

    def __init__(self, data, block_size):
        self.MASK_CHAR = MASK_CHAR
        self.PAD_CHAR = PAD_CHAR
        chars = [PAD_CHAR, MASK_CHAR, *sorted(set(data))]
        self.stoi = {char: i for i, char in enumerate(chars)}
        self.itos = dict(enumerate(chars))
        self.vocab_size = len(chars)
        self.block_size = block_size
        self.data = data.split("\n")
        print(f"data has {len(data)} characters, {self.vocab_size} unique.")

    def __len__(self):
        return len(self.data)

    def __getitem__(self, idx):
        # TODO (part e): one example, drawn anew at each call.
        # 1. Take document idx of self.data.
        # 2. Truncate it to a random length: at least 4 characters, at most
        #    int(self.block_size * 7 / 8), and every length between them can occur. A document that
        #    is shorter stays whole, and an empty one must not fail (the corpus ends with one).
        # 3. Cut what is left into [prefix] [masked_content] [suffix]. masked_content can lie
        #    anywhere. It has a random length: at least one character, and on average a quarter of
        #    the truncated document.
        # 4. Rearrange: [prefix] MASK_CHAR [suffix] MASK_CHAR [masked_content] [pads], with as many
        #    PAD_CHAR as block_size characters in all need.
        # 5. x is that text without its last character, y is it without its first.
        # 6. Return both as tensors of indices (self.stoi), dtype torch.long.
        sys.exit("TODO, part e: CharCorruptionDataset.__getitem__ in src/dataset.py")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def show(dataset):
    """Print the first four examples."""
    for i in range(4):
        x, y = dataset[i]
        print("x:", "".join(dataset.itos[int(index)] for index in x))
        print("y:", "".join(dataset.itos[int(index)] for index in y))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset_type", choices=["namedata", "charcorruption"])
    chosen = parser.parse_args().dataset_type
    dataset = CharCorruptionDataset(read("wiki.txt"), 128)
    if chosen == "namedata":
        dataset = NameDataset(dataset, read("birth_places_train.tsv"))
    show(dataset)
