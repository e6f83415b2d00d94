"""Edit a birthplace: change one matrix, as little as possible, so that a name gives a new place.

Rank-one model editing (ROME, arXiv 2202.05262), and many facts at once (after MEMIT, 2210.07229).
The output matrix W (C, 4C) of a layer's MLP maps keys k (4C), its hidden units, to values (C). At
one position of the prompt, k stands for the person: ROME takes the last letter of the name; the
MASK before the answer is the other choice here. Gradient descent finds a new value v*: with it in
the place of W k, the model answers the new place. Then W becomes W + D, where D K = V* - W K for
the keys K of the edit, and D is otherwise as small as possible on what the corpus makes of W,
measured by M = E[k k^T]:

    D = (V* - W K) (K^T M^-1 K)^-1 K^T M^-1

With one key this is ROME's D = (v* - W k) (M^-1 k)^T / ((M^-1 k)^T k). A character model sees a
name at other positions in other texts, so one person has a key for each form of the question.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from activations import hooked
from labs.microscope.facts import Fact, Rows, place_logprob, rows_of

EDIT_FORMS = ("question", "bare title", "born in")  # those that an edit is made for
RIDGE = 1e-4  # of M's mean diagonal, added to it: the corpus leaves some directions unused


@dataclass(frozen=True)
class Search:
    """How a new value is looked for."""

    steps: int = 40
    rate: float = 0.3
    decay: float = 1e-2  # of the squared length of the change, against the place's nats


def output_matrix(model: nn.Module, layer: int) -> nn.Linear:
    """The MLP's second linear layer: 4C -> C."""
    return model.blocks[layer].mlp[2]


@torch.no_grad()
def second_moment(model: nn.Module, layer: int, rows: Sequence[Tensor]) -> Tensor:
    """M = E[k k^T] (4C, 4C) of the layer's keys at all positions of these rows (B, T) that are no
    padding (index 0), with a small ridge."""
    total, count = 0.0, 0
    for x in rows:
        kept: list[Tensor] = []
        with keys_kept(model, layer, kept):
            model(x)
        keys = kept[0][x != 0]
        total, count = total + keys.mT @ keys, count + len(keys)
    moment = total / count
    return moment + RIDGE * moment.diagonal().mean() * torch.eye(len(moment))


def keys_kept(model: nn.Module, layer: int, into: list[Tensor]):
    """Within it, the inputs (B, T, 4C) of the layer's output matrix are appended to `into`."""
    return hooked(model, {f"blocks.{layer}.mlp.1": into.append})


@torch.no_grad()
def keys_of(model: nn.Module, layer: int, rows: Rows, where: str) -> Tensor:
    """The keys (F, 4C) at the positions `where`, as `Rows.position` has them."""
    kept: list[Tensor] = []
    with keys_kept(model, layer, kept):
        model(rows.x)
    return kept[0][torch.arange(len(rows.x)), rows.position(where)]


def new_values(
    model: nn.Module, layer: int, rows: Rows, where: str, search: Search
) -> Tensor:
    """Values (F, C) that make the model answer the places of the rows, each found for itself.

    Adam on the change of the MLP's output at the positions `where`: the place's negative
    log-probability plus `decay` times the squared length of the change.
    """
    each, at = torch.arange(len(rows.x)), rows.position(where)
    kept: list[Tensor] = []
    with hooked(model, {f"blocks.{layer}.mlp.2": kept.append}), torch.no_grad():
        model(rows.x)
    old = kept[0][each, at]
    change = torch.zeros_like(old, requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=search.rate)

    def moved(output: Tensor) -> Tensor:
        output = output.clone()
        output[each, at] = old + change
        return output

    for _ in range(search.steps):
        with hooked(model, {f"blocks.{layer}.mlp.2": moved}):
            logits, _ = model(rows.x)
        loss = (search.decay * change.square().sum(1) - place_logprob(logits, rows)).sum()
        (change.grad,) = torch.autograd.grad(loss, [change])
        optimizer.step()
    return (old + change).detach()


@dataclass(frozen=True)
class Targets:
    """What an edit asks of a layer: keys (K, 4C) and the values (K, C) that they shall have."""

    keys: Tensor
    values: Tensor

    def __getitem__(self, chosen) -> "Targets":
        return Targets(self.keys[chosen], self.values[chosen])


def targets_of(
    model: nn.Module,
    layer: int,
    facts: Sequence[Fact],
    stoi: dict[str, int],
    where: str,
    search: Search,
) -> list[Targets]:
    """For every fact, its keys and new values in EDIT_FORMS."""
    keys, values = [], []
    for form in EDIT_FORMS:
        rows = rows_of(facts, form, stoi)
        keys.append(keys_of(model, layer, rows, where))
        values.append(new_values(model, layer, rows, where, search))
    both = zip(torch.stack(keys, 1), torch.stack(values, 1), strict=True)
    return [Targets(k, v) for k, v in both]


def update(weight: Tensor, bias: Tensor, moment: Tensor, targets: Targets) -> Tensor:
    """D (C, 4C): the smallest change, by the corpus's keys, with (weight + D) K + bias = V.

    Computed in float64. With more keys than the layer is wide no exact change exists, and D is the
    least-squares one.
    """
    K, V = targets.keys.double().mT, targets.values.double().mT
    missing = V - bias.double()[:, None] - weight.double() @ K
    solved = torch.linalg.solve(moment.double(), K)  # M^-1 K
    gram = K.mT @ solved
    return (missing @ torch.linalg.pinv(gram, hermitian=True) @ solved.mT).to(weight.dtype)


class Edited:
    """Within it, the layer's output matrix is changed by `targets`; afterwards it is as before."""

    def __init__(self, model: nn.Module, layer: int, moment: Tensor, targets: Targets):
        self.matrix = output_matrix(model, layer)
        self.before = self.matrix.weight.detach().clone()
        self.change = update(self.before, self.matrix.bias.detach(), moment, targets)

    def __enter__(self) -> "Edited":
        self.matrix.weight.data = self.before + self.change
        return self

    def __exit__(self, *error) -> None:
        self.matrix.weight.data = self.before


def joined(targets: Sequence[Targets]) -> Targets:
    """The targets of many facts as one."""
    return Targets(torch.cat([t.keys for t in targets]), torch.cat([t.values for t in targets]))
