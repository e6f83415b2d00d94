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
    torch.manual_seed(settings.seed)
    random.seed(settings.seed)
    tokenizer, model, fresh = checkpoint.load(settings.model, rows.names)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device)
    if settings.frozen:
        checkpoint.freeze(model, fresh)
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = make_optimizer(settings, parameters)
    max_length = min(settings.max_length, tokenizer.model_max_length)
    ids = data.encode(tokenizer, rows, max_length)
    per_epoch = math.ceil(len(rows) / settings.batch)
    steps = per_epoch * settings.epochs
    marks = {round(per_epoch * (i + 1) / settings.evaluations) for i in range(settings.evaluations)}
    history, best, first, seconds = [], -1.0, 0, 0.0
    out.mkdir(parents=True, exist_ok=True)
    state_path, kind = out / "state.pt", asdict(settings) | {"rows": len(rows)}
    if state_path.exists():
        state = torch.load(state_path, map_location=device, weights_only=True)
        if state["kind"] != kind:
            raise UserError(f"{state_path}: was made with other settings; give another --out")
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        torch.set_rng_state(state["random"].cpu())
        history, best, first = state["history"], state["best"], state["epoch"]
        seconds = state["seconds"]
    elif (out / "result.json").exists():
        raise UserError(f"{out}: holds a finished run; give another --out")
    start = time.perf_counter() - seconds
    bar = tqdm(total=steps, initial=first * per_epoch, desc="finetuning", mininterval=2)
    for epoch in range(first, settings.epochs):
        shuffled = data.batches(
            ids, rows.labels, settings.batch, tokenizer.pad_token_id, settings.seed * 1000 + epoch
        )
        losses, right, seen = [], 0, 0
        for number, (_, fields) in enumerate(shuffled, 1):
            model.train()
            step = epoch * per_epoch + number
            for group in optimizer.param_groups:
                group["lr"] = settings.rate * schedule(step - 1, steps, settings.warmup)
            fields = {key: value.to(device) for key, value in fields.items()}
            with precision(device):
                result = model(**fields)
            result.loss.backward()
            if settings.clip:
                torch.nn.utils.clip_grad_norm_(parameters, settings.clip)
            optimizer.step()
            optimizer.zero_grad()
            losses.append(float(result.loss.detach()))
            right += int((result.logits.argmax(1) == fields["labels"]).sum())
            seen += len(fields["labels"])
            bar.update()
            if number in marks:
                found = measure(model, tokenizer, validation, max_length)
                history.append(
                    {
                        "epoch": epoch + number / per_epoch,
                        "train_loss": sum(losses) / len(losses),
                        "train_accuracy": right / seen,
                        "validation_loss": found["loss"],
                        "validation_accuracy": found["accuracy"],
                        "seconds": time.perf_counter() - start,
                    }
                )
                losses, right, seen = [], 0, 0
                tqdm.write(json.dumps(history[-1]))
                if found["accuracy"] > best:
                    best = found["accuracy"]
                    model.save_pretrained(out / "model")
                    tokenizer.save_pretrained(out / "model")
        torch.save(
            {
                "kind": kind,
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "random": torch.get_rng_state(),
                "history": history,
                "best": best,
                "epoch": epoch + 1,
                "seconds": time.perf_counter() - start,
            },
            state_path,
        )
    bar.close()
    result = {
        "settings": asdict(settings),
        "rows": len(rows),
        "validation": best,
        "minutes": (time.perf_counter() - start) / 60,
        "memory_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "trained_parameters": sum(p.numel() for p in parameters),
        "history": history,
    }
    if test is not None:
        tokenizer, model, _ = checkpoint.load(str(out / "model"))
        result["test"] = measure(model.to(device), tokenizer, test, max_length)
    with write_whole(str(out / "result.json")) as file:
        json.dump(result, file, indent=1)
    state_path.unlink()
    return result


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
