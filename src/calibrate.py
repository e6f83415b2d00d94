"""Teach a model's confidence what it is worth, on people that its training did not ask about.

    python src/calibrate.py split birth_places_train.tsv --seen seen.tsv --held_out held_out.tsv
    python src/run.py finetune vanilla wiki.txt --reading_params_path pretrain.params \\
        --finetune_corpus_path seen.tsv --writing_params_path seen.params
    python src/calibrate.py fit wiki.txt held_out.tsv --seen seen.tsv \\
        --reading_params_path seen.params --pretrained_params_path pretrain.params \\
        --for_params finetune.params

`split` sets 200 of the training questions aside (none that is there twice, perhaps with another
place), the finetuning sees the others, and `fit` compares that model's confidence in its answers
about the 200 with what is right. What it finds stands in `finetune.params.calibration.json`, where
`run.py evaluate --report` and `ask.py` look for it when they answer with the final params. Where it
was fitted with `--pretrained_params_path`, they need that too. Where pretraining reads the training
questions as well, it must read seen.tsv on the way to `seen.params`.

Without --for_params, where seen.params are the final ones, `fit` also chooses a threshold with a
promise (answers/selective.py): with 90 % confidence, at most 5 % of the answers above it are wrong.
`ask.py` says "I don't know" below it, `evaluate --report` counts what is above. 400 held-out people
show it more often than 200 (`split --count 400`).
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import argparse
import os
import random
import typing
from collections import Counter

from base.cli import Parser, check_choice, whole
from base.errors import UserError, errors_are_sentences
from base.files import (
    check_outputs,
    find_files,
    read_text,
    read_text_and_digest,
    write_whole,
)
from base.interrupts import importing
from base.questions import load_rows, places_of

if typing.TYPE_CHECKING:  # torch takes seconds to import, and `--help` needs none of it
    from answers.answer import Answer

HELD_OUT = 200


def split(path: str, seen_path: str, held_out_path: str, count: int, seed: int) -> None:
    """Write `count` random rows of a file to one file and the others to another, in their order.

    A question that stands in several rows is never held out. Raises UserError where fewer rows
    than `count` + 1 are there, or too few questions of one row.
    """
    rows = load_rows(path, places=True)
    if not 0 < count < len(rows):
        raise UserError(f"{path}: has {len(rows)} rows; hold out fewer than that, and at least one")
    times = Counter(row.question for row in rows)
    single = [i for i, row in enumerate(rows) if times[row.question] == 1]
    if count > len(single):
        raise UserError(f"{path}: only {len(single)} questions stand once; hold out no more")
    chosen = set(random.Random(seed).sample(single, count))
    for target, wanted in ((held_out_path, True), (seen_path, False)):
        with write_whole(target) as file:
            file.writelines(f"{row}\n" for i, row in enumerate(rows) if (i in chosen) == wanted)
    print(f"{seen_path}: {len(rows) - count} rows; {held_out_path}: {count} rows")


def fit(args: argparse.Namespace, corpus_path: str, held_out_path: str, seen_path: str) -> dict:
    """Fit the confidence of the params' model on the held-out questions, write and return it.

    Raises UserError where a held-out question is among the seen ones, or the params' JSON says that
    they were trained on other questions than those.
    """
    with importing():
        from answers import confidence, selective
        from attention import VARIANTS
        from training.config import DEVICES

    check_choice("--variant", args.variant, VARIANTS)
    check_choice("--device", args.device, DEVICES)
    for_params = args.for_params or args.reading_params_path
    inputs = (args.reading_params_path, args.pretrained_params_path, for_params)
    inputs += (corpus_path, held_out_path, seen_path)
    check_outputs([confidence.calibration_path(for_params)], inputs)
    if not os.path.exists(for_params):
        raise UserError(f"{for_params}: no such file; --for_params names the params to answer with")
    rows = held_out_answers(args, corpus_path, held_out_path, seen_path)
    right, signals = [row.correct for row in rows], [row.signals for row in rows]
    calibration = confidence.fit(signals, right)
    if for_params == args.reading_params_path:
        calibration["promise"] = selective.promise(signals, right)
    confidence.write_calibration(calibration, for_params, bool(args.pretrained_params_path))
    report_fit(right, [row.confidence for row in rows], confidence.cross_fitted(signals, right))
    print(selective.in_words(calibration.get("promise")))
    weights = (f"{name} {calibration[name]:.3f}" for name in confidence.WEIGHTS)
    print(f"{', '.join(weights)}: {confidence.calibration_path(for_params)}")
    return calibration


def held_out_answers(
    args: argparse.Namespace, corpus_path: str, held_out_path: str, seen_path: str
) -> list["Answer"]:
    """The model's answers to the held-out questions. Raises UserError as `fit` does."""
    from answers.evidence import Answers, load_pretrained
    from answers.predict import answer_length, readable_rows
    from answers.provenance import Corpus
    from dataset import CharCorruptionDataset
    from params import load_model
    from training.device import pick_device

    corpus = CharCorruptionDataset(read_text(corpus_path), 128, source=corpus_path)
    model = load_model(args.reading_params_path, corpus, args.variant)
    held_out = readable_rows(read_text(held_out_path), held_out_path, corpus, model.max_length)
    questions, golds = [row.question for row in held_out], places_of(held_out)
    if golds is None:
        raise UserError(f"{held_out_path}: has no places; give rows of question, tab, place")
    seen_text, seen_digest = read_text_and_digest(seen_path)
    seen = readable_rows(seen_text, seen_path, corpus, model.max_length)
    check_apart(questions, held_out_path, [row.question for row in seen], seen_path)
    model.to(pick_device(args.device))
    check_unasked(args.reading_params_path, seen_path, seen_digest)
    pretrained = None
    if args.pretrained_params_path:
        check_unasked(args.pretrained_params_path, seen_path, seen_digest)
        pretrained = load_pretrained(args.pretrained_params_path, corpus, model)
    length = answer_length(args.reading_params_path)
    source = Answers(model, corpus, Corpus(""), pretrained=pretrained, length=length)
    return source.details(questions, golds)


