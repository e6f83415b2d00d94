"""Finetune a checkpoint that classifies sentences.

python -m labs.pretrained.classify train --model minilm --train FILE --test FILE --out FOLDER
python -m labs.pretrained.classify evaluate --model FOLDER --test FILE
python -m labs.pretrained.classify predict --model FOLDER "a sentence" ...
python -m labs.pretrained.classify sweep --model minilm --train FILE --test FILE --out FOLDER
"""

import argparse
import itertools
import json
import math
import random
import resource
import time
from collections import Counter
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from base.cli import Parser, check_words, real, whole
from base.errors import UserError, errors_are_sentences
from base.files import write_whole

OPTIMIZERS = ("adamw", "adam", "rmsprop", "sgd")


@dataclass(frozen=True)
class Settings:
    """How to finetune. The defaults are the handout's for SST-2."""

    model: str = "roberta-base"
    optimizer: str = "adamw"
    rate: float = 5e-5
    batch: int = 64
    epochs: int = 20
    warmup: float = 0.0  # share of the steps in which the rate rises
    clip: float = 0.0  # largest norm of the gradient; 0: any
    max_length: int = 512
    frozen: bool = False  # train only what the checkpoint does not have
    evaluations: int = 1  # of the validation rows, per epoch
    seed: int = 0


def make_parser() -> Parser:
    parser = Parser(description=__doc__.split("\n\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    for command in ("train", "evaluate", "predict", "sweep"):
        sub = commands.add_parser(command)
        sub.add_argument("--model", default=Settings.model, help="a folder, a hub name, or minilm")
        sub.add_argument("--max_length", type=whole(), default=512)
        if command == "predict":
            sub.add_argument("sentences", nargs="+")
            continue
        sub.add_argument("--test", required=command == "evaluate", help=".csv, .tsv or .jsonl")
        sub.add_argument("--text_column", default="sentence")
        sub.add_argument("--label_column", default="label")
        if command == "evaluate":
            continue
        sub.add_argument("--train", required=True)
        sub.add_argument("--validation", help="without it, a share of the training rows")
        sub.add_argument("--validation_share", type=real(1, zero=True), default=0.02)
        sub.add_argument("--split_seed", type=whole(0), default=0)
        sub.add_argument("--labels", nargs="+", help="label names in the order of their numbers")
        sub.add_argument("--rows", type=whole(), help="train on a random part of this size")
        sub.add_argument("--out", type=Path, required=True)
        for name, kind in (
            ("rate", real(1e6)), ("warmup", real(1, zero=True)), ("clip", real(1e6, zero=True)),
        ):  # fmt: skip
            sub.add_argument(f"--{name}", type=kind, default=getattr(Settings, name))
        for name in ("batch", "epochs", "evaluations"):
            sub.add_argument(f"--{name}", type=whole(), default=getattr(Settings, name))
        sub.add_argument("--seed", type=whole(0), default=0)
        sub.add_argument("--optimizer", choices=OPTIMIZERS, default="adamw")
        sub.add_argument("--frozen", action="store_true", help="train the new head only")
        if command == "sweep":
            sub.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=["adamw"])
            sub.add_argument("--rates", nargs="+", type=real(1e6), default=[5e-5])
            sub.add_argument("--batches", nargs="+", type=whole(), default=[64])
            sub.add_argument("--epoch_counts", nargs="+", type=whole(), default=[3])
    return parser


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(make_parser())

import torch
from tqdm import tqdm

from answers.metrics import wilson
from base.machine import multiplies_bf16
from labs.pretrained import checkpoint, data

ARITHMETIC = Settings("tbs17/MathBERT", batch=32, epochs=3, warmup=0.1, clip=1.0)


def make_optimizer(settings: Settings, parameters: list) -> torch.optim.Optimizer:
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(parameters, lr=settings.rate, eps=1e-8, fused=True)
    if settings.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=settings.rate, eps=1e-8, fused=True)
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=settings.rate)
    return torch.optim.SGD(parameters, lr=settings.rate, momentum=0.9)


def schedule(step: int, steps: int, warmup: float) -> float:
    """The share of the learning rate at `step`: a linear rise, then a linear fall to 0."""
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return max(0.0, (steps - step) / max(1.0, steps - rise))


