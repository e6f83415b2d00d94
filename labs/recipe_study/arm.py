"""The arms of the study, and one run: train, ask on the way and at the end."""

import random
from dataclasses import asdict, dataclass, replace

import utils
from answers.predict import predict
from base.errors import UserError
from base.files import find_files, read_text
from dataset import CharCorruptionDataset, NameDataset
from model import GPT, GPTConfig
from recipes import COURSE, KNOWLEDGE, READING, Phase, trainer_config
from trainer import Trainer
from training.knowledge import KnowledgeDataset, Mixture
from training.salience import title_length

FULL = KNOWLEDGE["pretrain"]
READ = READING["pretrain"]
NOTHING = Mixture(questions=0.0, anchored=0.0, shift=0, focus=0.0)  # ordinary span corruption
PLAIN = replace(FULL, mixture=NOTHING, optimizer="adamw", dropout=0.1, schedule="cosine")


def mixed(phase: Phase, **shares) -> Phase:
    return replace(phase, mixture=replace(phase.mixture, **shares))


ARMS = {  # name -> the phase that differs from FULL (or, alone, from PLAIN) in what it names
    "all": FULL,
    "no questions": mixed(FULL, questions=0.0),
    "questions not read": mixed(FULL, questions=0.0, focus=0.0),  # to draw spans by, neither
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
    "spans by the reader": mixed(FULL, reader=True),  # and nobody else asked about
    "reading": READ,
    "reading, best answers": mixed(READ, best=True),  # instead of drawn ones
    "reading, spans by the word before": mixed(READ, reader=False),
    "reading, windows of 8": mixed(READ, window=8),
    "reading, bare titles": mixed(READ, bare=1.0),
    "reading, half of the rows ask": mixed(READ, questions=0.5),
    "reading, all rows ask": mixed(READ, questions=1.0),
    "reading, positions shifted": mixed(READ, shift=16),
}


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
    model = GPT(GPTConfig(corpus.vocab_size, 128, n_embd=settings.n_embd, **drop))
    data = KnowledgeDataset(corpus, questions, phase.mixture)

    some = train[: len(held_out)]

    def measure(steps: int) -> None:
        model.eval()
        rows = {"held_out": held_out, "train": some}
        curve.append({"steps": steps} | {k: right(model, corpus, v) for k, v in rows.items()})
        model.train()

    curve: list[dict] = []
    config = trainer_config(
        phase, len(corpus), 128, max_steps=settings.steps, seed=settings.seed,
        snapshots=8, on_snapshot=measure,
    )  # fmt: skip
    Trainer(model, data, None, config).train()
    tuning = trainer_config(COURSE["finetune"], len(corpus), 128, seed=settings.seed)
    Trainer(model, questions, None, tuning).train()
    model.eval()
    return asdict(settings) | {
        "curve": curve,
        "finetuned": right(model, corpus, held_out),
        "asked": len(held_out),
        "asked_of_train": len(some),
    }


def right(model: GPT, corpus: CharCorruptionDataset, rows: list[str]) -> int:
    """How many of `rows` (question TAB place) the model answers."""
    pairs = [row.split("\t") for row in rows]
    answers = predict(model, corpus, [question for question, _ in pairs])
    return sum(answer == place for answer, (_, place) in zip(answers, pairs, strict=True))
