"""A small transformer on sentences: python -m labs.mini_transformer

Trains it, prints its perplexity on held-out sentences in both ways and ten sentences of its own,
and draws its losses. The folder gets result.json, samples.txt, loss.png and the log.

Without --train it reads the embedded world. A file has a sentence a line, its tokens with blanks
between them; SST-2's train.tsv is read as it is (its phrases left out).
"""

import argparse
import json
from pathlib import Path

from base.cli import Parser, check_choice, check_words, whole
from base.errors import UserError, errors_are_sentences
from base.files import write_whole
from base.source import default_of, literal
from training.config import number_in_range


def parser() -> argparse.ArgumentParser:
    style = argparse.RawDescriptionHelpFormatter
    p = Parser(prog="python -m labs.mini_transformer", description=__doc__, formatter_class=style)
    p.add_argument("--train", metavar="FILE", help="sentences to train on")
    p.add_argument("--dev", metavar="FILE", help="held-out ones (default: every tenth of train's)")
    p.add_argument("--variant", metavar="NAME", default="from-scratch",
                   help="from-scratch (default), or any of src/attention")  # fmt: skip
    p.add_argument("--functions", metavar="FILE", help="your own eleven, for from-scratch")
    p.add_argument("--positions", choices=literal("attention/registry.py", "POSITIONS"))
    epochs = default_of("../labs/mini_transformer/train.py", "Settings", "epochs")
    length = p.add_mutually_exclusive_group()
    length.add_argument("--epochs", type=whole(), default=epochs, help=f"(default: {epochs})")
    length.add_argument("--steps", type=whole(), help="instead of --epochs")
    p.add_argument("--seed", type=number_in_range("seed"), default=0)
    p.add_argument("--samples", type=whole(0), default=10, metavar="N", help="sentences to write")
    default = "runs/mini_transformer"
    p.add_argument("--out", type=Path, default=Path(default), help=f"the folder ({default})")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from attention import VARIANTS
from labs.common.plots import without_matplotlib
from labs.mini_transformer import check, from_scratch, plots, variant
from labs.mini_transformer.train import Settings, samples, trained
from training.runlog import RunLog


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    variant.ensure_registered()
    check_choice("--variant", args.variant, VARIANTS)
    if args.functions:
        use_functions(args.functions, args.variant)
    settings = Settings(
        args.variant, args.positions, args.seed, args.train, args.dev,
        epochs=args.epochs, steps=args.steps,
    )  # fmt: skip
    log = RunLog(str(args.out))
    model, found, data = trained(settings, log)
    print(
        f"{found['parameters']:,} parameters, {found['vocabulary']:,} tokens known, "
        f"{found['steps']} steps in {found['seconds']:.0f} seconds\n"
        f"held-out perplexity per token over the corpus: {found['per token']:.2f}\n"
        f"mean over documents (the handout's):           {found['per document']:.2f}"
    )
    if "token by token" in found:
        print(f"this variant sees the future; token by token:  {found['token by token']:.2f}")
    written = samples(model, data.vocabulary, args.samples, args.seed)
    print("\n".join(written))
    keep(args.out, found, written)


def use_functions(path: str, chosen: str) -> None:
    """The model computes with a student's functions. Raises UserError where one is wrong."""
    if chosen != "from-scratch":
        raise UserError(f"--functions is for --variant from-scratch; leave out --variant {chosen}")
    module = check.load(path)
    wrong = check.check(module)
    if wrong:
        command = f"python -m labs.mini_transformer.check {path}"
        raise UserError(f"{path}: {', '.join(wrong)}: wrong; {command} says how")
    for name in check.NAMES:
        setattr(from_scratch, name, getattr(module, name))


def keep(out: Path, found: dict, written: list[str]) -> None:
    """Write what is left of the run."""
    with write_whole(str(out / "result.json")) as file:
        json.dump(found, file, indent=1)
    with write_whole(str(out / "samples.txt")) as file:
        file.writelines(f"{sentence}\n" for sentence in written)
    try:
        plots.draw_losses(out / "metrics.jsonl", out / "loss")
    except ImportError:
        without_matplotlib()


if __name__ == "__main__":
    with errors_are_sentences():
        main()
