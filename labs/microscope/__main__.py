"""Where is a birthplace in the model, and can it be changed?

python -m labs.microscope where|edit|many [--params P --corpus C --questions F ...] [--out FOLDER]

where: parts of one person's pass are put into another's (activation patching).
edit:  one matrix is changed so that one person has a new birthplace, at every layer (ROME).
many:  1, 10, 100 and more edits at once at one layer (MEMIT): where does it break?

Each writes a table, a picture and its numbers to FOLDER. Without paths it takes the model and the
invented world that come with the project.
"""

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import ROOT, find_files, read_text, write_whole
from base.questions import load_rows, person
from dataset import CharCorruptionDataset
from labs.microscope import patching, study
from labs.microscope.facts import FORMS, Fact, knows
from params import load_model

MODEL = ROOT / "data" / "model"  # the model and its world that come with the project
COUNTS = (1, 3, 10, 30, 100, 300)
ROWS = 100  # of the corpus in a batch


def parser() -> argparse.ArgumentParser:
    p = Parser(prog="python -m labs.microscope", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("part", choices=("where", "edit", "many"), help="what is measured")
    p.add_argument("--params", default=str(MODEL / "model.params"), help="the model")
    p.add_argument("--corpus", default=str(MODEL / "wiki.txt"), help="what it was pretrained on")
    p.add_argument("--questions", nargs="+", default=[str(MODEL / "birth_dev.tsv")],
                   help="rows of question, tab, place: the people to ask about")  # fmt: skip
    p.add_argument("--people", type=int, default=100, help="pairs, or edits (default: 100)")
    p.add_argument("--layer", type=int, default=1, help="many: the layer, from 1 (default: 1)")
    p.add_argument("--position", choices=("last letter", "mask"), default="last letter",
                   help="where the edited layer is told apart (default: last letter)")  # fmt: skip
    p.add_argument("--out", type=Path, default=Path("runs/microscope"), help="the folder")
    return p


# -- what is asked ------------------------------------------------------------------------------


def facts_in(paths: list[str]) -> list[Fact]:
    """The people that the questions ask about. Raises UserError for a row without a place."""
    rows = [row for path in paths for row in load_rows(path, places=True)]
    return [Fact(person(row.question), row.place) for row in rows]


def open_world(args: argparse.Namespace) -> study.World:
    """The model and the people whom it answers rightly; its parameters are frozen."""
    corpus, *questions = find_files(args.corpus, *args.questions)
    dataset = CharCorruptionDataset(read_text(corpus), 128)
    model = load_model(args.params, dataset)
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    facts = facts_in(questions)
    readable = [f for f in facts if all(c in dataset.stoi for c in f.name + f.place)]
    known = knows(model, readable, "question", dataset.stoi).tolist()
    facts = [fact for fact, right in zip(readable, known, strict=True) if right]
    print(f"{args.params} answers {len(facts)} of {len(readable)} people rightly")
    if len({fact.place for fact in facts}) < 2:
        raise UserError(f"{args.params}: answers too few people to study; train it longer")
    return study.World(model, facts, dataset.stoi, corpus_rows(dataset, model.max_length))


def corpus_rows(dataset: CharCorruptionDataset, width: int) -> list[torch.Tensor]:
    """The documents as rows of at most `width` characters, ROWS at a time."""
    rows = [[dataset.stoi[c] for c in text[:width]] for text in dataset.data if text]
    padded = torch.tensor([row + [0] * (width - len(row)) for row in rows])
    return list(padded.split(ROWS))


# -- the three parts ------------------------------------------------------------------------------


def where(world: study.World, args: argparse.Namespace) -> dict:
    pairs = patching.pairs_of(world.facts, args.people)
    if not pairs:
        raise UserError("no two people have equally long names and different places")
    rows = []
    for (layer, part, place), (handed, shares) in patching.patch(
        world.model, pairs, world.stoi
    ).items():
        middle = sorted(shares)[len(shares) // 2]
        rows.append({"layer": layer + 1, "part": part, "positions": place,
                     "handed over": study.share(handed), "median share": round(middle, 3),
                     "count": sum(handed), "pairs": len(pairs)})  # fmt: skip
    return {"rows": rows, "columns": ["layer", "part", "positions", "handed over", "median share"]}


def row_of(outcome: study.Outcome) -> dict:
    """A table's row: shares with their intervals."""
    forms = {form: study.share(right) for form, right in outcome.generalisation.items()}
    return {"efficacy": study.share(outcome.efficacy)} | forms | {
        "others unchanged": study.share(outcome.specificity),
        "namesakes unchanged": study.share(outcome.near),
    }  # fmt: skip


OUTCOME = ["efficacy", *(form for form in FORMS if form != "question"), "others unchanged",
           "namesakes unchanged"]  # fmt: skip


def edit(world: study.World, args: argparse.Namespace) -> dict:
    edits = study.new_places(world.facts)[: args.people]
    rows = []

    def heard(how: str, layer: int, outcome: study.Outcome) -> None:
        rows.append({"layer": layer + 1, "how": how} | row_of(outcome))
        print(f"layer {layer + 1}, {how}: {rows[-1]['efficacy']}", flush=True)

    study.run_layers(world, edits, args.position, range(len(world.model.blocks)), heard)
    return {"rows": rows, "columns": ["layer", "how", *OUTCOME]}


def many(world: study.World, args: argparse.Namespace) -> dict:
    if not 1 <= args.layer <= len(world.model.blocks):
        raise UserError(f"--layer {args.layer}: give 1 to {len(world.model.blocks)}")
    edits = study.new_places(world.facts)
    counts = [count for count in COUNTS if count <= len(edits)]
    rows = [{"edits": 0, "corpus loss": round(study.corpus_loss(world), 4)}]
    for count, outcome, loss in study.run_counts(
        world, edits[: counts[-1]], args.position, args.layer - 1, counts
    ):
        rows.append({"edits": count, "corpus loss": round(loss, 4)} | row_of(outcome))
        print(f"{count} edits: {rows[-1]['efficacy']}", flush=True)
    return {"rows": rows, "columns": ["edits", *OUTCOME, "corpus loss"]}


def markdown(result: dict) -> str:
    """The rows as a table of Markdown."""
    columns = result["columns"]
    lines = [columns, ["---"] * len(columns)]
    lines += [[str(row.get(column, "-")) for column in columns] for row in result["rows"]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PARTS: dict[str, Callable] = {"where": where, "edit": edit, "many": many}


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.people < 1:
        raise UserError(f"--people {args.people}: give at least 1")
    torch.manual_seed(0)
    world = open_world(args)
    result = PARTS[args.part](world, args)
    args.out.mkdir(parents=True, exist_ok=True)
    with write_whole(str(args.out / f"{args.part}.json")) as file:
        json.dump(result["rows"], file, indent=1)
        file.write("\n")
    with write_whole(str(args.out / f"{args.part}.md")) as file:
        file.write(markdown(result))
    print(markdown(result), end="")
    if args.part == "where":
        from labs.microscope.plots import draw_where

        draw_where(result["rows"], args.out / "where")


if __name__ == "__main__":
    with errors_are_sentences():
        main(sys.argv[1:])
