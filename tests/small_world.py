"""Twelve people, and a tiny model that learns nine of them by heart: for tests of answers."""

import json
from pathlib import Path

import torch

import params
import run
from dataset import CharCorruptionDataset

PEOPLE = [
    ("Ann Lee", "Paris"), ("Bob Hill", "Rome"), ("Cy O'Dyck", "Oslo"), ("Di Moss", "London"),
    ("Ed <Fox>", "New York"), ("Flo & Co", "Rome"), ("Gus Ray", "Lima"), ("Hal Orr", "London"),
    ("Ida Poe", "Bern"), ("Jo Quist", "London"), ("Kit Ash", "Lima"), ("Lu Beck", "Paris"),
]  # fmt: skip
LEARNT = PEOPLE[:9]  # the other three are asked, and never learnt


def question(name):
    return f"Where was {name} born?"


def rows_of(people):
    return "".join(f"{question(name)}\t{place}\n" for name, place in people)


def make(folder: Path) -> Path:
    """wiki.txt, train.tsv, dev.tsv and known.params in `folder`."""
    corpus = [f"{name}. {name} was born in {place}. A life." for name, place in PEOPLE]
    corpus.append("Ann Lee and Bob Hill met in Where Town?")
    (folder / "wiki.txt").write_text("\n".join(corpus), encoding="utf-8")
    (folder / "train.tsv").write_text(rows_of(LEARNT), encoding="utf-8")
    (folder / "dev.tsv").write_text(rows_of(PEOPLE), encoding="utf-8")
    train(folder, folder / "known.params", "vanilla")
    return folder


def train(folder: Path, path: Path, variant: str) -> Path:
    """Params in `path` of a model of the world in `folder` that knows LEARNT."""
    run.main([
        "finetune", variant, str(folder / "wiki.txt"),
        "--finetune_corpus_path", str(folder / "train.tsv"),
        "--writing_params_path", str(path),
        "--max_epochs", "200", "--finetune_lr", "3e-3", "--precision", "fp32", "--device", "cpu",
        "--n_layer", "2", "--n_head", "2", "--n_embd", "32", "--no_log",
    ])  # fmt: skip
    return path


def evaluate(
    folder: Path,
    questions="dev.tsv",
    out="out.predictions",
    report=True,
    more=(),
    corpus="wiki.txt",
) -> Path:
    """`run.py evaluate` in `folder`: the path of the predictions."""
    command = ["evaluate", "vanilla", folder / corpus]
    command += ["--reading_params_path", folder / "known.params", "--device", "cpu"]
    command += ["--finetune_corpus_path", folder / "train.tsv"]
    command += ["--eval_corpus_path", folder / questions, "--outputs_path", folder / out]
    run.main([*map(str, command), *(["--report"] if report else []), *more])
    return folder / out


def other_params(folder: Path, target: Path, **told) -> tuple:
    """Params in `target` as if known.params had been finetuned from them, the world's corpus, and
    their model. `told` goes into their description."""
    dataset = CharCorruptionDataset((folder / "wiki.txt").read_text(encoding="utf-8"), 128)
    model = params.load_model(str(folder / "known.params"), dataset)
    torch.manual_seed(7)
    for parameter in model.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    path = str(target / "before.params")
    description = json.loads((folder / "known.params.json").read_text(encoding="utf-8"))
    params.save_params(model, path, description | {"function": "pretrain"} | told)
    return path, dataset, model
