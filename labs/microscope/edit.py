"""Give one person another birthplace: new params, in which one matrix is changed.

python labs/microscope/edit.py "Victoria Moore" "Lima" [--params P --corpus C --out edited.params]

`run.py evaluate`, `ask.py` and `explore.py` read the new params as they read the old ones. Without
paths it edits the model that comes with the project. To edit a second person as well, give the
edited params: --params edited.params --out both.params.
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
    from ask import alike, titles

    if not place:
        raise UserError("the new place is empty; give a place")
    for word in (name, place):
        missing = next((c for c in word if c not in dataset.stoi or dataset.stoi[c] < 2), None)
        if missing is not None:
            raise UserError(f"{word}: the character {missing!r} is not in the corpus; the model "
                            "has no way to read or write it")  # fmt: skip
    if not corpus.own_lines(name):
        meant = " or ".join(alike(name, titles(corpus.documents)))
        raise UserError(f"{name}: nobody of this name has a document in the corpus"
                        + (f"; did you mean {meant}?" if meant else ""))  # fmt: skip


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    args.name, args.place = args.name.strip(), args.place.strip()
    check_outputs([args.out], (args.params, args.corpus))
    import torch

    from answers.predict import answer_length, predict
    from answers.provenance import Corpus
    from dataset import CharCorruptionDataset
    from labs.microscope.facts import Fact
    from labs.microscope.rome import Edited, check_editable
    from params import load_model

    (path,) = find_files(args.corpus)
    text = read_text(path)
    corpus, dataset = Corpus(text), CharCorruptionDataset(text, 128)
    model = load_model(args.params, dataset)
    check_editable(model, args.layer, args.params)
    check_words(args.name, args.place, corpus, dataset)
    check_room(args.name, args.place, model)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    torch.manual_seed(0)
    others = sample_of_others(args.name, corpus, model.max_length)
    questions = [f"Where was {name} born?" for name in [args.name, *others]]
    length = max(answer_length(args.params), len(args.place) + 1)
    before = predict(model, dataset, questions, length)
    fact = Fact(args.name, args.place)
    answers = [Fact(*pair) for pair in zip(others, before[1:], strict=True) if pair[1]]
    moment, targets = edit_of(fact, args.layer - 1, answers, model, corpus, dataset)
    with Edited(model, args.layer - 1, moment, targets):
        after = predict(model, dataset, questions, length)
        if after[0] != args.place:
            raise UserError(f"an edit of layer {args.layer} does not reach: the answer becomes "
                            f"{after[0]!r}; try another --layer")  # fmt: skip
        save(model, args, length)
    same = sum(a == b for a, b in zip(before[1:], after[1:], strict=True))
    print(f"{args.name}: {before[0]} before, {after[0]} now")
    print(f"{same} of {len(others)} other people are answered as before")
    print(f"{args.out}: layer {args.layer} changed")


def check_room(name: str, place: str, model) -> None:
    """Raise UserError where name and place do not fit into the model's block."""
    from labs.microscope.facts import prompt_of
    from labs.microscope.rome import How

    longest = max(len(prompt_of(form, name)[0]) for form in How().forms)
    if longest > room_for(place, model):
        raise UserError(f"{name}: name and place are too long for this model")


def room_for(place: str, model) -> int:
    """Positions that are left before the place."""
    return model.max_length - len(place) - 1


def sample_of_others(name: str, corpus, max_length: int) -> list[str]:
    """People whose answers should stay as they are: OTHERS at most, always the same ones."""
    from ask import titles

    others = sorted(set(titles(corpus.documents)) - {name})
    others = random.Random(0).sample(others, min(OTHERS, len(others)))
    return [name for name in others if len(name) + 20 <= max_length]


def edit_of(fact, layer: int, answers: list, model, corpus, dataset) -> tuple:
    """The moment and the targets (rome.py) of an edit that leaves `answers` as they are."""
    from labs.microscope.facts import contexts_of
    from labs.microscope.rome import CONTEXTS, How, corpus_rows, joined, moment_of, targets_of

    rows, room = corpus_rows(dataset, model.max_length), room_for(fact.place, model)
    contexts = contexts_of(corpus.documents, answers, CONTEXTS, fact.name, room)
    targets = targets_of(model, layer, [fact], dataset.stoi, How(contexts=contexts))
    return moment_of(model, layer, rows, answers, dataset.stoi), joined(targets)


def save(model, args: argparse.Namespace, length: int) -> None:
    """Write the edited model; its description lists the edit."""
    from params import read_description, save_params

    about = read_description(args.params)
    edit = {"name": args.name, "place": args.place, "layer": args.layer}
    about["edits"] = [*about.get("edits", []), edit]
    about["answer_length"] = length
    save_params(model, args.out, about)


if __name__ == "__main__":
    with errors_are_sentences():
        main(sys.argv[1:])
