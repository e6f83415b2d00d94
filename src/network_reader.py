"""The course's own network as a reader: it sees a part of a document and a question, and answers.

It does what `training.reader.Ranker` does, behind the same interface, with nothing but the model
that the course trains: 3.3 million parameters from random weights. A row is
`left MASK span MASK right MASK question MASK answer MASK`, where the span is one candidate of the
document, and the answer is that span, or nothing where it is not the answer. Asked about each
candidate, the network says how likely it is to answer rather than to end at once. These odds, and
odds of 1 for "none", are made to add up to one over the document's candidates.
"""

import random

import torch
from torch import Tensor

import utils
from base.errors import UserError
from dataset import MASK, PAD, CharCorruptionDataset, rounded
from model import GPT, GPTConfig
from recipes import READING, trainer_config
from trainer import Trainer
from training.device import pick_device
from training.reader import (
    BLANK,
    Asked,
    Reading,
    candidates,
    question_form,
    softmax,
    title_of,
)

STEPS = 200
BATCH = 128
WINDOW = 24  # characters on either side of a candidate
OTHERS = 3  # candidates that are not the answer, for each that is
UNREADABLE = -20.0  # log-odds of a candidate whose row is too long


class NetworkReader:
    """Fitted to training questions by `fit`; reads documents by `read` and `read_all`.

    `corpus` gives the vocabulary and the block size; `device` is a TrainerConfig's. Two of the same
    seed, on the same machine, are the same.
    """

    def __init__(
        self,
        corpus: CharCorruptionDataset,
        seed: int = 0,
        steps: int | None = None,
        device: str = "auto",
    ):
        self.corpus, self.seed, self.steps = corpus, seed, steps or STEPS
        self.device, self.mark = device, corpus.itos[MASK]
        self.form = BLANK
        utils.set_seed(seed)
        dropouts = {f"{name}_pdrop": 0.0 for name in ("embd", "attn", "resid")}
        self.model = GPT(GPTConfig(corpus.vocab_size, corpus.block_size, **dropouts))

    def fit(self, documents: list[str], asked: list[Asked]) -> "NetworkReader":
        """Learn from questions whose documents are known. Returns itself."""
        self.form = question_form(documents, asked)
        rows = training_rows(documents, asked, self.mark, self.seed)
        rows = [(p, a) for p, a in rows if len(p) + len(a) < self.corpus.block_size]
        if not rows:
            raise UserError(
                f"the network reader finds no question that fits into {self.corpus.block_size} "
                "characters with a part of its document; use --reader ranker"
            )
        config = trainer_config(
            READING["pretrain"], len(documents), self.corpus.block_size, batch_size=BATCH,
            max_steps=self.steps, seed=self.seed, device=self.device,
        )  # fmt: skip
        print(f"the network reader is trained: {self.steps} steps on {len(rows)} rows")
        Trainer(self.model, Rows(self.corpus, rows), None, config).train()
        self.model.eval()
        return self

    def read(self, document: str) -> Reading:
        """The probabilities of a document's candidates, and of "none"."""
        return self.read_all([document])[0]

    def read_all(self, documents: list[str]) -> list[Reading]:
        """The reading of each document."""
        spans = [[(a, b) for a, b, _ in candidates(document)] for document in documents]
        texts = [
            self.prompt(document, *span)
            for document, own in zip(documents, spans, strict=True)
            for span in own
        ]
        scores = iter(self.log_odds(texts).tolist())
        readings = []
        for own in spans:
            odds = torch.tensor([*(next(scores) for _ in own), 0.0], dtype=torch.float64)
            chances = softmax(odds.numpy())
            readings.append(Reading(own, chances[:-1].tolist(), float(chances[-1])))
        return readings

    def prompt(self, document: str, start: int, end: int) -> str:
        question = self.form.replace(BLANK, title_of(document))
        return prompt(document, start, end, question, self.mark)

    @torch.no_grad()
    def log_odds(self, texts: list[str]) -> Tensor:
        """How likely the network answers after each text, against that it ends at once: (n,)."""
        odds = torch.full((len(texts),), UNREADABLE)
        fitting = [i for i, text in enumerate(texts) if len(text) < self.corpus.block_size]
        fitting.sort(key=lambda i: len(texts[i]))
        device = pick_device(self.device)
        self.model.to(device)
        for first in range(0, len(fitting), BATCH):
            chosen = fitting[first : first + BATCH]
            rows = Rows(self.corpus, [(texts[i], "") for i in chosen])
            hidden = self.model.hidden(rows.rows[:, : int(rows.starts.max())].to(device))
            last = hidden[torch.arange(len(chosen)), rows.starts - 1]
            ends = self.model.head(last).float().log_softmax(-1)[:, MASK].cpu()
            odds[chosen] = torch.log(-torch.expm1(ends.clamp(max=-1e-6))) - ends
        return odds


def prompt(document: str, start: int, end: int, question: str, mark: str) -> str:
    """What the network reads about one candidate."""
    left, right = document[max(0, start - WINDOW) : start], document[end : end + WINDOW]
    return f"{left}{mark}{document[start:end]}{mark}{right}{mark}{question}{mark}"


def training_rows(
    documents: list[str], asked: list[Asked], mark: str, seed: int
) -> list[tuple[str, str]]:
    """Prompts and answers: every right candidate, and a few that are not."""
    draw, rows = random.Random(seed), []
    for one in asked:
        document = documents[one.document]
        spans = [(a, b) for a, b, _ in candidates(document)]
        right = [(a, b) for a, b in spans if document[a:b] == one.answer]
        wrong = [span for span in spans if span not in right]
        chosen = draw.sample(wrong, min(len(wrong), OTHERS))
        for a, b in right + chosen:
            answer = one.answer if (a, b) in right else ""
            rows.append((prompt(document, a, b, one.question, mark), answer))
    return rows


class Rows(torch.utils.data.Dataset):
    """Prompts with their answers; only the answer, with its end, is a target."""

    def __init__(self, corpus: CharCorruptionDataset, pairs: list[tuple[str, str]]):
        self.block_size, self.row_length = corpus.block_size, corpus.row_length
        self.vocab_size = corpus.vocab_size
        rows = [([corpus.stoi[c] for c in p], [corpus.stoi[c] for c in a]) for p, a in pairs]
        self.rows = torch.full((len(rows), self.block_size), PAD)
        self.starts = torch.tensor([len(prompt) for prompt, _ in rows])
        for row, (prompt, answer) in zip(self.rows, rows, strict=True):
            row[: len(prompt) + len(answer) + 1] = torch.tensor([*prompt, *answer, MASK])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> tuple[Tensor, Tensor]:
        ((x, y),) = self.batch(torch.tensor([i]), 0, torch.device("cpu"))
        return x[0], y[0]

    def batch(self, indices: Tensor, epoch: int, device: torch.device, parts: int = 1) -> list:
        rows = self.rows[indices]
        width = rounded(int((rows != PAD).sum(1).max()) - 1, self.row_length) + 1
        x, y = rows[:, : width - 1], rows[:, 1:width].clone()
        y[torch.arange(width - 1) < self.starts[indices, None] - 1] = PAD
        return [(x.to(device), y.to(device))]
