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
        sub.add_argument("--warmup", type=real(1, zero=True), default=Settings.warmup)
        sub.add_argument("--clip", type=real(1e6, zero=True), default=Settings.clip)
        sub.add_argument("--evaluations", type=whole(), default=1, help="per epoch")
        sub.add_argument("--seed", type=whole(0), default=0)
        sub.add_argument("--frozen", action="store_true", help="train the new head only")
        if command == "train":
            sub.add_argument("--optimizer", choices=OPTIMIZERS, default=Settings.optimizer)
            sub.add_argument("--rate", type=real(1e6), default=Settings.rate)
            sub.add_argument("--batch", type=whole(), default=Settings.batch)
            sub.add_argument("--epochs", type=whole(), default=Settings.epochs)
        else:
            sub.add_argument("--optimizers", nargs="+", choices=OPTIMIZERS, default=["adamw"])
            sub.add_argument("--rates", nargs="+", type=real(1e6), default=[Settings.rate])
            sub.add_argument("--batches", nargs="+", type=whole(), default=[Settings.batch])
            sub.add_argument("--epoch_counts", nargs="+", type=whole(), default=[3])
    return parser


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(make_parser())

import torch
from tqdm import tqdm

from answers.metrics import wilson
from base.machine import keep_memory, multiplies_bf16
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
        "interval": list(wilson(right, len(rows))),
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

    `out`/state.pt lets the same command go on after an interruption, at the last evaluation. A run
    that is finished in `out` is not made again, and tested again only on other test rows. Raises
    UserError where `out` has a run of other settings, training or validation rows.
    """
    path, kind = out / "result.json", kind_of(settings, rows, validation)
    if path.exists():
        result = json.loads(path.read_text(encoding="utf-8"))
        if result.get("kind") != kind:
            raise UserError(f"{out}: holds a run with other settings or rows; give another --out")
    else:
        run = Finetuning(settings, rows, validation, out)
        run.resume()
        try:
            run.go()
        except KeyboardInterrupt:
            raise KeyboardInterrupt("the same command goes on at the last evaluation") from None
        result = run.summary()
    if test is not None and result.get("test rows") != data.fingerprint(test):
        tokenizer, model, _ = checkpoint.load(str(out / "model"))
        result["test"] = measure(to_device(model), tokenizer, test, settings.max_length)
        result["test rows"] = data.fingerprint(test)
    with write_whole(str(path)) as file:
        json.dump(result, file, indent=1)
    (out / "state.pt").unlink(missing_ok=True)
    return result


def kind_of(settings: Settings, rows: data.Rows, validation: data.Rows) -> dict:
    """What makes a run what it is."""
    parts = {"rows": data.fingerprint(rows), "validation": data.fingerprint(validation)}
    return asdict(settings) | parts


def to_device(model):
    """The model on the GPU, where there is one; a CPU keeps freed memory for the next step."""
    if torch.cuda.is_available():
        return model.cuda()
    keep_memory()
    return model


class Finetuning:
    """A run of `train`: its model and optimizer, how far it is, and what it measured."""

    def __init__(self, settings: Settings, rows: data.Rows, validation: data.Rows, out: Path):
        torch.manual_seed(settings.seed)
        self.settings, self.rows, self.validation, self.out = settings, rows, validation, out
        self.tokenizer, model, fresh = checkpoint.load(settings.model, rows.names)
        self.model = to_device(model)
        self.device = self.model.device
        if settings.frozen:
            checkpoint.freeze(self.model, fresh)
        self.parameters = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = make_optimizer(settings, self.parameters)
        self.ids = data.encode(self.tokenizer, rows, settings.max_length)
        self.per_epoch = math.ceil(len(rows) / settings.batch)  # steps
        self.done, self.steps = 0, self.per_epoch * settings.epochs
        times = settings.evaluations
        self.marks = {
            round(self.per_epoch * (i + 1) / times) for i in range(times * settings.epochs)
        }
        self.history: list[dict] = []
        self.best, self.start = -1.0, time.perf_counter()
        self.state_path = out / "state.pt"
        self.kind = kind_of(settings, rows, validation)

    def resume(self) -> None:
        """Go on where `out`/state.pt ends, if it is there. Raises UserError for one that was made
        with other settings."""
        try:
            self.out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{self.out}: cannot be made a folder ({error.strerror})") from None
        if not self.state_path.exists():
            return
        state = torch.load(self.state_path, map_location="cpu", weights_only=True)
        if state["kind"] != self.kind:
            raise UserError(
                f"{self.state_path}: was made with other settings or rows; give another --out"
            )
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(state["random_cuda"])
        self.history, self.best, self.done = state["history"], state["best"], state["done"]
        self.start = time.perf_counter() - state["seconds"]

    def save(self) -> None:
        """Write what `resume` reads."""
        state = {
            "kind": self.kind,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "history": self.history,
            "best": self.best,
            "done": self.done,
            "seconds": self.seconds(),
        }
        if self.device.type == "cuda":
            state["random_cuda"] = torch.cuda.get_rng_state()
        with write_whole(str(self.state_path), "wb") as file:
            torch.save(state, file)

    def seconds(self) -> float:
        """Of training so far."""
        return time.perf_counter() - self.start

    def go(self) -> None:
        """Train to the end."""
        with tqdm(total=self.steps, initial=self.done, desc="finetuning", mininterval=2) as bar:
            while self.done < self.steps:
                self.go_to_next_evaluation(bar)
                self.save()

    def go_to_next_evaluation(self, bar: tqdm) -> None:
        """Train up to it; then measure on the validation rows and keep the best model."""
        epoch, passed = divmod(self.done, self.per_epoch)
        pad, seed = self.tokenizer.pad_token_id, self.settings.seed * 1000 + epoch
        shuffled = data.batches(self.ids, self.rows.labels, self.settings.batch, pad, seed)
        losses, right, seen = [], 0, 0
        for _, fields in itertools.islice(shuffled, passed, None):
            fields = {key: value.to(self.device) for key, value in fields.items()}
            result = self.step(fields)
            losses.append(float(result.loss.detach()))
            right += int((result.logits.argmax(1) == fields["labels"]).sum())
            seen += len(fields["labels"])
            bar.update()
            if self.done in self.marks:
                break
        self.evaluate(sum(losses) / len(losses), right / seen)

    def step(self, fields: dict[str, torch.Tensor]):
        """One update; the model's output."""
        self.model.train()
        for group in self.optimizer.param_groups:
            share = schedule(self.done, self.steps, self.settings.warmup)
            group["lr"] = self.settings.rate * share
        with precision(self.device):
            result = self.model(**fields)
        result.loss.backward()
        if self.settings.clip:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.settings.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.done += 1
        return result

    def evaluate(self, train_loss: float, train_accuracy: float) -> None:
        """Measure on the validation rows; keep the best model."""
        measured = measure(self.model, self.tokenizer, self.validation, self.settings.max_length)
        self.history.append(
            {
                "epoch": self.done / self.per_epoch,
                "train_loss": train_loss,
                "train_accuracy": train_accuracy,
                "validation_loss": measured["loss"],
                "validation_accuracy": measured["accuracy"],
                "seconds": self.seconds(),
            }
        )
        tqdm.write(
            f"epoch {self.history[-1]['epoch']:g}: loss {train_loss:.3f}, accuracy "
            f"{100 * train_accuracy:.1f} %; validation loss {measured['loss']:.3f}, accuracy "
            f"{100 * measured['accuracy']:.1f} %"
        )
        if measured["accuracy"] > self.best:
            self.best = measured["accuracy"]
            self.model.save_pretrained(self.out / "model")
            self.tokenizer.save_pretrained(self.out / "model")

    def summary(self) -> dict:
        """The result, without the test."""
        return {
            "kind": self.kind,
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
        figure, axes = plots.new_figure(1, 2, size=(9, 3.6))
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
    tested = f", {len(test)} to test on" if test is not None else ""
    print(f"{len(rows)} rows to train on, {len(validation)} for validation{tested}", flush=True)
    return rows, validation, test


def settings_of(args: argparse.Namespace) -> Settings:
    names = Settings.__dataclass_fields__
    return Settings(**{name: value for name, value in vars(args).items() if name in names})


def by_validation(result: dict) -> tuple[float, float]:
    """Best validation accuracy and, for ties, minus the lowest validation loss."""
    return result["validation"], -min(point["validation_loss"] for point in result["history"])


def sweep(args: argparse.Namespace) -> None:
    """One run per combination; a table of these and of earlier runs in `args.out` that differ in
    nothing else, sorted by validation accuracy: table.md. Only the first of them is tested."""
    rows, validation, test = load_data(args)
    axes = (args.optimizers, args.rates, args.batches, args.epoch_counts)
    varied = ("optimizer", "rate", "batch", "epochs")
    for values in itertools.product(*axes):
        settings = replace(settings_of(args), **dict(zip(varied, values, strict=True)))
        train(settings, rows, validation, None, args.out / folder_of(settings))
    fixed = {k: v for k, v in asdict(settings).items() if k not in varied} | {"rows": len(rows)}
    found = [json.loads(p.read_text(encoding="utf-8")) for p in args.out.glob("*/result.json")]
    found = [r for r in found if fixed.items() <= (r["settings"] | {"rows": r["rows"]}).items()]
    found.sort(key=by_validation, reverse=True)
    lines = ["| optimizer | rate | batch | epochs | validation % | validation loss | minutes |"]
    lines.append("| --- " * 7 + "|")
    for result in found:
        accuracy, loss = by_validation(result)
        s = result["settings"]
        lines.append(
            f"| {s['optimizer']} | {s['rate']:g} | {s['batch']} | {s['epochs']} | "
            f"{100 * accuracy:.1f} | {-loss:.3f} | {result['minutes']:.2f} |"
        )
    if test is not None:
        settings = Settings(**found[0]["settings"])
        best = train(settings, rows, validation, test, args.out / folder_of(settings))
        lines.append(f"\nThe first, tested: {describe(best['test'])}")
    with write_whole(str(args.out / "table.md")) as file:
        file.write("\n".join(lines) + "\n")
    print("\n".join(lines))


def folder_of(settings: Settings) -> str:
    return f"{settings.optimizer}-{settings.rate:g}-{settings.batch}-{settings.epochs}"


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
            if not all(sentence.strip() for sentence in args.sentences):
                raise UserError("a sentence is empty")
            rows = data.Rows(args.sentences, [0] * len(args.sentences), names)
            shares = logits_of(model, tokenizer, rows, args.max_length).softmax(1)
            for sentence, row in zip(args.sentences, shares, strict=True):
                print(f"{names[int(row.argmax())]} {float(row.max()):.3f}  {sentence}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
