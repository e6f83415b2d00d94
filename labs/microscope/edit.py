"""Give one person another birthplace: new params, in which one matrix is changed.

python labs/microscope/edit.py "Victoria Moore" "Lima" [--params P --corpus C --out edited.params]

`run.py evaluate`, `ask.py` and `explore.py` read the new params as they read the old ones. Without
paths it edits the model that comes with the project.
"""

import argparse
import random
import sys
from pathlib import Path

if __name__ == "__main__":  # started as a file: the project's root is not yet where Python looks
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))

import labs  # noqa: F401  (which knows where src/ is)
from base.cli import Parser, whole
from base.errors import UserError, errors_are_sentences
from base.files import ROOT, check_outputs, find_files, read_text
from base.source import literal

OTHERS = 200  # people who are asked before and after


def parser() -> Parser:
    shipped, best = ROOT / "data" / "model", literal("../labs/microscope/rome.py", "BEST_LAYER")
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("name", metavar="NAME", help="a person with a document in the corpus")
    p.add_argument("place", metavar="PLACE", help="the new birthplace")
    p.add_argument("--params", default=str(shipped / "model.params"), help="the model")
    p.add_argument("--corpus", default=str(shipped / "wiki.txt"), help="of its pretraining")
    p.add_argument("--out", default="edited.params", help="default: edited.params")
    p.add_argument("--layer", type=whole(), default=best,
                   help=f"whose matrix is changed, from 1 (default: {best})")  # fmt: skip
    return p


def check_words(name: str, place: str, corpus, dataset) -> None:
    """Raise UserError for a person or place that the model cannot have read."""
    if not place.strip():
        raise UserError("the new place is empty; give a place")
    for word in (name, place):
        missing = next((c for c in word if c not in dataset.stoi or dataset.stoi[c] < 2), None)
        if missing is not None:
            raise UserError(f"{word}: the character {missing!r} is not in the corpus; the model "
                            "has no way to read or write it")  # fmt: skip
    if not corpus.own_lines(name):
        raise UserError(f"{name}: nobody of this name has a document in the corpus")


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    check_outputs([args.out], (args.params, args.corpus))
    import torch

    from answers.predict import answer_length, predict
    from answers.provenance import Corpus
    from dataset import CharCorruptionDataset
    from labs.microscope.facts import Fact, contexts_of, prompt_of
    from labs.microscope.rome import (
        CONTEXTS,
        Edited,
        How,
        check_editable,
        corpus_rows,
        joined,
        moment_of,
        targets_of,
    )
    from params import load_model, read_description, save_params
    from training.salience import title_length

    (path,) = find_files(args.corpus)
    text = read_text(path)
    corpus, dataset = Corpus(text), CharCorruptionDataset(text, 128)
    model = load_model(args.params, dataset)
    check_editable(model, args.layer, args.params)
    check_words(args.name, args.place, corpus, dataset)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    torch.manual_seed(0)
    room = model.max_length - len(args.place) - 1
    if max(len(prompt_of(form, args.name)[0]) for form in How().forms) > room:
        raise UserError(f"{args.name}: name and place are too long for this model")
    titles = {document[: title_length(document)] for document in corpus.documents}
    others = sorted(title for title in titles if title and title != args.name)
    others = random.Random(0).sample(others, min(OTHERS, len(others)))
    others = [name for name in others if len(name) + 20 <= model.max_length]
    asked = [f"Where was {name} born?" for name in [args.name, *others]]
    length = max(answer_length(args.params), len(args.place) + 1)
    before = predict(model, dataset, asked, length)
    rows = corpus_rows(dataset, model.max_length)
    fact, layer = Fact(args.name, args.place), args.layer - 1
    answers = [Fact(*pair) for pair in zip(others, before[1:], strict=True) if pair[1]]
    contexts = contexts_of(corpus.documents, answers, CONTEXTS, args.name, room)
    targets = targets_of(model, layer, [fact], dataset.stoi, How(contexts=contexts))
    moment = moment_of(model, layer, rows, answers, dataset.stoi)
    with Edited(model, layer, moment, joined(targets)):
        after = predict(model, dataset, asked, length)
        if after[0] != args.place:
            raise UserError(f"an edit of layer {args.layer} does not reach: the answer becomes "
                            f"{after[0]!r}; try another --layer")  # fmt: skip
        about = read_description(args.params)
        edit = {"name": args.name, "place": args.place, "layer": args.layer}
        about["edits"] = [*about.get("edits", []), edit]
        about["answer_length"] = length
        save_params(model, args.out, about)
    same = sum(a == b for a, b in zip(before[1:], after[1:], strict=True))
    print(f"{args.name}: {before[0]} before, {after[0]} now")
    print(f"{same} of {len(others)} other people are answered as before")
    print(f"{args.out}: layer {args.layer} changed")


if __name__ == "__main__":
    with errors_are_sentences():
        main(sys.argv[1:])
