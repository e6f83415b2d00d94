"""The measurements: where a birthplace is, what an edit does, how many edits fit.

Everything is counted on people whom the model answers rightly to begin with.
"""

import json
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import product
from pathlib import Path

import torch
from torch import Tensor, nn

from activations import run_with_cache
from answers.metrics import wilson
from base.errors import UserError
from base.files import read_text, write_whole
from labs.microscope.facts import FORMS, Fact, answered, knows, place_logprob, rows_of
from labs.microscope.rome import (
    EDIT_FORMS,
    Edited,
    How,
    Targets,
    joined,
    logits_above,
    moment_of,
    output_matrix,
    targets_of,
)

NEIGHBOURS = 30  # other people asked after each single edit
LOSSES = 5  # of the single edits, after which the corpus's loss is measured, on its first rows
TUNE_STEPS, TUNE_RATE = 20, 1e-3  # of the baseline that trains the one matrix


@dataclass(frozen=True)
class World:
    """A model, the people whom it answers rightly in the question's form, and its vocabulary."""

    model: nn.Module
    facts: list[Fact]
    stoi: dict[str, int]
    rows: list[Tensor]  # of the corpus, (B, T) each, for the second moment and the loss
    documents: Sequence[str] = ()  # the same as text
    known: dict[str, set[str]] = field(default_factory=dict)  # form -> who is answered rightly

    def knowing(self, form: str, edits: Sequence[Fact]) -> list[Fact]:
        """The edits of people whose old place the model, before any edit, gives in this form."""
        return [fact for fact in edits if form not in self.known or fact.name in self.known[form]]


@dataclass(frozen=True)
class Outcome:
    """Of an edit or many: right answers and how many were asked."""

    efficacy: list[bool]  # the question gives the new place
    generalisation: dict[str, list[bool]]  # so do the other forms in which the old place was known
    specificity: list[bool]  # others' answers to the question stayed
    near: list[bool]  # the same, of people who share a first or last name
    losses: list[float] = field(default_factory=list)  # of the corpus, nats a character


def known_in(world: World, facts: Sequence[Fact]) -> dict[str, set[str]]:
    """For each form, those of these people whose place the model, as it is now, answers in it."""
    asked = {form: knows(world.model, facts, form, world.stoi).tolist() for form in FORMS}
    return {form: {f.name for f, right in zip(facts, each, strict=True) if right}
            for form, each in asked.items()}  # fmt: skip


def new_places(facts: Sequence[Fact], seed: int = 0) -> list[Fact]:
    """The facts with another person's place each, never their own."""
    draw = random.Random(seed)
    places = sorted({fact.place for fact in facts})
    others = [[place for place in places if place != fact.place] for fact in facts]
    return [Fact(f.name, draw.choice(o)) for f, o in zip(facts, others, strict=True)]


def namesakes(facts: Sequence[Fact], name: str) -> list[Fact]:
    """Other people who share a first or last name with `name`."""
    first, *_, last = [*name.split(), name.split()[-1]]
    others = [(fact.name.split(), fact) for fact in facts if fact.name != name]
    return [fact for words, fact in others if words[0] == first or words[-1] == last]


def measure(world: World, edits: Sequence[Fact], others: Sequence[Fact]) -> Outcome:
    """What the model, as it is now, answers of the edited people and of others."""
    model, stoi = world.model, world.stoi
    names = {fact.name for fact in edits}
    others = [fact for fact in others if fact.name not in names]
    near = {f.name: f for edit in edits for f in namesakes(others, edit.name)}
    stayed = dict(zip([f.name for f in others], knows(model, others, "question", stoi).tolist(),
                      strict=True))  # fmt: skip
    return Outcome(
        knows(model, edits, "question", stoi).tolist(),
        {form: knows(model, world.knowing(form, edits), form, stoi).tolist()
         for form in FORMS if form != "question"},
        list(stayed.values()),
        [stayed[name] for name in near],
    )  # fmt: skip


def pooled(outcomes: Sequence[Outcome]) -> Outcome:
    """Many outcomes as one."""
    forms = [form for form in FORMS if form != "question"]
    return Outcome(
        sum((o.efficacy for o in outcomes), []),
        {form: sum((o.generalisation[form] for o in outcomes), []) for form in forms},
        sum((o.specificity for o in outcomes), []),
        sum((o.near for o in outcomes), []),
        sum((o.losses for o in outcomes), []),
    )


def share(right: Sequence[bool]) -> str:
    """"97.0 % (94.1 to 98.6)", or a dash where nothing was asked."""
    if not right:
        return "-"
    low, high = wilson(sum(right), len(right))
    return f"{100 * sum(right) / len(right):.1f} % ({100 * low:.1f} to {100 * high:.1f})"


# -- single edits -----------------------------------------------------------------------------


def edit_singly(
    world: World, layer: int, edits: Sequence[Fact], targets: Sequence[Targets], moment: Tensor
) -> Iterator[Outcome]:
    """Every edit by itself, on the model as it was."""
    for number, (fact, target) in enumerate(zip(edits, targets, strict=True)):
        with Edited(world.model, layer, moment, target):
            yield single(world, fact, number)


