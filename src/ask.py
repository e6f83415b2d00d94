"""Ask a model where people were born: at a prompt, or a name a line from a pipe.

    python src/ask.py
    python src/ask.py Ada Lovelace
    python src/ask.py wiki.txt --reading_params_path vanilla.finetune.params

Without --reading_params_path it asks the model in this folder (the quickstart writes one), or the
one that comes with the project. For each name it shows the answer, how sure the model is, its
second choice, and the sentence of the corpus that mentions the answer. A whole question may be
given too. At the prompt, arrow keys bring back earlier names and the tab key completes names;
`help` explains, and `quit`, an empty line or Ctrl-D ends.
"""

if __name__ == "__main__":  # before the imports that take seconds
    from base.interrupts import end_quietly

    end_quietly()

import argparse
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Sequence

from base.cli import Parser, check_choice
from base.errors import UserError, errors_are_sentences
from base.interrupts import importing

PROMPT = "name> "
HELP = """Type a name, such as {name}, or a whole question. You see
  the answer, and how sure the model is that it is right;
  its second choice;
  the sentence of the corpus that mentions the answer. Without one, the answer is a guess.
The tab key completes names, the arrow keys bring back earlier lines.
help  shows this; quit  ends (so do an empty line and Ctrl-D)."""


def answer(source, line: str):
    """The Answer to a name or question, from `source` (answers.evidence.Answers).

    Raises UserError for characters that the model cannot read, or too many of them.
    """
    from answers.predict import check_readable
    from base.questions import question_about

    question = question_about(line)
    check_readable(question, repr(line), source.dataset.stoi, source.model.max_length)
    (row,) = source.details([question])
    return row


def in_words(row, names: Sequence[str] = ()) -> str:
    """An Answer as a person reads it. A stranger's name may be a misspelling of one of `names`."""
    from base.questions import person

    evidence, name = row.evidence, person(row.question)
    confidence = f"{row.confidence:.0%} sure" + ("" if row.calibrated else ", uncalibrated")
    guess = f"{row.answer or '(nothing)'} ({confidence})"
    if row.accepted is False:
        guess = f"I don't know; my guess would be {guess}"
    lines = [f"{name}: {guess}"]
    if row.signals.runner_up:
        lines.append(f"second choice: {row.signals.runner_up}")
    if evidence.in_finetuning_answers:
        lines.append("one of the places that finetuning taught as answers")
    source = evidence.provenance
    if source:
        lines.append(f"line {source.line} of the corpus mentions it: {source.sentence}")
    elif evidence.document_line:
        where = f"line {evidence.document_line} of the corpus is about this person"
        lines.append(f"{where} and does not mention it: this is a guess")
    elif evidence.name_in_corpus:
        lines.append("the corpus has this name only in documents on others: this is a guess")
    else:
        lines.append("not in the corpus: this is a guess")
        meant = alike(name, names)
        if meant:
            lines.append(f"did you mean {' or '.join(meant)}?")
    return "\n  ".join(lines)


def alike(name: str, names: Sequence[str]) -> list[str]:
    """The names that differ from this one in capitals only, or else up to two similar ones."""
    import difflib

    same = [each for each in names if each.casefold() == name.casefold()]
    if same:
        return same[:2]
    folded = {each.casefold(): each for each in names}
    return [folded[each] for each in difflib.get_close_matches(name.casefold(), folded, 2, 0.8)]


def titles(documents: Sequence[str]) -> list[str]:
    """The people that documents are about, each once."""
    from training.salience import title_length

    titles = (document[: title_length(document)] for document in documents)
    return list(dict.fromkeys(title for title in titles if title))


# ---------------------------------------------------------------------------------------------
# The conversation
# ---------------------------------------------------------------------------------------------


def complete(text: str, names: Sequence[str]) -> list[str]:
    """What a line may be completed to: names, or questions about them, in any capitals."""
    head = text[:10] if text[:10].casefold() == "where was " else ""
    start, tail = text[len(head) :].casefold(), " born?" if head else ""
    return [head + name + tail for name in names if name.casefold().startswith(start)]


def edit_lines(names: Sequence[str]) -> bool:
    """Give `input` arrow keys, a history and completion, where Python has readline (Windows has
    none). Returns whether it has."""
    try:
        import readline
    except ImportError:
        return False

    def completer(text: str, state: int) -> str | None:
        return (complete(text, names)[state : state + 1] or [None])[0]

    readline.set_completer_delims("")
    readline.set_completer(completer)
    apple = "libedit" in (getattr(readline, "__doc__", None) or "")
    readline.parse_and_bind("bind ^I rl_complete" if apple else "tab: complete")
    return True


