"""Fast generation: many questions together, and each position is computed only once.

Shapes: B rows, t new positions, T positions in all, V vocabulary, G questions, W beams. The rows of
a batch have one length, so nothing is padded. The answers are those of `utils.sample`, the course's
own loop, which recomputes every position at every step.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from utils import top_k_logits

BATCH = 256  # rows decoded together
COMPACT = 0.25  # share of finished rows at which the others go on alone

# logits (B, V), the numbers of their rows (B,) among those begun with, step -> characters (B,)
Pick = Callable[[Tensor, Tensor, int], Tensor]


def init_states(model: torch.nn.Module, batch: int) -> list:
    """One empty state per block, for `batch` rows. An empty list where a layer is not causal: there
    every new character changes what was computed of the past, and nothing can be kept."""
    if not all(getattr(module, "causal", True) for module in model.modules()):
        return []
    weight = model.tok_emb.weight
    return [block.init_state(batch, weight.device, weight.dtype) for block in model.blocks]


def read(model: torch.nn.Module, idx: Tensor, states: list, start: int = 0) -> Tensor:
    """Compute the characters idx (B, t), which stand at position `start` and after: the logits
    (B, V) that follow the last one. Updates `states`."""
    x = model.embed(idx, start)
    for block, state in zip(model.blocks, states, strict=True):
        x = block.decode(x, state)
    return model.head(model.ln_f(x[:, -1]))


def select(state, rows: Tensor):
    """`rows` (a Long tensor; rows may repeat) of a state: any nest of dictionaries, lists, tuples
    and tensors (rows first). Whatever else is in it stays."""
    if isinstance(state, Tensor):
        return state.index_select(0, rows)
    if isinstance(state, dict):
        return {name: select(part, rows) for name, part in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(select(part, rows) for part in state)
    return state


@dataclass
class Rows:
    """B rows of one length that are being continued: their characters and the blocks' states."""

    model: torch.nn.Module
    idx: Tensor  # (B, T), computed so far
    states: list

    def read(self, idx: Tensor) -> Tensor:
        """Append the characters idx (B, t): the logits (B, V) of what comes next.

        Rows without states are computed anew, as by `utils.sample`. So are rows longer than the
        model's maximum, from their last characters.
        """
        start = self.idx.shape[1]
        self.idx = torch.cat((self.idx, idx), dim=1)
        if not self.states or self.idx.shape[1] > self.model.max_length:
            return self.model(self.idx[:, -self.model.max_length :])[0][:, -1]
        return read(self.model, idx, self.states, start)

    def take(self, rows: Tensor) -> "Rows":
        return Rows(self.model, self.idx[rows], select(self.states, rows))


