"""The experiment: pretrain, finetune and evaluate a model (handout, parts c to g).

`run.py pretrain --help`, `run.py finetune --help` and `run.py evaluate --help` show the options of
one function.
"""

import argparse
import sys

from base.cli import Parser, whole
from base.errors import UserError, errors_are_sentences
from base.interrupts import importing
from base.source import keys, literal
from training.config import add_flags, number_in_range

FUNCTIONS = {
    "pretrain": "Train a model on the documents of CORPUS, by span corruption.",
    "finetune": "Train a model on questions with their places; on pretrained params, if given.",
    "evaluate": "Answer the questions of a file, and count the right answers. Without CORPUS: the "
    "model in this folder (of a quickstart), or the project's own, on its dev questions.",
}
READERS = ("ranker", "network")  # training/reader.py, network_reader.py
TRAINING, EVALUATION = ("pretrain", "finetune"), ("evaluate",)
ONLY = {  # options that not every function reads
    "writing_params_path": TRAINING,
    "eval_corpus_path": EVALUATION,
    "outputs_path": EVALUATION,
    "report": EVALUATION,
    "pretrained_params_path": EVALUATION,
    "pretrain_lr": ("pretrain",),
    "finetune_lr": ("finetune",),
} | dict.fromkeys(
    ("recipe", "reader", "max_epochs", "max_steps", "max_minutes", "snapshots", "batch_size",
     "schedule", "optimizer", "shuffle", "unicode_names", "precision", "compile",
     "checkpoint_minutes", "resume", "no_log"),
    TRAINING,
)  # fmt: skip


def parser() -> Parser:
    p = Parser(
        description=__doc__,
        usage="%(prog)s FUNCTION VARIANT CORPUS [options]",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_what(p)
    add_run(p.add_argument_group("the run (defaults: the course's)"))
    machine = p.add_argument_group("the machine")
    add_flags(machine, "device", "precision", "compile", "checkpoint_minutes", "resume")
    machine.add_argument("--no_log", action="store_true", help="no folder in runs/")
    return p


def add_what(p: Parser) -> None:
    """What to do, with which attention, and the files."""
    p.add_argument(
        "function", choices=tuple(FUNCTIONS), metavar="FUNCTION", help=", ".join(FUNCTIONS)
    )
    variants = keys("attention/__init__.py", "VARIANTS")
    p.add_argument(
        "variant", nargs="?", choices=variants, metavar="VARIANT", help=", ".join(variants)
    )
    p.add_argument(
        "pretrain_corpus_path",
        nargs="?",
        metavar="CORPUS",
        help="one document a line; it fixes the vocabulary",
    )
    p.add_argument("--reading_params_path", help="params to start from, or to evaluate")
    p.add_argument("--writing_params_path", help="where the trained params go")
    p.add_argument("--finetune_corpus_path", help="questions with places: question, tab, place")
    p.add_argument("--eval_corpus_path", help="questions, with places or without")
    p.add_argument("--outputs_path", help="where the predictions go, one a line")
    p.add_argument(
        "--report",
        action="store_true",
        help="evaluate: also write what src/report.py makes a page of, to <outputs_path>.jsonl",
    )
    p.add_argument(
        "--pretrained_params_path",
        help="evaluate --report: the params before finetuning, which recall better what they know",
    )


def add_run(run) -> None:
    """Flags that say what a run trains, on what and how long."""
    add_flags(run, "seed")
    run.add_argument(
        "--recipe",
        choices=keys("recipes.py", "RECIPES"),
        default="course",
        help="what the run trains on, with what, for how long (default: course)",
    )
    run.add_argument(
        "--reader",
        choices=READERS,
        help="what reads the documents for our recipes: a small ranker, in a second "
        "(default), or the course's own network, in minutes",
    )
    add_flags(run.add_mutually_exclusive_group(), "max_epochs", "max_steps", "max_minutes")
    add_flags(run, "snapshots", "batch_size")
    for function in ("pretrain", "finetune"):
        run.add_argument(
            f"--{function}_lr", type=number_in_range("learning_rate"), metavar="X",
            help=f"{function}: the highest learning rate",
        )  # fmt: skip
    add_flags(run, "schedule", "optimizer", "shuffle")
    run.add_argument(
        "--unicode_names", action="store_true", default=None, help="keep letters beyond ASCII"
    )
    add_sizes(run)


def add_sizes(run) -> None:
    """Flags that say what the model is."""
    size_of_model = whole(1, literal("params.py", "LARGEST"))
    for name, size in literal("model.py", "COURSE_SIZES").items():
        run.add_argument(f"--{name}", type=size_of_model, help=f"{size}, or the params' own")
    positions = literal("attention/registry.py", "POSITIONS")
    run.add_argument("--positions", choices=positions, help="the variant's, or the params' own")
    run.add_argument(
        "--bottleneck_dim", type=size_of_model, help="of a perceiver: 32, or the params' own"
    )


def help_of(function: str) -> str:
    """The help of one function: the options that it reads."""
    p = parser()
    p.description, p.usage = FUNCTIONS[function], f"{p.prog} {function} VARIANT CORPUS [options]"
    for action in p._actions:
        if action.dest == "function" or function not in ONLY.get(action.dest, FUNCTIONS):
            action.help = argparse.SUPPRESS
    return p.format_help()


def main(argv: list[str] | None = None) -> None:
    words = sys.argv[1:] if argv is None else argv
    functions = [word for word in words[:1] if word in FUNCTIONS]
    if functions and {"-h", "--help"} & set(words):
        print(help_of(functions[0]), end="")
        return
    args = parser().parse_args(words)
    if args.function != "evaluate":
        missing = [name for name, value in (("VARIANT", args.variant),
                                            ("CORPUS", args.pretrain_corpus_path)) if not value]
        if missing:
            raise UserError(f"{args.function} needs {' and '.join(missing)}; give it")
    if args.pretrained_params_path and not (args.function == "evaluate" and args.report):
        raise UserError(
            "--pretrained_params_path serves `evaluate --report` alone; params to start from are "
            "given by --reading_params_path"
        )
    with importing():
        import experiment  # and torch with it, which takes more than a second
    experiment.start(args)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
