"""Small tools of the course: seeds, sampling, the score of predictions."""

import random
from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from base.errors import UserError
from base.questions import load_rows, places_of


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

    (0.0, 0.0) where the file gives no places. Raises UserError for rows of another form, an empty
    place, and where the numbers of rows differ.
    """
    rows = load_rows(filepath)
    if len(rows) != len(predicted_places) and places_of(rows) is not None:
        raise UserError(
            f"{filepath}: {len(rows)} questions, but {len(predicted_places)} predictions; "
            "give one prediction a question"
        )
    return score_places(places_of(rows), predicted_places)


def score_places(
    places: Sequence[str] | None, predicted_places: Sequence[str]
) -> tuple[float, float]:
    """How many places there are, and how many predictions are the same to the letter; (0.0, 0.0)
    where the places are not known. Both have one entry a question."""
    if places is None:
        print("No gold birth places provided; returning (0,0)")
        return 0.0, 0.0
    pairs = zip(places, predicted_places, strict=True)
    return float(len(places)), float(sum(place == predicted for place, predicted in pairs))