def check_apart(held_out: list[str], held_out_path: str, seen: list[str], seen_path: str) -> None:
    """Raise UserError where a question held out is among the seen ones."""
    both = set(held_out) & set(seen)
    if both:
        raise UserError(
            f"{held_out_path}: {len(both)} of its questions stand in {seen_path} too "
            f"({min(both)!r}); hold out others (calibrate.py split)"
        )


def report_fit(right: list[bool], before: list[float], after: list[float]) -> None:
    """Print what the fit is worth: figures of the confidence before and after it."""
    from answers import metrics

    print(f"{sum(right)} of {len(right)} right", end="")
    for kind, confidences in (("before", before), ("after", after)):
        error = metrics.calibration_error(right, confidences)
        band, brier = metrics.calibration_band(confidences), metrics.brier(right, confidences)
        figures = f"calibration error {error:.3f} (band {band:.3f}), Brier {brier:.4f}"
        print(f"; {kind}: {figures}", end="")
    print(" (by fits on the other tenths)")


def check_unasked(params_path: str, seen_path: str, seen_digest: str) -> None:
    """Raise UserError where the params' JSON says that they were trained on other questions than
    those of `seen_path`, whose sha256 is `seen_digest`."""
    import params

    seen_in_training = params.read_description(params_path).get("questions_seen")
    if seen_in_training is None:
        print(f"{params_path}: its .json does not say which questions it was trained on")
    elif set(seen_in_training) - {seen_digest}:
        raise UserError(
            f"{params_path}: was trained on other questions than {seen_path}, perhaps those held "
            "out; pretrain and finetune it with that file"
        )


def parser() -> argparse.ArgumentParser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    one = commands.add_parser("split", help="set questions aside")
    one.add_argument("questions_path")
    one.add_argument("--seen", required=True, help="where the questions to finetune on go")
    one.add_argument("--held_out", required=True, help="where the questions set aside go")
    one.add_argument("--count", type=whole(), default=HELD_OUT)
    one.add_argument("--seed", type=whole(0, 2**32 - 1), default=0)
    two = commands.add_parser("fit", help="fit the confidence on the questions set aside")
    two.add_argument("pretrain_corpus_path")
    two.add_argument("held_out_path")
    two.add_argument("--seen", required=True, help="the questions that the params were trained on")
    two.add_argument("--reading_params_path", required=True, help="finetuned on the others")
    two.add_argument(
        "--pretrained_params_path",
        help="the params before finetuning, which recall better what they know",
    )
    two.add_argument("--for_params", help="the params it is for; --reading_params_path by default")
    two.add_argument("--variant", help="only for params files without a .json")
    two.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")
    return p


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.command == "split":
        (path,) = find_files(args.questions_path)
        check_outputs([args.seen, args.held_out], [path])
        split(path, args.seen, args.held_out, args.count, args.seed)
        return
    fit(args, *find_files(args.pretrain_corpus_path, args.held_out_path, args.seen))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