def lines(stream, prompting: bool, names: Sequence[str] = ()) -> Iterator[str]:
    """Lines without their endings, empty ones left out. At a prompt, an empty line or `quit` is the
    end, and `help` is explained."""
    editing = prompting and stream is sys.stdin and edit_lines(names)
    while True:
        if editing:
            try:
                line = input(PROMPT) + "\n"
            except EOFError:
                line = ""
        else:
            if prompting:
                print(PROMPT, end="", flush=True)
            line = stream.readline()
        word = line.strip()
        if not line or (prompting and word.lower() in ("", "quit", "exit")):
            return
        if prompting and word.lower() in ("help", "?"):
            print(HELP.format(name=names[0] if names else "Ada Lovelace"))
        elif word:
            yield word


def converse(source, stream, prompting: bool, as_json: bool) -> bool:
    """Answer line by line; whether every line could be answered."""
    good, names = True, titles(source.corpus.documents)
    if prompting:
        print(HELP.format(name=names[0] if names else "Ada Lovelace"))
    for line in lines(stream, prompting, names):
        try:
            row = answer(source, line)
        except UserError as error:
            good = False
            print(json.dumps({"error": str(error)}) if as_json else f"error: {error}", flush=True)
            continue
        print(row.to_json() if as_json else in_words(row, names), flush=True)
    return good


def parser() -> Parser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument(
        "words", nargs="*", metavar="CORPUS or NAME",
        help="with --reading_params_path the corpus that the model was made of; without it a name "
        "or question to answer",
    )  # fmt: skip
    p.add_argument("--reading_params_path", help="the model: a params file")
    p.add_argument(
        "--pretrained_params_path",
        help="the params before finetuning, which recall better what they know",
    )
    p.add_argument(
        "--finetune_corpus_path", help="the training questions, to show which answers they taught"
    )
    p.add_argument("--variant", help="only for params files without a .json")
    p.add_argument("--device", default="auto", help="auto (default), cpu, cuda or mps")
    p.add_argument("--json", action="store_true", help="one JSON object a name, nothing else")
    return p


def corpus_and_line(args: argparse.Namespace) -> tuple[str | None, str | None]:
    """The path of the corpus and the line to answer, whichever of them the words are."""
    words = " ".join(args.words)
    if args.reading_params_path:
        if len(args.words) != 1:
            raise UserError(
                "with --reading_params_path, give the corpus that the model was made of, and the "
                "names on standard input"
            )
        return words, None
    if words and os.path.isfile(words):
        raise UserError(f"{words}: a corpus needs its model; give --reading_params_path as well")
    return None, words or None


def open_source(args: argparse.Namespace, corpus_path: str | None):
    """The answers.evidence.Answers that the arguments name."""
    with importing():
        import params
        from answers.evidence import open_answers
        from attention import VARIANTS
        from base.files import find_files, read_text
        from dataset import CharCorruptionDataset
        from training.config import DEVICES
        from training.device import pick_device

    check_choice("--variant", args.variant, VARIANTS)
    check_choice("--device", args.device, DEVICES)
    if corpus_path is None:
        files = params.default_model()
        corpus_path, args.reading_params_path = files.corpus, files.params
        args.pretrained_params_path = args.pretrained_params_path or files.pretrained
        print(f"asking {files.params}")
    paths = [corpus_path, args.finetune_corpus_path]
    corpus_path, *rest = find_files(*(path for path in paths if path))
    corpus = CharCorruptionDataset(read_text(corpus_path), 128, source=corpus_path)
    model = params.load_model(args.reading_params_path, corpus, args.variant)
    model.to(pick_device(args.device))
    return open_answers(
        model, corpus, args.reading_params_path,
        finetuning_path=rest[0] if rest else None,
        pretrained_path=args.pretrained_params_path,
    )  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    corpus_path, line = corpus_and_line(args)
    with contextlib.redirect_stdout(sys.stderr) if args.json else contextlib.nullcontext():
        source = open_source(args, corpus_path)
    if line is not None:
        if not converse(source, io.StringIO(line), False, args.json):
            sys.exit(2)
        return
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="replace")
    if sys.stdin is None:
        raise UserError("there is no input to read names from; give them on standard input")
    prompting = sys.stdin.isatty() and not args.json
    if not converse(source, sys.stdin, prompting, args.json):
        sys.exit(2)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
