"""Where is a birthplace in the model, and can it be changed?

python -m labs.microscope where|edit|many [--params P --corpus C --questions F ...] [--out FOLDER]

where: parts of one person's pass are put into another's (activation patching).
edit:  one matrix is changed so that one person has a new birthplace, at every layer (ROME).
many:  1, 10, ... 100 edits at once at one layer (MEMIT): where does it break?

Each writes a table, a picture and its numbers to FOLDER. Without paths it takes the model and the
invented world that come with the project.
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from base.cli import Parser, check_words, real, whole
from base.errors import UserError, errors_are_sentences
from base.files import ROOT, find_files, read_text, write_whole
from base.source import keys, literal

MODEL = ROOT / "data" / "model"  # the model and its world that come with the project
COUNTS = [1, 10, 20, 30, 50, 100]  # edits at once


def parser() -> argparse.ArgumentParser:
    folder = "../labs/microscope"
    forms, usual = keys(f"{folder}/facts.py", "FORMS"), literal(f"{folder}/rome.py", "EDIT_FORMS")
    best, contexts = (literal(f"{folder}/rome.py", name) for name in ("BEST_LAYER", "CONTEXTS"))
    p = Parser(prog="python -m labs.microscope", description=__doc__,
               formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("part", choices=("where", "edit", "many"), help="what is measured")
    p.add_argument("--params", default=str(MODEL / "model.params"), help="the model")
    p.add_argument("--corpus", default=str(MODEL / "wiki.txt"), help="what it was pretrained on")
    p.add_argument("--questions", nargs="+", default=[str(MODEL / "birth_dev.tsv")],
                   help="rows of question, tab, place: the people to ask about")  # fmt: skip
    p.add_argument("--people", type=whole(), default=100,
                   help="where, edit: pairs or edits (default: 100)")  # fmt: skip
    p.add_argument("--counts", nargs="+", type=whole(), default=COUNTS, metavar="N",
                   help="many: edits at once (default: 1, 10, 20, 30, 50, 100)")  # fmt: skip
    p.add_argument("--layer", type=whole(), default=best,
                   help=f"many: the layer, from 1 (default: {best})")  # fmt: skip
    p.add_argument("--forms", nargs="+", choices=forms, default=list(usual), metavar="FORM",
                   help=f"edit, many: what edits are made for, of {', '.join(map(repr, forms))} "
                   "(default: the first three)")  # fmt: skip
    p.add_argument("--contexts", type=whole(0), default=contexts, metavar="N",
                   help="edit, many: as many windows of other people's documents, of whose keys "
                   f"the mean gets a value too (default: {contexts})")  # fmt: skip
    p.add_argument("--holds", nargs="+", type=real(1e9, zero=True), default=[0.0], metavar="X",
                   help="many: how much what others' keys give counts against the edits; with 0 "
                   "they are exact where they can be (default: 0)")  # fmt: skip
    p.add_argument("--layers", nargs="+", type=whole(), metavar="N",
                   help="edit: which, from 1 (default: all)")  # fmt: skip
    p.add_argument("--tuned", type=whole(0), default=10, metavar="N",
                   help="edit: of the edits, those that are also made by training the matrix "
                   "(default: 10)")  # fmt: skip
    p.add_argument("--device", choices=("cpu", "cuda", "mps"), default="cpu")
    p.add_argument("--out", type=Path, default=Path("runs/microscope"), help="the folder")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch

from base.questions import load_rows, person
from dataset import CharCorruptionDataset
from labs.common.intervals import t_interval
from labs.common.plots import without_matplotlib
from labs.microscope import patching, rome, study
from labs.microscope.facts import FORMS, Fact, contexts_of, knows
from labs.microscope.plots import draw_edits, draw_many, draw_where
from params import load_model
from training.device import pick_device

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
    return study.World(model, facts, dataset.stoi, rome.corpus_rows(dataset, model.max_length),
                       dataset.data)  # fmt: skip


# -- the three parts ------------------------------------------------------------------------------


def where(world: study.World, args: argparse.Namespace) -> dict:
    pairs = patching.pairs_of(world.facts, args.people)
    if not pairs:
        raise UserError("no two people have equally long names and different places")
    rows = []
    for (layer, part, place), (handed, shares) in patching.patch(
        world.model, pairs, world.stoi
    ).items():
        rows.append({"layer": layer + 1, "part": part, "positions": place,
                     "handed over": study.share(handed), "mean share": mean_share(shares),
                     "share": round(statistics.mean(shares), 3),
                     "count": sum(handed), "pairs": len(pairs)})  # fmt: skip
    return {"rows": rows, "columns": ["layer", "part", "positions", "handed over", "mean share"]}


def mean_share(shares: list[float]) -> str:
    """"74 % (70 to 78)": the mean with its 95 % interval, where there is more than one."""
    mean = f"{round(100 * statistics.mean(shares))} %"
    if len(shares) < 2:
        return mean
    low, high = t_interval(shares)
    return f"{mean} ({round(100 * low)} to {round(100 * high)})"


def row_of(outcome: study.Outcome) -> dict:
    """A table's row: shares with their intervals; and the same as numbers, "right" of "asked"."""
    asked = {"efficacy": outcome.efficacy} | outcome.generalisation | {
        "others unchanged": outcome.specificity, "namesakes unchanged": outcome.near}  # fmt: skip
    return {name: study.share(right) for name, right in asked.items()} | {
        "loss": f"{statistics.mean(outcome.losses):.4f}" if outcome.losses else "-",
        "right": {name: sum(right) for name, right in asked.items()},
        "asked": {name: len(right) for name, right in asked.items()},
    }  # fmt: skip