def single(world: World, fact: Fact, number: int) -> Outcome:
    """What came of the edit with this number, with the corpus's loss after the first LOSSES."""
    outcome = measure(world, [fact], sample_of_others(world, fact))
    if number < LOSSES:
        outcome.losses.append(corpus_loss(world.model, world.rows[:1]))
    return outcome


def sample_of_others(world: World, fact: Fact) -> list[Fact]:
    """NEIGHBOURS other people, namesakes first, the rest drawn by the name."""
    near = namesakes(world.facts, fact.name)
    chosen = {f.name for f in near} | {fact.name}
    rest = [f for f in world.facts if f.name not in chosen]
    more = max(0, NEIGHBOURS - len(near))
    return near + random.Random(fact.name).sample(rest, min(more, len(rest)))


def tune_singly(world: World, layer: int, edits: Sequence[Fact]) -> Iterator[Outcome]:
    """The baseline: the same matrix, trained on each edit's forms by Adam until they are right."""
    matrix = output_matrix(world.model, layer)
    before = matrix.weight.detach().clone()
    for number, fact in enumerate(edits):
        try:
            tune(world, layer, matrix, fact)
            yield single(world, fact, number)
        finally:
            matrix.weight.data = before.clone()


def tune(world: World, layer: int, matrix: nn.Linear, fact: Fact) -> None:
    """Train one matrix until all of EDIT_FORMS answer the new place, TUNE_STEPS at most."""
    rows = [rows_of([fact], form, world.stoi) for form in EDIT_FORMS]
    stream, inner, added = (f"blocks.{layer}", f"blocks.{layer}.mlp.1", f"blocks.{layer}.mlp.2")
    caches = [run_with_cache(world.model, one.x, (stream, inner, added))[1] for one in rows]
    matrix.weight.requires_grad_(True)
    optimizer = torch.optim.Adam([matrix.weight], lr=TUNE_RATE)
    for _ in range(TUNE_STEPS):
        streams = [cache[stream] - cache[added] + matrix(cache[inner]) for cache in caches]
        logits = [logits_above(world.model, layer, one) for one in streams]
        if all(answered(y, one).all() for y, one in zip(logits, rows, strict=True)):
            break
        loss = -sum(place_logprob(y, one).sum() for y, one in zip(logits, rows, strict=True))
        (matrix.weight.grad,) = torch.autograd.grad(loss, [matrix.weight])
        optimizer.step()
    matrix.weight.requires_grad_(False)


# -- many edits at once -------------------------------------------------------------------------


@torch.no_grad()
def corpus_loss(model: nn.Module, rows: Sequence[Tensor]) -> float:
    """The mean loss, in nats a character, of the corpus's rows (B, T) read as they stand."""
    total = count = 0.0
    for x in rows:
        logits, _ = model(x[:, :-1])
        logprobs = logits.log_softmax(-1).gather(-1, x[:, 1:, None])[..., 0]
        real = x[:, 1:] != 0
        total, count = total - logprobs[real].sum().item(), count + real.sum().item()
    return total / count


def prepared(
    world: World, layer: int, edits: Sequence[Fact], how: How
) -> tuple[list[Targets], Tensor]:
    """What edits at this layer need: their targets, and the second moment of the keys."""
    names = {fact.name for fact in edits}
    others = [fact for fact in world.facts if fact.name not in names]
    targets = targets_of(world.model, layer, edits, world.stoi, how)
    return targets, moment_of(world.model, layer, world.rows, others, world.stoi)


def edit_all(world: World, layer: int, edits: Sequence[Fact], how: How) -> list[Outcome]:
    """Every edit by itself, at this layer."""
    return list(edit_singly(world, layer, edits, *prepared(world, layer, edits, how)))


def at_random(by_layer: Sequence[Sequence[Outcome]]) -> list[Outcome]:
    """Of each edit, its outcome at a layer drawn for it."""
    draw = random.Random(0)
    return [draw.choice(outcomes) for outcomes in zip(*by_layer, strict=True)]


def kept(path: Path, settings: dict, make: Callable[[], Iterable[Outcome]]) -> list[Outcome]:
    """What `make` gives, or what it gave when `path` was written. Raises UserError where that was
    with other settings."""
    if path.exists():
        there = json.loads(read_text(str(path)))
        if there["settings"] != settings:
            raise UserError(f"{path}: made with other settings; give another --out")
        return [Outcome(**outcome) for outcome in there["outcomes"]]
    outcomes = list(make())
    path.parent.mkdir(parents=True, exist_ok=True)
    with write_whole(str(path)) as file:
        json.dump({"settings": settings, "outcomes": [asdict(each) for each in outcomes]}, file)
    return outcomes


def run_counts(
    world: World,
    edits: Sequence[Fact],
    how: How,
    layer: int,
    counts: Sequence[int],
    holds: Sequence[float] = (0.0,),
) -> Iterator[tuple[int, float, Outcome]]:
    """1, 10, 100, ... edits at once, with each hold (see rome.update): what came of them, and the
    corpus's loss then."""
    targets, moment = prepared(world, layer, edits, how)
    for count, hold in product(counts, holds):
        with Edited(world.model, layer, moment, joined(targets[:count]), hold):
            outcome = measure(world, edits[:count], world.facts)
            outcome.losses.append(corpus_loss(world.model, world.rows[:1]))
            yield count, hold, outcome
