"""Which signals tell right answers from wrong ones, or from answers about invented people?

python -m labs.recipe_study.signals MODEL --pretrained P [--second SECOND] --held_out F --eval F

MODEL, and SECOND of another seed, are finetuned params that were not trained on the questions of
--held_out. Two signals are added to the two that the confidence has (answers/confidence.py):

- a second seed: the log-odds that SECOND gives to MODEL's answer, and whether it answers the same;
- a probe, which needs no second seed: the log-odds, by a linear probe on what MODEL's blocks give
  at the last character of the name, that its answer is right (the block is chosen on the held-out
  people).

Each set of signals is one logistic regression, fitted to the held-out people. Prints the area under
ROC of "right": on the held-out people by fits on the other tenths, and on --eval; and that of right
answers of --eval against answers about 500 invented people. With --eval dev, look once.
"""

import argparse
from collections.abc import Sequence

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("model", metavar="MODEL")
    p.add_argument("--pretrained", required=True, help="the params before its finetuning")
    p.add_argument("--second", help="params of another seed")
    p.add_argument("--held_out", required=True, help="questions that neither was trained on")
    p.add_argument("--eval", required=True, help="questions to test on")
    p.add_argument("--corpus", default="wiki.txt")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import numpy as np
import torch
from torch import Tensor

from activations import run_with_cache
from answers import confidence_signals, decode
from answers.confidence import log_odds
from answers.metrics import auroc, auroc_interval
from answers.predict import answer_length, answer_text, predict, prompts, readable_rows, stops
from answers.provenance import Corpus, invented_people
from base.questions import person, places_of, question_about
from dataset import CharCorruptionDataset
from model import GPT
from params import load_model

FOLDS = 10
INVENTED = 500
RIDGES = (0.3, 0.1, 0.03, 0.01)  # standard deviations of a probe's weights
SETS = {  # name -> columns of `Signals.columns`
    "the model alone": ("answer", "recall"),
    "and a second seed": ("answer", "recall", "second", "same"),
    "and a probe": ("answer", "recall", "probe"),
    "and both": ("answer", "recall", "second", "same", "probe"),
}


class Signals:
    """What two models say of one's answers to questions: `columns`, name -> (n,), and
    `inside`, block -> (n, C), at the last character of each name."""

    def __init__(self, questions: Sequence[str], models: dict[str, GPT], corpus, length: int):
        model = models["model"]
        read, ends, itos = prompts(corpus, list(questions)), stops(corpus), corpus.itos
        written = [row for (row,) in decode.generate(model, read, length, ends)]
        self.answers = [answer_text(row.characters, itos) for row in written]
        recall = confidence_signals.recall(models["pretrained"], corpus, questions, self.answers)
        self.columns = {
            "answer": np.array([log_odds(row.logprob) for row in written]),
            "recall": np.array([log_odds(-15.0 if r is None else r) for r in recall]),
        }
        if "second" in models:
            self.columns |= agreement(models["second"], corpus, questions, self.answers, length)
        self.inside = inside(model, read, questions)


def agreement(
    second: GPT, corpus: CharCorruptionDataset, questions: Sequence[str], answers: list[str],
    length: int,
) -> dict[str, np.ndarray]:
    """What another seed's model says of `answers`: their log-odds, and whether it answers so."""
    texts = [[corpus.stoi[c] for c in answer] for answer in answers]
    scores = decode.score(second, prompts(corpus, list(questions)), texts)
    theirs = predict(second, corpus, list(questions), length)
    return {
        "second": np.array([log_odds(logprob) for logprob in scores]),
        "same": np.array([float(a == b) for a, b in zip(answers, theirs, strict=True)]),
    }


def inside(model: GPT, read: list[list[int]], questions: Sequence[str]) -> dict[str, np.ndarray]:
    """What each block gives at the last character of the name that a question mentions."""
    names = [f"blocks.{i}" for i in range(len(model.blocks))]
    ends = [q.index(person(q)) + len(person(q)) - 1 for q in questions]
    rows: dict[str, list[Tensor]] = {name: [] for name in names}
    for row, end in zip(read, ends, strict=True):
        _, cache = run_with_cache(model, torch.tensor([row[: end + 1]]), names)
        for name in names:
            rows[name].append(cache[name][0, -1])
    return {name: torch.stack(rows[name]).double().numpy() for name in names}