def precision(device: torch.device) -> torch.autocast:
    """bfloat16 products where the device has instructions for them, float32 elsewhere."""
    return torch.autocast(device.type, torch.bfloat16, enabled=multiplies_bf16(device))


@torch.no_grad()
def logits_of(model, tokenizer, rows: data.Rows, max_length: int, batch: int = 64) -> torch.Tensor:
    """(rows, labels) in the order of the rows."""
    model.eval()
    device = next(model.parameters()).device
    ids = data.encode(tokenizer, rows, max_length)
    out = torch.empty(len(rows), model.config.num_labels)
    for which, fields in data.batches(ids, rows.labels, batch, tokenizer.pad_token_id, None):
        fields = {key: value.to(device) for key, value in fields.items() if key != "labels"}
        with precision(device):
            out[which] = model(**fields).logits.float().cpu()
    return out


def measure(model, tokenizer, rows: data.Rows, max_length: int) -> dict:
    """Loss, accuracy with Wilson's interval, accuracy by class, confusion matrix [gold][said]."""
    logits = logits_of(model, tokenizer, rows, max_length)
    gold, said = torch.tensor(rows.labels), logits.argmax(1)
    k = len(rows.names)
    table = torch.bincount(gold * k + said, minlength=k * k).view(k, k)
    right = int(table.diagonal().sum())
    return {
        "n": len(rows),
        "right": right,
        "accuracy": right / len(rows),
        "interval": wilson(right, len(rows)),
        "majority": max(Counter(rows.labels).values()) / len(rows),
        "loss": float(torch.nn.functional.cross_entropy(logits, gold)),
        "by_class": {
            name: int(table[i, i]) / max(1, int(table[i].sum()))
            for i, name in enumerate(rows.names)
        },
        "names": rows.names,
        "confusion": table.tolist(),
    }


def train(
    settings: Settings, rows: data.Rows, validation: data.Rows, test: data.Rows | None, out: Path
) -> dict:
    """Finetune, keep the best model by validation accuracy in `out`, test that once.

    `out`/state.pt lets the same command go on after an interruption, at the last whole epoch.
    """
    run = Finetuning(settings, rows, validation, out)
    run.resume()
    steps, done = run.per_epoch * settings.epochs, run.epochs_done * run.per_epoch
    with tqdm(total=steps, initial=done, desc="finetuning", mininterval=2) as bar:
        while run.epochs_done < settings.epochs:
            run.epoch(bar)
            run.save()
    result = run.summary()
    if test is not None:
        tokenizer, model, _ = checkpoint.load(str(out / "model"))
        result["test"] = measure(model.to(run.device), tokenizer, test, run.max_length)
    with write_whole(str(out / "result.json")) as file:
        json.dump(result, file, indent=1)
    run.state_path.unlink()
    return result


