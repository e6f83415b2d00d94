"""The course's own network as a reader: it sees a document's window, a question, and answers.

python -m labs.recipe_study.network_reader [--steps N] [--folds N] [--seed N]

The ranker (src/training/reader.py) is a small model of its own. Is it needed? Here the 3.3-million
network of the course learns the same from the same training questions, from random weights. A row
is `left MASK span MASK right MASK question MASK answer MASK`, where the span is one candidate of
the document and the answer is that span, or nothing where it is not the answer. Asked about each
candidate, the network says how likely it is to answer rather than to end at once; the odds of all
candidates, and 1 for "none", are made to add up to one. So it gives the same `Reading` as the
ranker. Prints the accuracy of both on the same held-out training people; never opens dev.
"""

import argparse
import random
import time

import torch
from torch import Tensor

import utils
from answers.metrics import wilson
from base.cli import Parser
from base.errors import errors_are_sentences
from base.files import find_files, read_text
from dataset import MASK, PAD, CharCorruptionDataset, rounded
from model import GPT, GPTConfig
from recipes import READING, trainer_config
from trainer import Trainer
from training.reader import (
    Asked,
    Ranker,
    Reading,
    accuracy,
    asked_documents,
    candidates,
    softmax,
)

WINDOW = 24  # characters on either side of a candidate
OTHERS = 3  # candidates that are not the answer, for each that is


class Rows(torch.utils.data.Dataset):
    """What the network reads, up to the question's MASK, then the answer: the only target."""

    def __init__(self, corpus: CharCorruptionDataset, pairs: list[tuple[str, str]]):
        self.block_size, self.row_length = corpus.block_size, corpus.row_length
        self.vocab_size = corpus.vocab_size
        encode = lambda text: [corpus.stoi[c] for c in text]  # noqa: E731
        rows = [(encode(prompt), [*encode(answer), MASK]) for prompt, answer in pairs]
        self.rows = torch.full((len(rows), self.block_size), PAD)
        self.starts = torch.tensor([len(prompt) for prompt, _ in rows])
        for row, (prompt, answer) in zip(self.rows, rows, strict=True):
            row[: len(prompt) + len(answer)] = torch.tensor(prompt + answer)

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


def prompt(document: str, start: int, end: int, question: str, mark: str) -> str:
    """What the network reads about one candidate."""
    left, right = document[max(0, start - WINDOW) : start], document[end : end + WINDOW]
    return f"{left}{mark}{document[start:end]}{mark}{right}{mark}{question}{mark}"


def training_pairs(
    documents: list[str], asked: list[Asked], mark: str, seed: int
) -> list[tuple[str, str]]:
    """Prompts and answers: every right candidate, and a few that are not."""
    draw, pairs = random.Random(seed), []
    for one in asked:
        document = documents[one.document]
        spans = [(a, b) for a, b, _ in candidates(document)]
        right = [(a, b) for a, b in spans if document[a:b] == one.answer]
        wrong = [span for span in spans if span not in right]
        chosen = draw.sample(wrong, min(len(wrong), OTHERS))
        for a, b in right + chosen:
            answer = one.answer if (a, b) in right else ""
            pairs.append((prompt(document, a, b, one.question, mark), answer))
    return pairs


class NetworkReader:
    """The network behind the ranker's interface."""

    def __init__(self, corpus: CharCorruptionDataset, steps: int, seed: int):
        self.corpus, self.steps, self.seed = corpus, steps, seed
        self.mark = corpus.itos[MASK]
        utils.set_seed(seed)
        dropouts = {f"{name}_pdrop": 0.0 for name in ("embd", "attn", "resid")}
        self.model = GPT(GPTConfig(corpus.vocab_size, corpus.block_size, **dropouts))

    def fit(self, documents: list[str], asked: list[Asked]) -> "NetworkReader":
        rows = self.fitting(training_pairs(documents, asked, self.mark, self.seed))
        config = trainer_config(
            READING["pretrain"], len(documents), self.corpus.block_size,
            max_steps=self.steps, seed=self.seed, batch_size=128,
        )  # fmt: skip
        Trainer(self.model, Rows(self.corpus, rows), None, config).train()
        self.model.eval()
        return self

    def fitting(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those that the block holds."""
        return [(p, a) for p, a in pairs if len(p) + len(a) < self.corpus.block_size]

    @torch.no_grad()
    def read(self, document: str, question: str) -> Reading:
        spans = [(a, b) for a, b, _ in candidates(document)]
        scores = torch.full((len(spans) + 1,), -20.0)
        scores[-1] = 0.0  # odds of 1 for "none"
        texts = [prompt(document, a, b, question, self.mark) for a, b in spans]
        asked = [i for i, text in enumerate(texts) if len(text) < self.corpus.block_size]
        if asked:
            rows = Rows(self.corpus, [(texts[i], "") for i in asked])
            width = int(rows.starts.max())
            logits, _ = self.model(rows.rows[:, :width])
            ends = logits[torch.arange(len(asked)), rows.starts - 1].log_softmax(-1)[:, MASK]
            scores[asked] = torch.log(-torch.expm1(ends.clamp(max=-1e-6))) - ends
        chances = softmax(scores.double().numpy())
        return Reading(spans, chances[:-1].tolist(), float(chances[-1]))


def main() -> None:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--steps", type=int, default=400)
    p.add_argument("--folds", type=int, default=1, help="of five: how many are measured")
    p.add_argument("--seed", type=int, default=0)
    args = p.parse_args()
    corpus_path, train_path = find_files("wiki.txt", "birth_places_train.tsv")
    corpus = CharCorruptionDataset(read_text(corpus_path), 128, args.seed)
    rows = [row for row in read_text(train_path).split("\n") if row.strip()]
    asked = asked_documents(corpus.data, rows)
    numbers = sorted({one.document for one in asked})
    fold = dict(zip(random.Random(args.seed).sample(numbers, len(numbers)), range(len(numbers)),
                    strict=True))  # fmt: skip
    for k in range(args.folds):
        began = time.monotonic()
        seen = [one for one in asked if fold[one.document] % 5 != k]
        held = [one for one in asked if fold[one.document] % 5 == k]
        network = NetworkReader(corpus, args.steps, args.seed).fit(corpus.data, seen)
        ranker = Ranker(args.seed).fit(corpus.data, seen)
        readings = {
            "network": [network.read(corpus.data[one.document], one.question) for one in held],
            "ranker": [ranker.read(corpus.data[one.document]) for one in held],
        }
        for name, these in readings.items():
            counts = accuracy(corpus.data, held, these)
            low, high = wilson(counts["right"], counts["questions"])
            print(f"fold {k}, {name}: {counts}, right {counts['right'] / counts['questions']:.3f} "
                  f"({low:.3f} to {high:.3f})", flush=True)  # fmt: skip
        print(f"fold {k}: {time.monotonic() - began:.0f} seconds, {args.steps} steps", flush=True)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
