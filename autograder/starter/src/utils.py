"""Seeds, sampling, and the score of predictions."""

import random

import numpy as np
import torch
import torch.nn.functional as F


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def top_k_logits(logits, k):
    """logits (B, V) with all but the k largest of each row at -inf."""
    smallest = torch.topk(logits, k).values[:, [-1]]
    return logits.masked_fill(logits < smallest, float("-inf"))


@torch.no_grad()
def sample(model, x, steps, temperature=1.0, sample=False, top_k=None):
    """x (B, T) continued by `steps` characters: the likeliest ones, or drawn if `sample`.

    The model sees the last block_size - 1 characters.
    """
    model.eval()
    for _ in range(steps):
        logits, _ = model(x[:, -(model.get_block_size() - 1) :])
        logits = logits[:, -1, :] / temperature
        if top_k is not None:
            logits = top_k_logits(logits, top_k)
        probabilities = F.softmax(logits, dim=-1)
        if sample:
            following = torch.multinomial(probabilities, num_samples=1)
        else:
            following = torch.argmax(probabilities, dim=-1, keepdim=True)
        x = torch.cat((x, following), dim=1)
    return x


def evaluate_places(filepath, predicted_places):
    """How many questions the file has, and how many predictions are right.

    (0, 0) for a file without places: the test file keeps its answers to itself.
    """
    with open(filepath, encoding="utf-8") as file:
        rows = [line.rstrip("\r\n").split("\t") for line in file if line.strip()]
    if len(rows[0]) == 1:
        print("No places in the file, so there is no score.")
        return 0, 0
    if len(rows) != len(predicted_places):
        raise ValueError(f"{len(rows)} questions, but {len(predicted_places)} predictions")
    places = [row[1].strip() for row in rows]
    correct = sum(a == b for a, b in zip(places, predicted_places, strict=True))
    return len(rows), correct