class Finetuning:
    """A run of `train`: its model and optimizer, how far it is, and what it measured."""

    def __init__(self, settings: Settings, rows: data.Rows, validation: data.Rows, out: Path):
        torch.manual_seed(settings.seed)
        random.seed(settings.seed)
        self.settings, self.rows, self.validation, self.out = settings, rows, validation, out
        self.tokenizer, self.model, fresh = checkpoint.load(settings.model, rows.names)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.model.to(self.device)
        if settings.frozen:
            checkpoint.freeze(self.model, fresh)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(settings, self.parameters)
        self.max_length = min(settings.max_length, self.tokenizer.model_max_length)
        self.ids = data.encode(self.tokenizer, rows, self.max_length)
        self.per_epoch = math.ceil(len(rows) / settings.batch)  # steps
        self.history: list[dict] = []
        self.best, self.epochs_done, self.start = -1.0, 0, time.perf_counter()
        self.state_path = out / "state.pt"
        self.kind = asdict(settings) | {"rows": len(rows)}

    def resume(self) -> None:
        """Go on where `out`/state.pt ends, if it is there. Raises UserError for one that was made
        with other settings, and where `out` holds a finished run."""
        self.out.mkdir(parents=True, exist_ok=True)
        if self.state_path.exists():
            state = torch.load(self.state_path, map_location=self.device, weights_only=True)
            if state["kind"] != self.kind:
                raise UserError(
                    f"{self.state_path}: was made with other settings; give another --out"
                )
            self.model.load_state_dict(state["model"])
            self.optimizer.load_state_dict(state["optimizer"])
            torch.set_rng_state(state["random"].cpu())
            self.history, self.best = state["history"], state["best"]
            self.epochs_done = state["epoch"]
            self.start = time.perf_counter() - state["seconds"]
        elif (self.out / "result.json").exists():
            raise UserError(f"{self.out}: holds a finished run; give another --out")

    def save(self) -> None:
        """Write what `resume` reads."""
        state = {
            "kind": self.kind,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "history": self.history,
            "best": self.best,
            "epoch": self.epochs_done,
            "seconds": self.seconds(),
        }
        torch.save(state, self.state_path)

    def seconds(self) -> float:
        """Of training so far."""
        return time.perf_counter() - self.start

    def epoch(self, bar: tqdm) -> None:
        """The next epoch, with its evaluations."""
        settings, times = self.settings, self.settings.evaluations
        marks = {round(self.per_epoch * (i + 1) / times) for i in range(times)}
        seed = settings.seed * 1000 + self.epochs_done
        shuffled = data.batches(
            self.ids, self.rows.labels, settings.batch, self.tokenizer.pad_token_id, seed
        )
        losses, right, seen = [], 0, 0  # since the last evaluation
        for number, (_, fields) in enumerate(shuffled, 1):
            fields = {key: value.to(self.device) for key, value in fields.items()}
            result = self.step(self.epochs_done * self.per_epoch + number - 1, fields)
            losses.append(float(result.loss.detach()))
            right += int((result.logits.argmax(1) == fields["labels"]).sum())
            seen += len(fields["labels"])
            bar.update()
            if number in marks:
                self.evaluate(number, sum(losses) / len(losses), right / seen)
                losses, right, seen = [], 0, 0
        self.epochs_done += 1

    def step(self, step: int, fields: dict[str, torch.Tensor]):
        """One update; the model's output."""
        self.model.train()
        steps = self.per_epoch * self.settings.epochs
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.rate * schedule(step, steps, self.settings.warmup)
        with precision(self.device):
            result = self.model(**fields)
        result.loss.backward()
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return result

    def evaluate(self, number: int, train_loss: float, train_accuracy: float) -> None:
        """Measure on the validation rows after `number` steps of the epoch; keep the best model."""
        measured = measure(self.model, self.tokenizer, self.validation, self.max_length)
        self.history.append(
            {
                "epoch": self.epochs_done + number / self.per_epoch,
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "validation_loss": measured["loss"],
                "validation_accuracy": measured["accuracy"],
                "seconds": self.seconds(),
            }
        )
        tqdm.write(json.dumps(self.history[-1]))
        if measured["accuracy"] > self.best:
            self.best = measured["accuracy"]
            self.model.save_pretrained(self.out / "model")
            self.tokenizer.save_pretrained(self.out / "model")

    def summary(self) -> dict:
        """The result, without the test."""
        return {
            "settings": asdict(self.settings),
            "rows": len(self.rows),
            "validation": self.best,
            "minutes": self.seconds() / 60,
            "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            "trained_parameters": sum(p.numel() for p in self.parameters),
            "history": self.history,
        }


def describe(found: dict) -> str:
    """One line of a measurement, with the majority class beside accuracy."""
    low, high = found["interval"]
    classes = ", ".join(f"{name} {100 * share:.1f}" for name, share in found["by_class"].items())
    return (
        f"{100 * found['accuracy']:.1f} % of {found['n']} (95 %: {100 * low:.1f} to "
        f"{100 * high:.1f}; majority class {100 * found['majority']:.1f} %); by class: {classes}"
    )


