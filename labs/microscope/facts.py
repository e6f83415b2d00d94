"""What is asked, and in which forms: people, their places, and prompts as rows of characters.

Shapes: F facts, T positions, V vocabulary. Rows of one call have one prompt each, of any length;
they are padded on the right, and nothing looks at the padding since attention is causal.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dataset import MASK, MASK_CHAR, PAD

FORMS = {  # what stands before the place, and before the name in it
    "question": f"Where was {{name}} born?{MASK_CHAR}",
    "bare title": f"{{name}}. {MASK_CHAR}",
    "born in": f"{{name}}. Born in {MASK_CHAR}{MASK_CHAR}",
    "was born in": f"{{name}}. {{name}} was born in {MASK_CHAR}{MASK_CHAR}",
    "was born in .": f"{{name}}. {{name}} was born in {MASK_CHAR} .{MASK_CHAR}",
}
WINDOW = 24  # characters on either side of a place, as the recipes' pretraining shows it


@dataclass(frozen=True)
class Fact:
    name: str
    place: str


@dataclass(frozen=True)
class Rows:
    """Prompts, each followed by a place and a MASK.

    `x` (F, T); `asked` (F, T): True where the character that follows is one of the place or its
    end; `last` (F,): the position of the name's last character.
    """

    x: Tensor
    asked: Tensor
    last: Tensor

    @property
    def end(self) -> Tensor:
        """The position of the prompt's last character, after which the place begins: (F,)."""
        return self.asked.int().argmax(1)

    @property
    def answers(self) -> tuple[Tensor, Tensor]:
        """Rows and positions (N,) of the prompt's end and of every character of the place."""
        return self.asked.nonzero(as_tuple=True)

    @property
    def y(self) -> Tensor:
        """The character that follows each position: (F, T)."""
        return F.pad(self.x[:, 1:], (0, 1), value=PAD)


def prompt_of(form: str, name: str) -> tuple[str, int]:
    """The prompt, and the position in it of the name's last character (of its last mention)."""
    text = FORMS.get(form, form).replace("{name}", name)
    return text, text.rindex(name) + len(name) - 1


def rows_of(facts: Sequence[Fact], form: str, stoi: dict[str, int]) -> Rows:
    """The facts in one form, each with its place written behind."""
    texts, starts, last = [], [], []
    for fact in facts:
        prompt, end_of_name = prompt_of(form, fact.name)
        texts.append([stoi[c] for c in prompt + fact.place] + [MASK])
        starts.append(len(prompt) - 1)
        last.append(end_of_name)
    width = max(map(len, texts))
    x = torch.tensor([text + [PAD] * (width - len(text)) for text in texts])
    at = torch.arange(width)
    lengths = torch.tensor([len(text) for text in texts])[:, None]
    asked = (at >= torch.tensor(starts)[:, None]) & (at < lengths - 1)
    return Rows(x, asked, torch.tensor(last))


def contexts_of(
    documents: Sequence[str], facts: Sequence[Fact], count: int, longest: str, room: int
) -> list[str]:
    """Up to `count` forms such as pretraining shows, drawn from the documents of these people: the
    title, up to WINDOW characters before the place, MASK, up to WINDOW after it, MASK.

    The name in a window becomes the one that is asked about; a window with a part of it is left
    out, and so is one that takes more than `room` characters with the longest name.
    """
    of_title = {fact.name: fact for fact in facts}
    found = []
    for document in documents:
        fact = of_title.get(document.partition(". ")[0])
        if fact is None or fact.place not in document[len(fact.name) :]:
            continue
        text = document[len(fact.name) + 2 :].replace(fact.name, "{name}")
        before, _, after = text.partition(fact.place)
        before, after = before[-WINDOW:], after[:WINDOW]
        rest = (before + after).replace("{name}", "")
        form = f"{{name}}. {before}{MASK_CHAR}{after}{MASK_CHAR}"
        whole = not any(part in rest for part in (*fact.name.split(), "{", "}"))
        if whole and len(prompt_of(form, longest)[0]) <= room:
            found.append(form)
    return random.Random(0).sample(found, min(count, len(found)))


def place_logprob(logits: Tensor, rows: Rows) -> Tensor:
    """Log-probability, in nats, of each row's place and its end, from logits (F, T, V): (F,)."""
    each = logits.float().log_softmax(-1).gather(-1, rows.y[..., None])[..., 0]
    return each.masked_fill(~rows.asked, 0).sum(1)


def answered(logits: Tensor, rows: Rows) -> Tensor:
    """Whether the greedy answer is each row's place, from logits (F, T, V): (F,).

    It is, exactly if every character of the place and its end is the likeliest after those before.
    """
    return ((logits.argmax(-1) == rows.y) | ~rows.asked).all(1)


@torch.no_grad()
def knows(model: nn.Module, facts: Sequence[Fact], form: str, stoi: dict[str, int]) -> Tensor:
    """Whether the model's greedy answer in this form is the fact's place: (F,)."""
    if not facts:
        return torch.zeros(0, dtype=torch.bool)
    rows = rows_of(facts, form, stoi)
    return answered(model(rows.x)[0], rows)