def batches(
    model: torch.nn.Module, prompts: Sequence[list[int]], copies: int = 1
) -> Iterator[tuple[list[int], Rows, Tensor]]:
    """Groups of prompts of one length: their numbers, their rows, the logits (B, V) that follow.

    Each row and number is repeated `copies` times. The beginning that all prompts share is computed
    once.
    """
    shared = os.path.commonprefix(prompts)[: min(map(len, prompts)) - 1]
    opened = Rows(model, model.tok_emb.weight.new_empty((1, 0), dtype=torch.long),
                  init_states(model, 1))  # fmt: skip
    if shared:
        opened.read(opened.idx.new_tensor([shared]))
    by_length: dict[int, list[int]] = {}
    for number, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(number)
    most = max(1, BATCH // copies)
    for _, members in sorted(by_length.items()):
        for numbers in (members[i : i + most] for i in range(0, len(members), most)):
            rest = opened.idx.new_tensor([prompts[n][len(shared) :] for n in numbers])
            rows = opened.take(torch.zeros_like(rest[:, 0]))
            logits = rows.read(rest)
            if copies > 1:
                again = torch.arange(len(rest), device=rest.device).repeat_interleave(copies)
                rows, logits = rows.take(again), logits[again]
            yield [n for n in numbers for _ in range(copies)], rows, logits


# ---------------------------------------------------------------------------------------------
# One continuation a prompt: the likeliest character each time, or a drawn one
# ---------------------------------------------------------------------------------------------


def greedy(logits: Tensor, rows: Tensor, step: int) -> Tensor:
    return logits.argmax(-1)


@dataclass(frozen=True)
class Sampling:
    """Draws from softmax(logits / temperature); only from the top_k likeliest, if given.

    The draw depends on the seed, the prompt, the copy and the step, and on no other prompt.
    """

    seed: int = 0
    temperature: float = 1.0
    top_k: int | None = None

    def pick(self, prompts: Sequence[list[int]], copies: int, steps: int, device) -> Pick:
        """For rows that begin as the prompts, `copies` each in a row."""
        drawn = [
            np.random.default_rng([self.seed, *prompt]).random((copies, steps), dtype=np.float32)
            for prompt in prompts
        ]
        uniform = torch.from_numpy(np.concatenate(drawn)).to(device)

        def pick(logits: Tensor, rows: Tensor, step: int) -> Tensor:
            logits = logits.float() / self.temperature
            if self.top_k is not None:
                logits = top_k_logits(logits, self.top_k)
            cumulative = F.softmax(logits, -1).cumsum(-1)
            wanted = uniform[rows, step, None] * cumulative[:, -1:]
            return (cumulative <= wanted).sum(-1).clamp(max=logits.shape[-1] - 1)

        return pick


@dataclass(frozen=True)
class Continuation:
    """What a model wrote after a prompt."""

    characters: list[int]  # with the stop that ended it, where there was one
    logprob: float  # nats: of the characters, and of any of the stops where one ended it
    entropy: float  # nats: of the first character, before temperature and top_k


@torch.inference_mode()
def generate(
    model: torch.nn.Module,
    prompts: Sequence[list[int]],
    steps: int,
    stop: Sequence[int] = (),
    sampling: Sampling | None = None,
    copies: int = 1,
) -> list[list[Continuation]]:
    """`copies` continuations of each prompt, by `steps` characters at most: drawn as `sampling`
    says, else the likeliest character each time.

    One ends with the first character of `stop`. Prompts are not empty and may differ in length.
    Leaves the model in evaluation mode.
    """
    model.eval()
    results: list[list[Continuation]] = [[] for _ in prompts]
    for numbers, rows, logits in batches(model, prompts, copies) if prompts else ():
        pick = greedy
        if sampling:
            own = [prompts[number] for number in numbers[::copies]]
            pick = sampling.pick(own, copies, steps, logits.device)
        written = continuations(rows, logits, steps, stop, pick)
        for number, continuation in zip(numbers, written, strict=True):
            results[number].append(continuation)
    return results


def continuations(
    rows: Rows, logits: Tensor, steps: int, stop: Sequence[int], pick: Pick
) -> list[Continuation]:
    """What follows each of the rows, whose next characters have `logits` (B, V)."""
    stops = rows.idx.new_tensor(stop)
    written = rows.idx.new_zeros((len(logits), steps))
    ends = rows.idx.new_full((len(logits),), steps)
    logprobs = logits.new_zeros(len(logits), dtype=torch.float32)
    entropies = torch.special.entr(F.softmax(logits.float(), -1)).sum(-1)
    active = torch.arange(len(logits), device=stops.device)
    for step in range(steps):
        following = pick(logits, active, step)
        ended = torch.isin(following, stops)
        going = ends[active] == steps
        written[active, step] = following
        logprobs[active] += going * choice_logprobs(logits, following, ended, stops)
        ends[active] = torch.where(going & ended, step + 1, ends[active])
        going &= ~ended
        left = int(going.sum())
        if left == 0 or step + 1 == steps:
            break
        if left <= (1 - COMPACT) * len(active):
            keep = going.nonzero()[:, 0]
            rows, active, following = rows.take(keep), active[keep], following[keep]
        logits = rows.read(following[:, None])
    columns = (column.tolist() for column in (written, ends, logprobs, entropies))
    return [
        Continuation(characters[:end], logprob, entropy)
        for characters, end, logprob, entropy in zip(*columns, strict=True)
    ]


def choice_logprobs(logits: Tensor, chosen: Tensor, ended: Tensor, stops: Tensor) -> Tensor:
    """Log-probability (B,) of the `chosen` characters, of any stop where one `ended` the row."""
    logprobs = F.log_softmax(logits.float(), -1)
    one = logprobs.gather(1, chosen[:, None])[:, 0]
    return torch.where(ended, logprobs[:, stops].logsumexp(-1), one)


# ---------------------------------------------------------------------------------------------
# The likeliest continuations of a prompt, and what a given one costs
# ---------------------------------------------------------------------------------------------

Scored = tuple[float, tuple[int, ...]]  # log-probability, characters without the end


@torch.inference_mode()
def beam_search(
    model: torch.nn.Module,
    prompts: Sequence[list[int]],
    steps: int,
    stop: Sequence[int],
    width: int = 4,
    wanted: int = 2,
) -> list[list[Scored]]:
    """The `wanted` likeliest complete continuations of each prompt that `width` beams come across.

    A continuation is complete when a character of `stop` follows; its log-probability is that of
    its characters and of any of the stops, in nats. Likeliest first; deterministic.
    """
    model.eval()
    results: list[list[Scored]] = [[] for _ in prompts]
    for numbers, rows, logits in batches(model, prompts) if prompts else ():
        best = beams(rows, logits, steps, stop, width, wanted)
        for number, continuations_of_one in zip(numbers, best, strict=True):
            results[number] = continuations_of_one
    return results


def beams(
    rows: Rows, logits: Tensor, steps: int, stop: Sequence[int], width: int, wanted: int
) -> list[list[Scored]]:
    """beam_search for G rows of one length, whose next characters have `logits` (G, V)."""
    width = min(width, logits.shape[1] - len(stop))
    complete: list[list[Scored]] = [[] for _ in logits]
    active = list(range(len(logits)))
    scores = logits.new_zeros((len(active), 1))  # (G, W) log-probabilities of the beams
    texts = rows.idx.new_zeros((len(active), 1, 0))  # (G, W, characters)
    for step in range(steps + 1):
        G, W = scores.shape
        following = scores[..., None] + F.log_softmax(logits.float(), -1).view(G, W, -1)
        keep_complete(complete, active, following[..., stop].logsumexp(-1), texts, wanted)
        following[..., stop] = float("-inf")
        scores, best = following.flatten(1).topk(width)
        parents, chosen = best // following.shape[-1], best % following.shape[-1]
        going = [
            g for g, n in enumerate(active)
            if len(complete[n]) < wanted or scores[g, 0] > complete[n][-1][0]
        ]  # fmt: skip
        if not going or step == steps:
            break
        keep = rows.idx.new_tensor(going)
        active = [active[g] for g in going]
        source = (keep[:, None] * W + parents[keep]).flatten()
        scores, chosen = scores[keep], chosen[keep]
        texts = texts[keep[:, None], parents[keep]]
        texts = torch.cat((texts, chosen[..., None]), dim=-1)
        rows = rows.take(source)
        logits = rows.read(chosen.reshape(-1, 1))
    return complete


def keep_complete(
    complete: list[list[Scored]], active: list[int], ended: Tensor, texts: Tensor, wanted: int
) -> None:
    """Keep the `wanted` likeliest of the complete continuations and of `texts` (G, W, n), which end
    now with log-probability `ended` (G, W)."""
    for n, scores, candidates in zip(active, ended.tolist(), texts.tolist(), strict=True):
        new = [(s, tuple(text)) for s, text in zip(scores, candidates, strict=True)]
        complete[n] = sorted(complete[n] + new, key=lambda item: (-item[0], item[1]))[:wanted]


@torch.inference_mode()
def score(
    model: torch.nn.Module, prompts: Sequence[list[int]], texts: Sequence[list[int]]
) -> list[float]:
    """Log-probability, in nats, of the characters of each text right after its prompt.

    Leaves the model in evaluation mode.
    """
    model.eval()
    logprobs = [0.0] * len(prompts)
    for numbers, rows, logits in batches(model, prompts) if prompts else ():
        lengths = rows.idx.new_tensor([len(texts[n]) for n in numbers])
        given = rows.idx.new_zeros((len(numbers), int(lengths.max())))
        for row, n in zip(given, numbers, strict=True):
            row[: len(texts[n])] = row.new_tensor(texts[n])
        total = logits.new_zeros(len(numbers), dtype=torch.float32)
        for step in range(given.shape[1]):
            if step:
                logits = rows.read(given[:, step - 1 : step])
            one = F.log_softmax(logits.float(), -1).gather(1, given[:, step : step + 1])[:, 0]
            total += torch.where(step < lengths, one, 0.0)
        for n, logprob in zip(numbers, total.tolist(), strict=True):
            logprobs[n] = logprob
    return logprobs