OUTCOME = ["efficacy", *(form for form in FORMS if form != "question"), "others unchanged",
           "namesakes unchanged", "loss"]  # fmt: skip


def say(row: dict) -> None:
    """Print a row as soon as it is there."""
    print(*(f"{name} {value};" for name, value in row.items() if isinstance(value, str | int)),
          flush=True)  # fmt: skip


def before_edits(world: study.World, edits: list[Fact]) -> dict:
    """A table's first row: in which forms the model answers the people before they are edited."""
    known = {form: study.share([fact.name in world.known[form] for fact in edits])
             for form in FORMS}  # fmt: skip
    return known | {"efficacy": known["question"]}


def how_of(world: study.World, args: argparse.Namespace, edits: int) -> rome.How:
    """How so many edits are made; the contexts are of people who are not edited."""
    room = world.model.max_length - max(len(fact.place) for fact in world.facts) - 1
    longest = max((fact.name for fact in world.facts), key=len)
    others = world.facts[edits:]
    contexts = contexts_of(world.documents, others, args.contexts, longest, room)
    return rome.How(args.forms, contexts)


def edit(world: study.World, args: argparse.Namespace) -> dict:
    layers = args.layers or range(1, len(world.model.blocks) + 1)
    for layer in layers:
        rome.check_editable(world.model, layer, args.params)
    world = replace(world, known=study.known_in(world, world.facts[: args.people]))
    edits = study.new_places(world.facts)[: args.people]
    loss = study.corpus_loss(world.model, world.rows[:1])
    rows = [{"layer": "-", "how": "no edit (old place)"} | before_edits(world, edits)
            | {"loss": f"{loss:.4f}"}]  # fmt: skip
    how, by_layer = how_of(world, args, len(edits)), []
    settings = {"params": args.params, "edits": [[fact.name, fact.place] for fact in edits],
                "forms": args.forms, "contexts": args.contexts}  # fmt: skip

    def add(layer: int | str, how: str, outcomes: list[study.Outcome]) -> None:
        rows.append({"layer": layer, "how": how, "edits": len(outcomes)}
                    | row_of(study.pooled(outcomes)))  # fmt: skip
        say(rows[-1])

    for layer in layers:
        file = args.out / f"layer-{layer}.json"
        by_layer.append(study.kept(
            file, settings, lambda layer=layer: study.edit_all(world, layer - 1, edits, how)))
        add(layer, "rank-one edit", by_layer[-1])
        if args.tuned:
            file, few = args.out / f"tuned-{layer}.json", edits[: args.tuned]
            those = settings | {"edits": settings["edits"][: args.tuned]}
            add(layer, "training the matrix", study.kept(
                file, those, lambda layer=layer, few=few: study.tune_singly(world, layer - 1, few)))
    if len(by_layer) > 1:
        add("random", "rank-one edit", study.at_random(by_layer))
    return {"rows": rows, "columns": ["layer", "how", "edits", *OUTCOME]}


def many(world: study.World, args: argparse.Namespace) -> dict:
    rome.check_editable(world.model, args.layer, args.params)
    most = max(args.counts)
    world = replace(world, known=study.known_in(world, world.facts[:most]))
    edits = study.new_places(world.facts)[:most]
    counts = sorted(count for count in args.counts if count <= len(edits))
    if not counts:
        raise UserError(f"--counts: only {len(edits)} people can be edited")
    rows = [{"edits": "0 (old places)"} | before_edits(world, edits)
            | {"loss": f"{study.corpus_loss(world.model, world.rows[:1]):.4f}"}]  # fmt: skip
    how = how_of(world, args, counts[-1])
    for count, hold, outcome in study.run_counts(
        world, edits[: counts[-1]], how, args.layer - 1, counts, args.holds
    ):
        rows.append({"edits": count, "hold": f"{hold:g}"} | row_of(outcome))
        say(rows[-1])
    return {"rows": rows, "columns": ["edits", "hold", *OUTCOME]}


def markdown(result: dict) -> str:
    """The rows as a table of Markdown."""
    columns = result["columns"]
    lines = [columns, ["---"] * len(columns)]
    lines += [[str(row.get(column, "-")) for column in columns] for row in result["rows"]]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


PARTS: dict[str, Callable] = {"where": where, "edit": edit, "many": many}
DRAWN: dict[str, Callable] = {"where": draw_where, "edit": draw_edits, "many": draw_many}


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    if args.device != "cpu":
        torch.set_default_device(pick_device(args.device))
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
    try:
        DRAWN[args.part](result["rows"], args.out / args.part)
    except ImportError:
        without_matplotlib()


if __name__ == "__main__":
    with errors_are_sentences():
        main(sys.argv[1:])
