"""Verbal arithmetic: is "four minus ten" negative, zero or positive?

python -m labs.pretrained.arithmetic data --out FOLDER
python -m labs.pretrained.arithmetic pretrain --out FOLDER
python -m labs.pretrained.arithmetic study --pretrained FOLDER --out FOLDER
python -m labs.pretrained.arithmetic what_is --model FOLDER "four minus ten"
python -m labs.pretrained.arithmetic differ --models FOLDER FOLDER
"""

import csv
import json
import random
import statistics
from dataclasses import replace
from pathlib import Path

from base.cli import Parser, check_words, real, whole
from base.errors import UserError, errors_are_sentences
from base.files import write_whole
from base.source import default_of


def make_parser() -> Parser:
    rate = default_of("../labs/pretrained/classify.py", "Settings", "rate")
    parser = Parser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("data", "pretrain", "study"):
        sub = commands.add_parser(command)
        sub.add_argument("--out", type=Path, required=True)
        if command == "data":
            sub.add_argument("--seed", type=whole(0), default=0)
        if command == "pretrain":
            sub.add_argument("--steps", type=whole(), default=2000)
        if command == "study":
            sub.add_argument("--pretrained", type=Path, help="what `pretrain` made")
            sub.add_argument("--models", nargs="+", default=[], help="more: folders, hub names")
            sub.add_argument("--seeds", nargs="+", type=whole(0), default=[0, 1, 2])
            sub.add_argument("--epochs", type=whole(), default=3)
            sub.add_argument("--rates", nargs="+", type=real(1e6),
                             default=[rate],
                             help="the best by validation accuracy is shown")  # fmt: skip
    sub = commands.add_parser("what_is")
    sub.add_argument("--model", required=True)
    sub.add_argument("sentence")
    sub = commands.add_parser("differ")
    sub.add_argument("--models", nargs=2, required=True, metavar="FOLDER")
    sub.add_argument("--seed", type=whole(0), default=0, help="that both were finetuned with")
    return parser


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(make_parser())

import torch

from labs.pretrained import checkpoint, classify, data, tiny

NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
    "fifteen sixteen seventeen eighteen nineteen"
).split()
LABELS = ["negative", "zero", "positive"]
VALUE = {word: number for number, word in enumerate(NUMBERS)}


def sentences() -> data.Rows:
    """All 800: two numbers from zero to nineteen, plus or minus."""
    texts, labels = [], []
    for a in NUMBERS:
        for b in NUMBERS:
            for word, sign in (("plus", 1), ("minus", -1)):
                value = VALUE[a] + sign * VALUE[b]
                texts.append(f"{a} {word} {b}")
                labels.append((value > 0) - (value < 0) + 1)
    return data.Rows(texts, labels, LABELS)


def parts(seed: int = 0) -> tuple[data.Rows, data.Rows, data.Rows]:
    """(train, validation, test): 640 and 160 at random; a tenth of the 640, stratified, is kept
    for validation."""
    rows, order = sentences(), list(range(800))
    random.Random(seed).shuffle(order)
    kept, validation = data.split(rows.take(order[:640]), 0.1, seed)
    return kept, validation, rows.take(order[640:])


def write_rows(rows: data.Rows, path: Path) -> None:
    with write_whole(str(path)) as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("sentence", "label"))
        for text, label in zip(rows.texts, rows.labels, strict=True):
            writer.writerow((text, rows.names[label]))


def number_sentences(n: int, seed: int = 0) -> list[str]:
    """Statements about numbers, all true: comparisons, successors, sums and differences.

    Differences are never negative, and no label is named. But "five minus four is one" says a test
    sentence with its value: results/2026-11-27-pretrained/read.py counts those apart.
    """
    dice, found = random.Random(seed), []
    for _ in range(n):
        a, b = dice.randrange(20), dice.randrange(20)
        low, high = min(a, b), max(a, b)
        kind = dice.randrange(5)
        if kind == 0:
            word = "more" if a > b else "less" if a < b else "equal"
            link = "to" if a == b else "than"
            found.append(f"{NUMBERS[a]} is {word} {link} {NUMBERS[b]}")
        elif kind == 1:
            found.append(f"{NUMBERS[low]} comes before {NUMBERS[high]}" if low < high else
                         f"{NUMBERS[low]} is {NUMBERS[high]}")  # fmt: skip
        elif kind == 2 and a + 1 < 20:
            found.append(f"after {NUMBERS[a]} comes {NUMBERS[a + 1]}")
        elif kind == 3 and a + b < 20:
            found.append(f"{NUMBERS[a]} plus {NUMBERS[b]} is {NUMBERS[a + b]}")
        else:
            found.append(f"{NUMBERS[high]} minus {NUMBERS[low]} is {NUMBERS[high - low]}")
    return found


def unrelated_sentences(n: int, seed: int = 0) -> list[str]:
    """Statements about animals and places: as long as number_sentences, and no numbers."""
    dice = random.Random(seed)
    animals = "cat dog horse owl fox crow hare wolf deer mouse".split()
    places = "forest river garden meadow barn hill road field".split()
    verbs = "sees hears follows likes avoids meets".split()
    found = []
    for _ in range(n):
        a, b, place = dice.choice(animals), dice.choice(animals), dice.choice(places)
        found.append(dice.choice((f"the {a} {dice.choice(verbs)} the {b}",
                                  f"the {a} lives in the {place}",
                                  f"a {a} is near the {place}")))  # fmt: skip
    return found


def vocabulary() -> list[str]:
    """Every word that either text or the test has: both tiny models share one tokenizer."""
    return number_sentences(4000) + unrelated_sentences(4000) + NUMBERS + ["plus minus"]


