"""Where is a birthplace? One person's pass, with parts of another's put in their place.

Of two people whose names are equally long, A is asked and B's place is written behind the question.
At one layer and at some positions, what A's pass computes is replaced by what B's pass computed.
Where B's place becomes the answer, what tells the two apart has been handed over (activation
patching: arXiv 2202.05262, section 2; 2309.16042).
"""

import random
from collections import defaultdict
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from activations import run_with_cache, run_with_patches
from labs.microscope.facts import Fact, Rows, answered, place_logprob, rows_of

PARTS = {"stream": "blocks.{}", "attention": "blocks.{}.attn", "MLP": "blocks.{}.mlp"}
PLACES = ("name", "last letter", "after the name", "mask")
FORM = "question"


def pairs_of(facts: Sequence[Fact], count: int, seed: int = 0) -> list[tuple[Fact, Fact]]:
    """Up to `count` pairs of people with equally long names and different places, at random."""
    groups: dict[int, list[Fact]] = defaultdict(list)
    for fact in facts:
        groups[len(fact.name)].append(fact)
    draw, pairs = random.Random(seed), []
    for group in groups.values():
        draw.shuffle(group)
        halves = zip(group[::2], group[1::2], strict=False)
        pairs += [(a, b) for a, b in halves if a.place != b.place]
    draw.shuffle(pairs)
    return pairs[:count]


def positions(rows: Rows, names: Sequence[str]) -> dict[str, Tensor]:
    """Which positions (F, T) each of PLACES means: the name but for its last letter, that letter,
    what follows it up to the MASK, and the MASK, after which the place begins."""
    at = torch.arange(rows.x.shape[1])
    last, length = rows.last[:, None], torch.tensor([len(name) for name in names])[:, None]
    mask = rows.end[:, None]
    return {
        "name": (at > last - length) & (at < last),
        "last letter": at == last,
        "after the name": (at > last) & (at < mask),
        "mask": at == mask,
    }


@torch.no_grad()
def patch(
    model: nn.Module, pairs: Sequence[tuple[Fact, Fact]], stoi: dict[str, int]
) -> dict[tuple[int, str, str], tuple[list[bool], list[float]]]:
    """(layer, part, place) -> for every pair: whether B's place is the answer, and the share of the
    way from A's log-probability of it to B's that the patch goes (0: nothing, 1: all)."""
    receivers = rows_of([Fact(a.name, b.place) for a, b in pairs], FORM, stoi)
    givers = rows_of([b for _, b in pairs], FORM, stoi)
    chosen = positions(receivers, [a.name for a, _ in pairs])
    layers = range(len(model.blocks))
    names = [name.format(layer) for name in PARTS.values() for layer in layers]
    theirs, cache = run_with_cache(model, givers.x, names)
    start = place_logprob(model(receivers.x)[0], receivers)
    end = place_logprob(theirs, givers)
    results = {}
    for layer in layers:
        for part, name in PARTS.items():
            for place in PLACES:
                swap = swapping(cache[name.format(layer)], chosen[place])
                logits = run_with_patches(model, receivers.x, {name.format(layer): swap})
                share = (place_logprob(logits, receivers) - start) / (end - start)
                results[layer, part, place] = (answered(logits, receivers).tolist(), share.tolist())
    return results


def swapping(given: Tensor, where: Tensor):
    """A patch: the output, but at the positions `where` (F, T) that of `given` (F, T, C)."""
    return lambda output: torch.where(where[..., None], given, output)