class Logistic:
    """A logistic regression on standardised columns, with a Gaussian prior on the weights."""

    def __init__(self, x: np.ndarray, y: np.ndarray, deviation: float):
        self.mean, self.scale = x.mean(0), x.std(0) + 1e-9
        x, y = self.columns(x), np.asarray(y, dtype=float)
        self.weights = np.zeros(x.shape[1])
        precision = np.full(x.shape[1], deviation**-2)
        precision[0] = 1e-6  # the bias is free
        for _ in range(100):
            p = 1 / (1 + np.exp(-x @ self.weights))
            gradient = x.T @ (p - y) + precision * self.weights
            hessian = (x.T * (p * (1 - p))) @ x + np.diag(precision)
            change = np.linalg.solve(hessian, gradient)
            self.weights -= change / max(1.0, np.abs(change).max())
            if np.abs(change).max() < 1e-9:
                break

    def columns(self, x: np.ndarray) -> np.ndarray:
        return np.column_stack((np.ones(len(x)), (x - self.mean) / self.scale))

    def log_odds(self, x: np.ndarray) -> np.ndarray:
        return self.columns(x) @ self.weights


def cross_fitted(x: np.ndarray, y: np.ndarray, deviation: float) -> np.ndarray:
    """Log-odds of each row by a fit on the other tenths."""
    found, fold = np.zeros(len(y)), np.arange(len(y)) % FOLDS
    for k in range(FOLDS):
        found[fold == k] = Logistic(x[fold != k], y[fold != k], deviation).log_odds(x[fold == k])
    return found


def log_likelihood(odds: np.ndarray, y: np.ndarray) -> float:
    return float(-np.logaddexp(0, np.where(y, -odds, odds)).sum())


def add_probe(held: Signals, right: np.ndarray, others: Sequence[Signals]) -> str:
    """Add a column "probe" to all; which block and which prior, the held-out people decide."""
    tried = {
        (name, deviation): cross_fitted(x, right, deviation)
        for name, x in held.inside.items()
        for deviation in RIDGES
    }
    name, deviation = max(tried, key=lambda key: log_likelihood(tried[key], right))
    held.columns["probe"] = tried[name, deviation]
    probe = Logistic(held.inside[name], right, deviation)
    for one in others:
        one.columns["probe"] = probe.log_odds(one.inside[name])
    return f"{name}, deviation of the weights {deviation}"


def table(signals: Signals, names: Sequence[str]) -> np.ndarray:
    return np.column_stack([signals.columns[name] for name in names])


def area(positive: np.ndarray, negative: np.ndarray) -> str:
    found = auroc(positive, negative)
    if found is None:
        return "no area: all alike"
    low, high = auroc_interval(found, len(positive), len(negative))
    return f"{found:.3f} ({low:.3f} to {high:.3f})"


def main() -> None:
    args = parser().parse_args()
    paths = find_files(args.corpus, args.held_out, args.eval)
    corpus = CharCorruptionDataset(read_text(paths[0]), 128)
    files = {"model": args.model, "pretrained": args.pretrained}
    files |= {"second": args.second} if args.second else {}
    models = {name: load_model(path, corpus).eval() for name, path in files.items()}
    length = answer_length(args.model)

    def ask(questions: Sequence[str]) -> Signals:
        return Signals(questions, models, corpus, length)

    asked = []
    for path in paths[1:]:
        rows = readable_rows(read_text(path), path, corpus, models["model"].max_length)
        places = places_of(rows)
        if places is None:
            raise UserError(f"{path}: has no places; give rows of question, tab, place")
        signals = ask([row.question for row in rows])
        right = np.array([a == p for a, p in zip(signals.answers, places, strict=True)])
        asked.append((signals, right, [person(row.question) for row in rows]))
        print(f"{path}: {right.sum()} of {len(right)} right", end="")
        same = signals.columns.get("same")
        print("" if same is None else f", the second seed answers {int(same.sum())} alike")
    (held, held_right, _), (test, test_right, names) = asked
    if len(set(held_right)) < 2:
        raise UserError(
            f"{paths[1]}: the answers are all right or all wrong, so nothing tells them apart; "
            "give more questions"
        )
    people = invented_people(names, Corpus(read_text(paths[0])), INVENTED)
    invented = ask([question_about(name) for name in people])
    print(f"the probe: {add_probe(held, held_right, (test, invented))}")
    for name, columns in SETS.items():
        if not set(columns) <= held.columns.keys():
            continue
        x = table(held, columns)
        fitted = Logistic(x, held_right, 1.0)
        inner = cross_fitted(x, held_right, 1.0)
        outer, made_up = (fitted.log_odds(table(s, columns)) for s in (test, invented))
        print(
            f"{name}: held out {area(inner[held_right], inner[~held_right])}; "
            f"eval {area(outer[test_right], outer[~test_right])}; "
            f"right against {len(people)} invented {area(outer[test_right], made_up)}"
        )


if __name__ == "__main__":
    with errors_are_sentences():
        main()
