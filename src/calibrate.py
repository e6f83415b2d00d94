"""Teach a model's confidence what it is worth, on people that the finetuning did not see.

    python src/calibrate.py split birth_places_train.tsv --seen seen.tsv --held_out held_out.tsv
    python src/run.py finetune vanilla wiki.txt --reading_params_path pretrain.params \\
        --finetune_corpus_path seen.tsv --writing_params_path seen.params
    python src/calibrate.py fit wiki.txt held_out.tsv --reading_params_path seen.params \\
        --for_params finetune.params

`split` sets 200 of the training questions aside, the finetuning sees the others, and `fit`
compares that model's confidence in its answers about the 200 with what is right. What it finds
stands in `finetune.params.calibration.json`, where `run.py evaluate --report` and `ask.py` look
for it when they answer with the final params. Where pretraining reads the training questions too,
it must read seen.tsv on the way to `seen.params`.
"""

import argparse
import random

import confidence
import metrics
from dataset import CharCorruptionDataset
from evaluation import Answers, load_golds, load_model, load_questions
from files import (
    Parser,
    UserError,
    check_writable,
    errors_are_sentences,
    find_files,
    read_text,
    write_whole,
)
from provenance import Corpus

HELD_OUT = 200


def split(path: str, seen_path: str, held_out_path: str, count: int, seed: int) -> None:
    """Write `count` random rows of a file to one file and the others to another, in their order.

    Raises UserError where fewer rows than `count` + 1 are there.
    """
    rows = [line for line in read_text(path).split("\n") if line.strip()]
    if not 0 < count < len(rows):
        raise UserError(f"{path}: has {len(rows)} rows; hold out fewer than that, and at least one")
    chosen = set(random.Random(seed).sample(range(len(rows)), count))
    for target, wanted in ((held_out_path, True), (seen_path, False)):
        with write_whole(target) as file:
            file.writelines(row + "\n" for i, row in enumerate(rows) if (i in chosen) == wanted)
    print(f"{seen_path}: {len(rows) - count} rows; {held_out_path}: {count} rows")


def fit(corpus_path: str, held_out_path: str, params_path: str, for_params: str) -> dict:
    """Fit the confidence of the params' model on the held-out questions, write and return it."""
    corpus = CharCorruptionDataset(read_text(corpus_path), 128)
    model = load_model(params_path, corpus)
    questions = load_questions(held_out_path, corpus, model.max_length)
    golds = load_golds(held_out_path)
    if golds is None:
        raise UserError(f"{held_out_path}: has no places; give rows of question, tab, place")
    rows = Answers(model, corpus, Corpus("")).details(questions, golds)
    calibration = confidence.fit(rows) | {"params": params_path}
    confidence.write_calibration(calibration, confidence.calibration_path(for_params))
    right = [row["correct"] for row in rows]
    sure = [confidence.confidence(row, calibration) for row in rows]
    before = [row["confidence"] for row in rows]
    print(
        f"{sum(right)} of {len(right)} right; calibration error "
        f"{metrics.calibration_error(right, before):.3f} before, "
        f"{metrics.calibration_error(right, sure):.3f} after; "
        f"written to {confidence.calibration_path(for_params)}"
    )
    return calibration


def parser() -> argparse.ArgumentParser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = p.add_subparsers(dest="command", required=True)
    one = commands.add_parser("split", help="set questions aside")
    one.add_argument("questions_path")
    one.add_argument("--seen", required=True, help="where the questions to finetune on go")
    one.add_argument("--held_out", required=True, help="where the questions set aside go")
    one.add_argument("--count", type=int, default=HELD_OUT)
    one.add_argument("--seed", type=int, default=0)
    two = commands.add_parser("fit", help="fit the confidence on the questions set aside")
    two.add_argument("pretrain_corpus_path")
    two.add_argument("held_out_path")
    two.add_argument("--reading_params_path", required=True, help="finetuned on the others")
    two.add_argument("--for_params", help="the params it is for; --reading_params_path by default")
    return p


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.command == "split":
        (path,) = find_files(args.questions_path)
        for target in (args.seen, args.held_out):
            check_writable(target)
        split(path, args.seen, args.held_out, args.count, args.seed)
        return
    for_params = args.for_params or args.reading_params_path
    check_writable(confidence.calibration_path(for_params))
    paths = find_files(args.pretrain_corpus_path, args.held_out_path)
    fit(*paths, args.reading_params_path, for_params)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
