"""Edit a birthplace: change one matrix, as little as possible, so that a name gives a new place.

Rank-one model editing (ROME, arXiv 2202.05262), and many facts at once (after MEMIT, 2210.07229).
The output matrix W (C, 4C) of a layer's MLP maps keys k (4C), its hidden units, to values (C). ROME
takes one key for a person, at the last letter of the name. Here an answer has many characters, and
each is looked up anew, so that there is a key at the MASK before the answer and at every character
of the new place. Gradient descent finds new values v*: with them in the place of W k, the model
answers the new place. Then W becomes W + D, where D K = V* - W K for the keys K of the edit, and D
is otherwise as small as possible on what the corpus, and questions about others, make of W,
measured by M = E[k k^T]:

    D = (V* - W K) (K^T M^-1 K)^-1 K^T M^-1

Many edits together may have more keys than W is wide. MEMIT lets D miss some of V*, and be held by
M instead: D = (V* - W K) (K^T M^-1 K + hold I)^-1 K^T M^-1.

With one key and no hold this is ROME's D = (v* - W k) (M^-1 k)^T / ((M^-1 k)^T k). A character
model sees a name at other positions in other texts, so one person has a key for each form of the
question; and one more, as ROME has it, the mean over many contexts: windows of documents about
other people.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from activations import hooked, run_with_cache
from base.errors import UserError
from dataset import CharCorruptionDataset
from labs.microscope.facts import Fact, Rows, place_logprob, rows_of
from model import Block

EDIT_FORMS = ("question", "bare title", "born in")  # for which an edit is made, if not told
BEST_LAYER = 3  # from 1: where edits of the model that comes with the project change least else
CONTEXTS = 20  # windows of documents of whose keys the mean is edited, if not told
ROWS = 100  # of the corpus in a batch
RIDGE = 1e-4  # of M's mean diagonal, added to it: the corpus leaves some directions unused


@dataclass(frozen=True)
class Search:
    """How a new value is looked for."""

    steps: int = 25
    rate: float = 0.5
    decay: float = 1e-2  # of the squared length of the change, against the place's nats


@dataclass(frozen=True)
class How:
    """How edits are made: for which forms of the question, and for which contexts on average, with
    which search for the values."""

    forms: Sequence[str] = EDIT_FORMS
    contexts: Sequence[str] = ()
    search: Search = Search()


def check_editable(model: nn.Module, layer: int, where: str) -> None:
    """Raise UserError where the model has no MLP to edit in this layer (from 1)."""
    if not 1 <= layer <= len(model.blocks):
        raise UserError(f"--layer {layer}: {where} has layers 1 to {len(model.blocks)}")
    if not isinstance(model.blocks[layer - 1], Block):
        raise UserError(f"{where}: a {model.variant} model has other blocks than an edit is for")


def output_matrix(model: nn.Module, layer: int) -> nn.Linear:
    """The MLP's second linear layer: 4C -> C."""
    return model.blocks[layer].mlp[2]


def corpus_rows(dataset: CharCorruptionDataset, width: int) -> list[torch.Tensor]:
    """The documents as rows of at most `width` characters, ROWS at a time."""
    rows = [[dataset.stoi[c] for c in text[:width]] for text in dataset.data if text]
    padded = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return list(padded.split(ROWS))


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


def moment_of(
    model: nn.Module, layer: int, rows: Sequence[Tensor], others: Sequence[Fact], stoi: dict
) -> Tensor:
    """M, half of it of the corpus's rows and half of questions with these people's places: at a
    question the layer has keys that no document gives it, and the others' answers shall stay."""
    moment = second_moment(model, layer, rows)
    if not others:
        return moment
    questions = rows_of(others, "question", stoi).x.split(ROWS)
    return (moment + second_moment(model, layer, questions)) / 2


def keys_kept(model: nn.Module, layer: int, into: list[Tensor]):
    """Within it, the inputs (B, T, 4C) of the layer's output matrix are appended to `into`."""
    return hooked(model, {f"blocks.{layer}.mlp.1": into.append})


def logits_above(model: nn.Module, layer: int, stream: Tensor) -> Tensor:
    """Logits (F, T, V) of the stream (F, T, C) after a layer."""
    return model.head(model.ln_f(model.blocks[layer + 1 :](stream)))