def pretrain(out: Path, steps: int, seed: int = 0) -> dict:
    """The four tiny checkpoints, out/FAMILY-TEXT, and their losses (out/pretraining.json)."""
    texts = {"numbers": number_sentences(20_000), "animals": unrelated_sentences(20_000)}
    found = {}
    for family in tiny.FAMILIES:
        for name, lines in texts.items():
            folder = out / f"{family}-{name}"
            found[folder.name] = tiny.pretrain(family, lines, vocabulary(), steps, folder, seed)
            print(folder.name, found[folder.name], flush=True)
    with write_whole(str(out / "pretraining.json")) as file:
        json.dump(found, file, indent=1)
    return found


def what_is(sentence: str, tokenizer, model) -> str:
    """The label that the model gives to a sentence such as "four minus ten"."""
    rows = data.Rows([sentence], [0], checkpoint.label_names(model))
    return rows.names[int(classify.logits_of(model, tokenizer, rows, 64).argmax())]


def validated(results: list[dict]) -> tuple[float, float]:
    """The mean over seeds of what `classify.by_validation` compares."""
    pairs = [classify.by_validation(result) for result in results]
    return statistics.mean(a for a, _ in pairs), statistics.mean(b for _, b in pairs)


def study(
    models: dict[str, str], out: Path, seeds: list[int], epochs: int, rates: list[float]
) -> str:
    """Finetune each model whole and frozen with each seed; a table (also out/table.md).

    Of several rates the one with the best validation accuracy is shown; the test sentences have no
    say in it.
    """
    lines = ["| model | trained | rate | validation % | accuracy %, each seed | mean | "
             + " | ".join(LABELS) + " | seconds |", "| --- " * 10 + "|"]  # fmt: skip
    for name, model in models.items():
        for frozen in (False, True):
            tried = {}
            for rate in rates:
                settings = replace(
                    classify.ARITHMETIC, model=model, frozen=frozen, epochs=epochs, rate=rate
                )
                kind = f"{name}-{'frozen' if frozen else 'whole'}-{rate:g}"
                tried[rate] = [
                    classify.train(replace(settings, seed=s), *parts(s), out / f"{kind}-{s}")
                    for s in seeds
                ]
            rate = max(rates, key=lambda rate: validated(tried[rate]))
            tests = [result["test"] for result in tried[rate]]
            classes = [statistics.mean(t["by_class"][label] for t in tests) for label in LABELS]
            each = " ".join(f"{100 * t['accuracy']:.1f}" for t in tests)
            lines.append(
                f"| {name} | {'head' if frozen else 'all'} | {rate:g} | "
                f"{100 * validated(tried[rate])[0]:.1f} | {each} | "
                f"{100 * statistics.mean(t['accuracy'] for t in tests):.1f} | "
                + " | ".join(f"{100 * share:.0f}" for share in classes)
                + f" | {60 * statistics.mean(r['minutes'] for r in tried[rate]):.1f} |"
            )
            print(lines[-1], flush=True)
    majority = [f"{100 * classify_majority(parts(seed)[2]):.1f}" for seed in seeds]
    lines.append(f"\nMajority class (positive) of the test sentences: {', '.join(majority)} %.")
    with write_whole(str(out / "table.md")) as file:
        file.write("\n".join(lines) + "\n")
    return "\n".join(lines)


def differ(shares: list[torch.Tensor], rows: data.Rows, top: int = 10) -> list[tuple]:
    """Rows whose right label has a higher probability in the first model than in the second, the
    largest difference first: (sentence, label, its probability in each). shares: (rows, labels)."""
    gold = torch.tensor(rows.labels)[:, None]
    first, second = (share.gather(1, gold)[:, 0] for share in shares)
    return [
        (rows.texts[i], rows.names[rows.labels[i]], float(first[i]), float(second[i]))
        for i in (first - second).argsort(descending=True, stable=True)[:top].tolist()
        if first[i] > second[i]
    ]


def classify_majority(rows: data.Rows) -> float:
    return max(rows.labels.count(label) for label in range(3)) / len(rows)


def main() -> None:
    args = make_parser().parse_args()
    if args.command == "data":
        args.out.mkdir(parents=True, exist_ok=True)
        for name, rows in zip(("train", "validation", "test"), parts(args.seed), strict=True):
            write_rows(rows, args.out / f"{name}.csv")
            majority = 100 * classify_majority(rows)
            print(f"{name}.csv: {len(rows)} sentences, {majority:.1f} % in the largest class")
    elif args.command == "pretrain":
        pretrain(args.out, args.steps)
    elif args.command == "study":
        models = {Path(name).name: name for name in args.models}
        if args.pretrained:
            models |= {p.name: str(p) for p in sorted(args.pretrained.iterdir()) if p.is_dir()}
        if not models:
            raise UserError("no model: give --pretrained or --models")
        args.out.mkdir(parents=True, exist_ok=True)
        print(study(models, args.out, args.seeds, args.epochs, args.rates))
    elif args.command == "differ":
        rows, shares = parts(args.seed)[2], []
        for name in args.models:
            tokenizer, model, _ = checkpoint.load(name)
            shares.append(classify.logits_of(model, tokenizer, rows, 64).softmax(1))
        for sentence, label, first, second in differ(shares, rows):
            print(f"{first:.2f} {second:.2f}  {sentence}: {label}")
    else:
        tokenizer, model, _ = checkpoint.load(args.model)
        print(what_is(args.sentence, tokenizer, model))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
