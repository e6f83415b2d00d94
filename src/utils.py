"""Small tools of the course: seeds, sampling, the score of predictions."""

import random

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from base.errors import UserError
from base.files import read_text


def set_seed(seed: int) -> None:
    """Seed Python's, numpy's and torch's generators; numpy takes 0 to 2^32 - 1."""
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)


def top_k_logits(logits: Tensor, k: int) -> Tensor:
    """Logits (B, V) with all but the k (at most V) largest of each row at -inf; ties stay."""
    smallest = torch.topk(logits, k).values[:, [-1]]
    return logits.masked_fill(logits < smallest, float("-inf"))


@torch.no_grad()
def sample(
    model: torch.nn.Module,
    x: Tensor,
    steps: int,
    temperature: float = 1.0,
    sample: bool = False,
    top_k: int | None = None,
) -> Tensor:
    """x (B, T) continued by `steps` characters: (B, T + steps).

    Each is the likeliest, or drawn when `sample`; the model sees at most what it can take, the
    latest characters. One full pass a character: the plain twin of decode.py. Leaves the model in
    evaluation mode.
    """
    limit = getattr(model, "max_length", None) or model.get_block_size()
    model.eval()
    for _ in range(steps):
        logits, _ = model(x[:, -limit:])
        logits = logits[:, -1, :] / temperature
        if top_k is not None:
            logits = top_k_logits(logits, top_k)
        probabilities = F.softmax(logits, dim=-1)
        if sample:
            following = torch.multinomial(probabilities, num_samples=1)
        else:
            following = torch.topk(probabilities, k=1, dim=-1).indices
        x = torch.cat((x, following), dim=1)
    return x


def evaluate_places(filepath: str, predicted_places: list[str]) -> tuple[float, float]:
    """How many questions the file has, and how many of the places are right: (total, correct).

    (0.0, 0.0) where the file gives no places. Raises UserError where the numbers of rows differ.
    """
    lines = enumerate(read_text(filepath).split("\n"), start=1)
    numbered = [(number, line.rstrip("\r").split("\t")) for number, line in lines if line.strip()]
    rows = [row for _, row in numbered]
    if len(rows[0]) == 1:
        print("No gold birth places provided; returning (0,0)")
        return 0.0, 0.0
    for number, row in numbered:
        if len(row) != 2:
            raise UserError(f"{filepath}, row {number}: not question, tab, place; mend it")
    if len(rows) != len(predicted_places):
        raise UserError(
            f"{filepath}: {len(rows)} questions, but {len(predicted_places)} predictions; "
            "give one prediction a question"
        )
    correct = sum(
        row[1].strip() == place for row, place in zip(rows, predicted_places, strict=True)
    )
    return float(len(rows)), float(correct)