class Ending:
    """Rows whose prompts are equally long, from the prompts' ends on: what stands before is read
    once, and then only the answers are computed anew.

    `rows`: the rows from there on; `at`: where their answers are, as `Rows.answers`; `keys` (N, 4C)
    and `added` (N, C): what the layer's output matrix takes and gives there.
    """

    def __init__(self, model: nn.Module, layer: int, rows: Rows):
        self.model, self.blocks = model, model.blocks[layer + 1 :]
        at, name = rows.answers, f"blocks.{layer}"
        names = (name, f"{name}.mlp.1", f"{name}.mlp.2")
        _, cache = run_with_cache(model, rows.x, names)
        stream, self.keys, self.added = cache[name], cache[names[1]][at], cache[names[2]][at]
        start = int(rows.end[0])
        self.rows = Rows(rows.x[:, start:], rows.asked[:, start:], rows.last - start)
        self.at = self.rows.answers
        self.stream, self.states = stream[:, start:], []
        x = stream[:, :start]
        for block in self.blocks:
            self.states.append(block.init_state(len(x), x.device, x.dtype))
            x = block.decode(x, self.states[-1])

    def logits(self, change: Tensor) -> Tensor:
        """Logits (F, T, V) with `change` (N, C) added to the stream at the answers."""
        x = self.stream.index_put(self.at, change, accumulate=True)
        for block, state in zip(self.blocks, self.states, strict=True):
            x = block.decode(x, dict(state))
        return self.model.head(self.model.ln_f(x))


def new_values(endings: Sequence[Ending], search: Search) -> Tensor:
    """Values (N, C) at the answers that make the model give these places, each person's found for
    itself, and one for all endings: of the same facts in several forms.

    Adam on the change of the MLP's output there, and so of the stream after the layer: the place's
    negative log-probability, mean over the endings, plus `decay` times the change's squared length.
    """
    old = torch.stack([ending.added for ending in endings]).mean(0)
    change = torch.zeros_like(old, requires_grad=True)
    optimizer = torch.optim.Adam([change], lr=search.rate)
    for _ in range(search.steps):
        change.grad = 2 * search.decay * change.detach()
        for ending in endings:
            loss = -place_logprob(ending.logits(change), ending.rows).sum() / len(endings)
            change.grad += torch.autograd.grad(loss, [change])[0]
        optimizer.step()
    return (old + change).detach()


@dataclass(frozen=True)
class Targets:
    """What an edit asks of a layer: keys (K, 4C) and the values (K, C) that they shall have."""

    keys: Tensor
    values: Tensor


def targets_of(
    model: nn.Module,
    layer: int,
    facts: Sequence[Fact],
    stoi: dict[str, int],
    how: How,
) -> list[Targets]:
    """For every fact, its keys and new values: of each form, and of the contexts on average."""
    found: list[list[Targets]] = [[] for _ in facts]
    for numbers in by_length(facts):
        chosen = [facts[number] for number in numbers]
        for group in [[form] for form in how.forms] + ([how.contexts] if how.contexts else []):
            endings = [Ending(model, layer, rows_of(chosen, form, stoi)) for form in group]
            keys = torch.stack([ending.keys for ending in endings]).mean(0)
            values, owners = new_values(endings, how.search), endings[0].at[0]
            for i, number in enumerate(numbers):
                found[number].append(Targets(keys[owners == i], values[owners == i]))
    return [joined(of_fact) for of_fact in found]


def by_length(facts: Sequence[Fact]) -> list[list[int]]:
    """The facts' numbers, in groups of equally long names."""
    groups: dict[int, list[int]] = {}
    for number, fact in enumerate(facts):
        groups.setdefault(len(fact.name), []).append(number)
    return list(groups.values())


def update(
    weight: Tensor, bias: Tensor, moment: Tensor, targets: Targets, hold: float = 0.0
) -> Tensor:
    """D (C, 4C): the smallest change, by the corpus's keys, with (weight + D) K + bias = V.

    With `hold`, D has the least sum of squared errors at K plus `hold` times the mean squared
    change at the corpus's keys. Computed in float64.
    """
    K, V = targets.keys.double().mT, targets.values.double().mT
    missing = V - bias.double()[:, None] - weight.double() @ K
    solved = torch.linalg.solve(moment.double(), K)  # M^-1 K
    gram = K.mT @ solved
    if hold:
        gram.diagonal().add_(hold)
        return (missing @ torch.linalg.solve(gram, solved.mT)).to(weight.dtype)
    return (missing @ torch.linalg.pinv(gram, hermitian=True) @ solved.mT).to(weight.dtype)


class Edited:
    """Within it, the layer's output matrix is changed by `targets`; afterwards it is as before."""

    def __init__(
        self, model: nn.Module, layer: int, moment: Tensor, targets: Targets, hold: float = 0.0
    ):
        self.matrix = output_matrix(model, layer)
        self.before = self.matrix.weight.detach().clone()
        self.change = update(self.before, self.matrix.bias.detach(), moment, targets, hold)

    def __enter__(self) -> "Edited":
        self.matrix.weight.data = self.before + self.change
        return self

    def __exit__(self, *error) -> None:
        self.matrix.weight.data = self.before


def joined(targets: Sequence[Targets]) -> Targets:
    """The targets of many facts as one."""
    return Targets(torch.cat([t.keys for t in targets]), torch.cat([t.values for t in targets]))
