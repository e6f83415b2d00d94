"""Answers against steps of training: python -m labs.recipe_study.curve SNAPSHOT... --out FOLDER

For each params file that `--snapshots` wrote (the .json beside them are passed over), the share of
right answers to the dev questions, to 500 of the training questions, and, of the dev questions, to
those whose place stands within the first 112 characters of the person's document. Numbers only, to
FOLDER/curve.json and curve.png; the picture has the learning rate below them.
"""

import json
from pathlib import Path

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text, write_whole


def parser() -> Parser:
    p = Parser(description=__doc__)
    p.add_argument("snapshots", nargs="+")
    p.add_argument("--out", type=Path, required=True)
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import params
from answers.predict import predict
from answers.provenance import Corpus
from dataset import CharCorruptionDataset
from labs.common.plots import COLOURS, new_figure, save, without_matplotlib
from labs.recipe_study.errors import classify
from params import load_model
from trainer import TrainerConfig
from training.schedule import lr_multiplier

RATE_SETTINGS = ("learning_rate", "lr_decay", "schedule", "warmup_tokens", "final_tokens")

def questions(path: str) -> list[tuple[str, ...]]:
    return [tuple(row.split("\t")) for row in read_text(path).splitlines() if row.strip()]


def measure(path: str, text: str, dev: list, train: list) -> dict:
    """One point of the curve. Raises UserError for params without their step count."""
    _, about = params.load_params(path)
    if "steps" not in about:
        raise UserError(f"{path}.json: no steps in it; give params that --snapshots wrote")
    corpus = CharCorruptionDataset(text, about["block_size"])
    model = load_model(path, corpus)
    found = {"steps": about["steps"], "learning_rate": learning_rate(about)}
    for name, rows in (("dev", dev), ("train", train)):
        answers = predict(model, corpus, [row[0] for row in rows])
        counts = classify(answers, rows, Corpus(text))
        found |= {f"{name}_right": counts["right"], f"{name}_asked": counts["asked"]}
        found[f"{name}_shown"] = counts["by_place"]["shown"]
        found[f"{name}_errors"] = counts["errors"]
    return found


def learning_rate(about: dict) -> float:
    """What the schedule had reached when params with the description `about` were written."""
    config = TrainerConfig(**{name: about[name] for name in RATE_SETTINGS})
    step = about["batch_size"] * about["block_size"]  # positions, padding included
    return config.learning_rate * lr_multiplier(
        config, about["steps"] * step, about["of_steps"] * step
    )


def draw(points: list[dict], path: Path) -> None:
    figure, (axes, rates) = new_figure(
        2, size=(7.5, 5.5), sharex=True, gridspec_kw={"height_ratios": (4, 1)}
    )
    steps = [point["steps"] for point in points]
    lines = {
        "training questions": ("train_right", "train_asked"),
        "dev": ("dev_right", "dev_asked"),
    }
    for color, (label, (right, asked)) in zip(COLOURS, lines.items(), strict=False):
        share = [100 * p[right] / p[asked] for p in points]
        axes.plot(steps, share, "o-", color=color, label=label)
    shown = [100 * p["dev_shown"][0] / max(1, p["dev_shown"][1]) for p in points]
    axes.plot(steps, shown, ":", color=COLOURS[1], label="dev, place within 112 characters")
    rates.plot(steps, [p["learning_rate"] for p in points], "o-", color=COLOURS[-1])
    rates.set(xlabel="steps", ylabel="learning rate", ylim=(0, None))
    axes.set_ylabel("right, %")
    axes.set_ylim(0, 100)
    axes.legend()
    save(figure, path)


def main() -> None:
    args = parser().parse_args()
    names = ("wiki.txt", "birth_dev.tsv", "birth_places_train.tsv")
    corpus, dev, train = find_files(*names)
    text = read_text(corpus)
    paths = [path for path in args.snapshots if not path.endswith(".json")]
    points = [measure(path, text, questions(dev), questions(train)[:500]) for path in paths]
    points.sort(key=lambda point: point["steps"])
    args.out.mkdir(parents=True, exist_ok=True)
    with write_whole(str(args.out / "curve.json")) as file:
        file.write("[\n" + ",\n".join(json.dumps(point) for point in points) + "\n]\n")
    for point in points:
        print(f"{point['steps']} steps: dev {point['dev_right']} of {point['dev_asked']}, "
              f"train {point['train_right']} of {point['train_asked']}", flush=True)  # fmt: skip
    try:
        draw(points, args.out / "curve")
    except ImportError:
        without_matplotlib()


if __name__ == "__main__":
    with errors_are_sentences():
        main()
