"""The arms of the study, and one run: train, ask on the way and at the end."""

import random
from dataclasses import asdict, dataclass, replace

import torch
from torch import Tensor

import utils
from answers.predict import predict
from base.errors import UserError
from base.files import find_files, read_text
from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from recipes import COURSE, KNOWLEDGE, READING, Phase, trainer_config
from trainer import Trainer
from training.knowledge import KnowledgeDataset, Mixture
from training.reader import UNKNOWN
from training.salience import title_length


@dataclass(frozen=True)
class Arm(Phase):
    """A phase of a recipe, and what recipes do not have."""

    index_shift: int = 0  # the most by which a row's positions are raised, its characters alike
    averaged: float = 0.0  # the last share of the run whose weights are averaged in the end
    own_tuning: bool = False  # the recipe's own finetuning, a tenth of the steps, not the course's


FULL = Arm(**vars(KNOWLEDGE["pretrain"]))
READ = Arm(**vars(READING["pretrain"]))
NOTHING = Mixture(questions=0.0, anchored=0.0, shift=0, focus=0.0)  # ordinary span corruption
PLAIN = replace(FULL, mixture=NOTHING, optimizer="adamw", dropout=0.1, schedule="cosine")


def mixed(phase: Arm, **shares) -> Arm:
    return replace(phase, mixture=replace(phase.mixture, **shares))


ARMS = {  # name -> the phase that differs from FULL (or, alone, from PLAIN) in what it names
    "all": FULL,
    "no questions": mixed(FULL, questions=0.0),
    "questions not read": mixed(FULL, questions=0.0, focus=0.0, reader=False),  # in no way
    "no anchored rows": mixed(FULL, anchored=0.0),
    "no bare titles": mixed(FULL, bare=0.0),
    "no windows": mixed(FULL, bare=1.0),
    "spans drawn evenly": mixed(FULL, focus=0.0),
    "no ordinary corruption": mixed(FULL, anchored=1.0),
    "positions shifted": mixed(FULL, shift=16),
    "no Muon": replace(FULL, optimizer="adamw"),
    "dropout 0.1": replace(FULL, dropout=0.1),
    "rate not to zero": replace(FULL, schedule="cosine"),
    "none": PLAIN,
    "questions alone": mixed(PLAIN, questions=FULL.mixture.questions),
    "anchored rows alone": mixed(PLAIN, anchored=FULL.mixture.anchored),
    "shift alone": mixed(PLAIN, shift=16),
    "Muon alone": replace(PLAIN, optimizer="muon"),
    "no dropout alone": replace(PLAIN, dropout=0.0),
    "rate to zero alone": replace(PLAIN, schedule="linear"),
    "spans by the word before": mixed(FULL, reader=False),  # as answer_likeness has them
    "reading": READ,
    "reading, best answers": mixed(READ, best=True),  # instead of drawn ones
    "reading, spans by the word before": mixed(READ, reader=False),
    "reading, windows of 8": mixed(READ, window=8),
    "reading, bare titles": mixed(READ, bare=1.0),
    "reading, half of the rows ask": mixed(READ, questions=0.5),
    "reading, all rows ask": mixed(READ, questions=1.0),
    "reading, positions shifted": mixed(READ, shift=16),
    "reading, positions shifted by index": replace(READ, index_shift=16),
    "reading, windows widen": mixed(READ, widen=64),
    "reading, unknown for none": mixed(READ, unknown=True),
    "reading, averaged weights": replace(READ, averaged=0.25),
    "reading, own finetuning": replace(READ, own_tuning=True),
}
MEASURED, AVERAGED = 8, 40  # times on the way


class ShiftedGPT(GPT):
    """Raises each training row's positions by a random number up to `most`."""

    most = 0

    def embed(self, idx: Tensor, start: int = 0) -> Tensor:
        room = min(self.most, self.max_length - idx.shape[1])
        if not self.training or room <= 0:
            return super().embed(idx, start)
        first = torch.randint(0, room + 1, (len(idx), 1), device=idx.device)
        positions = first + torch.arange(idx.shape[1], device=idx.device)
        return self.drop(self.tok_emb(idx) + self.pos_emb[0, positions])


class Average:
    """The mean of a model's weights at several times."""

    def __init__(self, model: GPT):
        self.model, self.count = model, 0
        self.sums: dict[str, Tensor] = {}  # on the parameters' device, which training chooses

    @torch.no_grad()
    def add(self) -> None:
        self.count += 1
        for name, parameter in self.model.named_parameters():
            self.sums[name] = self.sums.get(name, 0.0) + parameter

    @torch.no_grad()
    def take(self) -> None:
        """Give the model the mean."""
        for name, parameter in self.model.named_parameters():
            parameter.copy_(self.sums[name] / self.count)