def draw(result: dict, out: Path) -> None:
    """out/curves and out/confusion (.png, .svg)."""
    from labs.common import plots

    try:
        figure, axes = plots.new_figure(1, 2)
    except ImportError:
        plots.without_matplotlib()
        return
    x = [point["epoch"] for point in result["history"]]
    for axis, what in zip(axes, ("loss", "accuracy"), strict=True):
        for part, colour in zip(("train", "validation"), plots.COLOURS, strict=False):
            values = [point[f"{part}_{what}"] for point in result["history"]]
            axis.plot(x, values, marker="o", color=colour, label=part)
        axis.set(xlabel="epoch", ylabel=what)
        axis.legend()
    plots.save(figure, out / "curves")
    if "test" in result:
        table, names = result["test"]["confusion"], result["test"]["names"]
        figure, axis = plots.new_figure(size=(4.5, 4))
        axis.imshow(table, cmap="Blues")
        axis.grid(False)
        top = max(map(max, table))
        for i, row in enumerate(table):
            for j, count in enumerate(row):
                colour = "white" if count > top / 2 else "black"
                axis.text(j, i, count, ha="center", va="center", color=colour)
        axis.set(xlabel="said", ylabel="gold")
        axis.set_xticks(range(len(names)), names)
        axis.set_yticks(range(len(names)), names)
        plots.save(figure, out / "confusion")


def load_data(args: argparse.Namespace) -> tuple[data.Rows, data.Rows, data.Rows | None]:
    """Training, validation and test rows, as the options say."""
    columns = {"text": args.text_column, "label": args.label_column}
    rows = data.read_rows(args.train, args.labels, **columns)
    test = data.read_rows(args.test, rows.names, **columns) if args.test else None
    if args.validation:
        validation = data.read_rows(args.validation, rows.names, **columns)
    else:
        rows, validation = data.split(rows, args.validation_share, args.split_seed)
    if args.rows and args.rows < len(rows):
        rows = data.split(rows, args.rows / len(rows), args.seed)[1]
    if not len(validation) or not len(rows):
        raise UserError(f"{args.train}: too few rows for training and validation")
    return rows, validation, test


def settings_of(args: argparse.Namespace) -> Settings:
    return Settings(**{name: getattr(args, name) for name in Settings.__dataclass_fields__})


def sweep(args: argparse.Namespace) -> None:
    """One run per combination, and a table sorted by validation accuracy: out/table.md."""
    rows, validation, test = load_data(args)
    found = []
    axes = (args.optimizers, args.rates, args.batches, args.epoch_counts)
    for optimizer, rate, batch, epochs in itertools.product(*axes):
        settings = replace(
            settings_of(args), optimizer=optimizer, rate=rate, batch=batch, epochs=epochs
        )
        out = args.out / f"{optimizer}-{rate:g}-{batch}-{epochs}"
        if (out / "result.json").exists():
            result = json.loads((out / "result.json").read_text(encoding="utf-8"))
        else:
            result = train(settings, rows, validation, test, out)
        found.append(result)
    found.sort(key=lambda result: -result["validation"])
    lines = ["| optimizer | rate | batch | epochs | validation % | test % | minutes |"]
    lines.append("| --- " * 7 + "|")
    for result in found:
        s = result["settings"]
        tested = f"{100 * result['test']['accuracy']:.1f}" if "test" in result else ""
        lines.append(
            f"| {s['optimizer']} | {s['rate']:g} | {s['batch']} | {s['epochs']} | "
            f"{100 * result['validation']:.1f} | {tested} | {result['minutes']:.2f} |"
        )
    with write_whole(str(args.out / "table.md")) as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


def main() -> None:
    args = make_parser().parse_args()
    if args.command == "sweep":
        sweep(args)
    elif args.command == "train":
        result = train(settings_of(args), *load_data(args), args.out)
        if "test" in result:
            print(f"test: {describe(result['test'])}")
        print(f"{result['minutes']:.1f} minutes, {result['memory_gb']:.1f} GB")
        draw(result, args.out)
    else:
        tokenizer, model, _ = checkpoint.load(args.model)
        names = checkpoint.label_names(model)
        if args.command == "evaluate":
            rows = data.read_rows(args.test, names, args.text_column, args.label_column)
            print(describe(measure(model, tokenizer, rows, args.max_length)))
        else:
            rows = data.Rows(args.sentences, [0] * len(args.sentences), names)
            shares = logits_of(model, tokenizer, rows, args.max_length).softmax(1)
            for sentence, row in zip(args.sentences, shares, strict=True):
                print(f"{names[int(row.argmax())]} {float(row.max()):.3f}  {sentence}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
