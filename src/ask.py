"""Ask a model where people were born: at a prompt, or a name a line from a pipe.

python src/ask.py       asks the model of the folder one is in, or the one of the project
python src/ask.py --reading_params_path vanilla.finetune.params wiki.txt [--json]
    [--pretrained_params_path vanilla.pretrain.params]
    [--finetune_corpus_path birth_places_train.tsv]

For each name: the answer, its confidence, the runner-up, and the sentence of the corpus that it
could have come from. A whole question may be given too. An empty line or Ctrl-D ends the
conversation at a prompt.
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import argparse
import contextlib
import json
import sys
from collections.abc import Iterator

import params
from answers.evaluation import Answers, load_model, open_answers
from attention import VARIANTS
from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text
from base.questions import person, question_about
from dataset import CharCorruptionDataset, check_question
from training.config import DEVICES
from training.device import pick_device


def answer(source: Answers, line: str) -> dict:
    """The row (evaluation.Answers.details) for a name or question.

    Raises UserError for characters that the model cannot read, or too many of them.
    """
    question = question_about(line)
    check_question(question, source.dataset.stoi, repr(line))
    if len(question) + 2 > source.model.max_length:
        raise UserError(
            f"{line!r}: {len(question)} characters are more than the model reads, "
            f"{source.model.max_length - 2}; shorten it"
        )
    (row,) = source.details([question])
    return row


def in_words(row: dict) -> str:
    """A row as a person reads it."""
    sure = f"{row['confidence']:.0%} sure" + ("" if row["calibrated"] else ", uncalibrated")
    guess = f"{row['answer'] or '(nothing)'} ({sure})"
    if row["accepted"] is False:
        guess = f"I don't know; my guess would be {guess}"
    text = f"{person(row['question'])}: {guess}"
    if row["runner_up"]:
        text += f"\n  else: {row['runner_up']}"
    if row["in_finetuning_answers"]:
        text += "\n  one of the places that finetuning taught as answers"
    source = row["provenance"]
    if source:
        return f"{text}\n  line {source['line']} of the corpus: {source['sentence']}"
    if row["document_line"]:
        where = f"line {row['document_line']} of the corpus, on this person, does not say so"
    elif row["name_in_corpus"]:
        where = "in the corpus only in documents on others"
    else:
        where = "not in the corpus"
    return f"{text}\n  {where}: this is a guess"


def names(stream, prompting: bool) -> Iterator[str]:
    """Lines of `stream` without their endings: at a prompt up to an empty one, else all others."""
    while True:
        if prompting:
            print("name> ", end="", flush=True)
        line = stream.readline()
        if not line or (prompting and not line.strip()):
            return
        if line.strip():
            yield line.strip()


def converse(source: Answers, stream, prompting: bool, as_json: bool) -> bool:
    """Answer line by line; whether every line could be answered."""
    good = True
    for line in names(stream, prompting):
        try:
            row = answer(source, line)
        except UserError as error:
            good = False
            print(json.dumps({"error": str(error)}) if as_json else f"error: {error}", flush=True)
            continue
        if as_json:
            print(json.dumps(row, ensure_ascii=False), flush=True)
        else:
            print(in_words(row), flush=True)
    return good


def main(argv: list[str] | None = None) -> None:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("pretrain_corpus_path", nargs="?", help="what the model read")
    p.add_argument("--reading_params_path", help="the model")
    p.add_argument(
        "--pretrained_params_path",
        help="the params before finetuning, which recall better what they know",
    )
    p.add_argument("--finetune_corpus_path", help="to tell which answers the finetuning gave")
    p.add_argument("--variant", choices=tuple(VARIANTS), help="where the params do not tell")
    p.add_argument("--device", choices=DEVICES, default="auto")
    p.add_argument("--json", action="store_true", help="one JSON object a name, nothing else")
    args = p.parse_args(argv)
    if not args.pretrain_corpus_path and not args.reading_params_path:
        files = params.default_model()
        args.pretrain_corpus_path, args.reading_params_path = files.corpus, files.params
        args.pretrained_params_path = args.pretrained_params_path or files.pretrained
    elif not (args.pretrain_corpus_path and args.reading_params_path):
        raise UserError("give both the corpus and --reading_params_path, or neither of them")
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        paths = [args.pretrain_corpus_path, args.finetune_corpus_path]
        corpus_path, *rest = find_files(*(path for path in paths if path))
        corpus = CharCorruptionDataset(read_text(corpus_path), 128)
        model = load_model(args.reading_params_path, corpus, args.variant)
        model.to(pick_device(args.device))
        source = open_answers(
            model, corpus, args.reading_params_path,
            finetuning_path=rest[0] if rest else None,
            pretrained_path=args.pretrained_params_path,
        )  # fmt: skip
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    if not converse(source, sys.stdin, sys.stdin.isatty() and not args.json, args.json):
        sys.exit(2)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