@dataclass(frozen=True)
class Settings:
    """What a run is made of; equal settings give the same run."""

    arm: str
    phase: str  # what the arm's name meant: repr(ARMS[arm])
    people: int = 400
    held_out: int = 120  # of the people: those whose questions are not trained on
    steps: int = 800
    batch_size: int = 64
    n_embd: int = 128
    seed: int = 0
    device: str = "auto"


def part_of_the_corpus(settings: Settings) -> tuple[str, list[str], list[str]]:
    """Documents about `people` of the training file; rows to train on; rows held out."""
    corpus, train = (read_text(p) for p in find_files("wiki.txt", "birth_places_train.tsv"))
    by_title = {text[: title_length(text)]: text for text in corpus.split("\n")}
    rows = {}
    for row in train.split("\n"):
        title = row.split("\t")[0].removeprefix("Where was ").removesuffix(" born?")
        if title in by_title:
            rows[title] = row
    if len(rows) < settings.people or settings.people <= settings.held_out:
        raise UserError(
            f"--people {settings.people}: the training file has {len(rows)} people with documents, "
            f"and {settings.held_out} are held out; give a number between"
        )
    chosen = random.Random(224).sample(sorted(rows), settings.people)
    documents = "\n".join(sorted(by_title[title] for title in chosen))
    asked = [rows[title] for title in chosen]
    return documents + "\nWhere was it?", asked[settings.held_out :], asked[: settings.held_out]


def run(settings: Settings) -> dict:
    """Train one arm; accuracies on the way, at the end, and after the course's finetuning."""
    phase = replace(ARMS[settings.arm], batch_size=settings.batch_size)
    text, train, held_out = part_of_the_corpus(settings)
    corpus = CharCorruptionDataset(text, 128, settings.seed)
    questions = NameDataset(corpus, "\n".join(train), True)
    utils.set_seed(settings.seed)
    drop = {f"{name}_pdrop": phase.dropout for name in ("embd", "attn", "resid")}
    model = ShiftedGPT(GPTConfig(corpus.vocab_size, 128, n_embd=settings.n_embd, **drop))
    model.most = phase.index_shift
    data = KnowledgeDataset(corpus, questions, phase.mixture)

    some = train[: len(held_out)]
    average = Average(model)
    snapshots = AVERAGED if phase.averaged else MEASURED

    def measure(steps: int) -> None:
        if phase.averaged and steps > (1 - phase.averaged) * settings.steps:
            average.add()
        taken.append(steps)
        if len(taken) % (snapshots // MEASURED):
            return
        if steps == settings.steps and average.count:
            average.take()
        model.eval()
        rows = {"held_out": held_out, "train": some}
        curve.append({"steps": steps} | {k: right(model, corpus, v) for k, v in rows.items()})
        model.train()

    taken: list[int] = []
    curve: list[dict] = []
    config = trainer_config(
        phase, len(corpus), 128, max_steps=settings.steps, seed=settings.seed,
        snapshots=snapshots, on_snapshot=measure, device=settings.device,
    )  # fmt: skip
    Trainer(model, data, None, config).train()
    finetune(model, corpus, questions, phase, settings)
    model.eval()
    return asdict(settings) | {
        "curve": curve,
        "finetuned": right(model, corpus, held_out),
        "unknown": answers(model, corpus, held_out).count(UNKNOWN),
        "asked": len(held_out),
        "asked_of_train": len(some),
    }


def finetune(
    model: GPT, corpus: CharCorruptionDataset, questions: NameDataset, arm: Arm, settings: Settings
) -> None:
    """The course's finetuning, or the recipe's own."""
    tuning, data, steps = COURSE["finetune"], questions, None
    if arm.own_tuning:
        tuning, steps = READING["finetune"], max(1, settings.steps // 10)
        data = KnowledgeDataset(corpus, questions, tuning.mixture)
    config = trainer_config(
        tuning, len(corpus), 128, seed=settings.seed, max_steps=steps, device=settings.device
    )
    Trainer(model, data, None, config).train()


def answers(model: GPT, corpus: CharCorruptionDataset, rows: list[str]) -> list[str]:
    return predict(model, corpus, [row.split("\t")[0] for row in rows])


def right(model: GPT, corpus: CharCorruptionDataset, rows: list[str]) -> int:
    """How many of `rows` (question TAB place) the model answers."""
    places = [row.split("\t")[1] for row in rows]
    return sum(a == place for a, place in zip(answers(model, corpus, rows), places, strict=True))
