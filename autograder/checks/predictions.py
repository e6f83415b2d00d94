"""Parts d, f and g: predictions and params, and whether the ones come from the others."""

import contextlib
import re

from grading import Grading
from sandbox import Outcome
from verdicts import Failed, NotRun, check
from weights import pair_names

SPLITS = ("dev", "test")
INPUTS = {"dev": "birth_dev.tsv", "test": "birth_test_inputs.tsv"}
PAD = "\u25a1"


def model_of(grading: Grading, model: str) -> dict:
    return grading.settings["models"][model]


def rows_of(grading: Grading, name: str, split: str) -> list[str]:
    """The predictions in the submitted file `name`, one for each question."""
    try:
        text = grading.need(name).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise Failed(f"{name} is UTF-8 text", "it is not",
                     cause=f"{name} is no UTF-8 text; write it with encoding='utf-8'") from None
    rows = [row.rstrip("\r") for row in text.split("\n")]
    if rows and rows[-1] == "":
        rows.pop()
    wanted = len(grading.world.questions(split))
    if len(rows) > wanted and not any(row.strip() for row in rows[wanted:]):
        grading.note(f"blank lines at the end of {name} were not counted")
        rows = rows[:wanted]
    if len(rows) != wanted:
        raise Failed(f"{wanted} lines in {name}, one for each question of {INPUTS[split]}",
                     f"{len(rows)} lines",
                     cause=f"{name} has {len(rows)} lines for {wanted} questions")  # fmt: skip
    return rows


def answer(row: str) -> str:
    """A prediction without the padding that some programs leave behind it."""
    return row.split(PAD)[0].strip()


@check
def files(grading: Grading, model: str) -> str:
    """Params and predictions are there, with one line a question.

    Why: a missing line moves all answers after it to other questions.
    """
    entry = model_of(grading, model)
    grading.need(entry["params"])
    for split in SPLITS:
        rows_of(grading, entry[split], split)
    return ", ".join(entry[name] for name in ("params", *SPLITS))


@check
def source_files(grading: Grading) -> str:
    """The course's modules are there and can be imported.

    Why: what cannot be imported fails every check that runs it, and here you read the reason first.
    """
    shown = [grading.run_py()]
    for module in grading.layout.modules:
        shown.append(grading.layout.shown(module))
        name = grading.layout.import_name(module)
        grading.once(("import", module), lambda m=module, n=name: grading.import_module(m, n))
    return ", ".join(shown)


@check
def params_variant(grading: Grading, model: str) -> str:
    """The params have the shapes of the claimed variant's tensors, and finite values.

    Why: the params are what the predictions are made with. Nothing in the file is run: it must be a
    state_dict that torch.load(weights_only=True) reads. Foreign names are translated by the edition
    or, where the shapes fit, by shape.
    """
    entry = model_of(grading, model)
    variant, name = entry["variant"], entry["params"]
    shapes = grading.reference.data["shapes"]
    if variant not in shapes:
        raise NotRun(f"the reference has no variant {variant}")
    data = readable(grading, name)
    found, wanted = data["shapes"], shapes[variant]
    pairs = pair_names(wanted, found, grading.settings["variants"][variant].get("names", []))
    foreign = {n for other in shapes.values() for n in other} - wanted.keys()
    for key in wanted:
        if key not in pairs:
            raise Failed(f"{name} holds a {variant} model: {key} of shape {wanted[key]}",
                         f"shape {found[key]}" if key in found else looks_like(found, shapes))
    if strange := sorted((foreign & found.keys()) - set(pairs.values())):
        raise Failed(f"{name} holds a {variant} model", f"it also has {strange[0]}")
    if infinite := [key for key in data["infinite"] if key in pairs.values()]:
        raise Failed("finite weights", f"{infinite[0]} has infinities or NaN")
    return f"{name} holds a {variant} model of {len(wanted)} tensors"


def readable(grading: Grading, name: str) -> dict:
    """Names, shapes and finiteness of a submitted params file. Raises Failed where it cannot be
    read, always with the same cause."""

    def read() -> dict:
        outcome = grading.trusted("params", {"path": name}, {name: grading.need(name)})
        if outcome.failure:
            why = outcome.failure.removeprefix("ValueError: ").split(" (reading ")[0]
            why = why.splitlines()[0][:300]
            raise Failed(f"{name} is a state_dict that torch.load(weights_only=True) reads", why,
                         cause=f"{name} cannot be read: {why}")  # fmt: skip
        for note in outcome.data["notes"]:
            grading.note(f"{name}: {note}")
        return outcome.data

    return grading.once(("readable", name), read)


def looks_like(found: dict, shapes: dict) -> str:
    """What a file with other names probably holds."""
    for variant, names in shapes.items():
        if names.keys() <= found.keys():
            return f"no such tensor: the file holds a {variant} model"
    return f"no such tensor; the file has {', '.join(list(found)[:4])}, ..."


# -- do the params give the predictions? --------------------------------------------------------


def sampled(grading: Grading, split: str) -> list[int]:
    """The questions that are asked again: the same for everybody, spread over the file."""
    total, count = len(grading.world.questions(split)), grading.settings["sample"]
    return sorted({(2 * i + 1) * total // (2 * count) for i in range(count)})


def question_file(grading: Grading, split: str, chosen: list[int]) -> bytes:
    """The sampled questions in the form of the course's file, without the right answers."""
    questions = grading.world.questions(split)
    end = "\tLondon" if split == "dev" else ""
    return "".join(f"{questions[i]}{end}\n" for i in chosen).encode()


def agreement(grading: Grading, split: str, rows: dict[int, str], other: list[str], who: str
              ) -> list[bool]:  # fmt: skip
    """Which of the submitted `rows` (by number) say the same as `other`. Raises Failed unless
    enough of them do."""
    same = [answer(row) == answer(b) for row, b in zip(rows.values(), other, strict=True)]
    share = sum(same) / len(same)
    if share < grading.settings["agreement"]:
        place = same.index(False)
        i = list(rows)[place]
        raise Failed(f"{who} gives the submitted predictions again, in "
                     f"{grading.settings['agreement']:.0%} of the {len(same)} rows asked",
                     f"{share:.0%}; submitted {rows[i]!r}, now {other[place]!r}",
                     on=f"row {i + 1} of {INPUTS[split]}: {grading.world.questions(split)[i]}")
    return same


def shown(found: dict[str, list[bool]]) -> str:
    return ", ".join(f"{split} {sum(same) / len(same):.0%}" for split, same in found.items())


@check
def reproduced(grading: Grading, model: str) -> str:
    """The submission's own `run.py evaluate`, with the submitted params, gives the predictions
    again, for a sample of the questions.

    Why: predictions must come from the code and the params that were handed in.
    """
    found = {split: reproduced_split(grading, model, split) for split in SPLITS}
    return f"run.py evaluate agrees with the submitted predictions: {shown(found)}"


def reproduced_split(grading: Grading, model: str, split: str) -> list[bool]:
    key = ("reproduced", model, split)
    return grading.once(key, lambda: reproduce(grading, model_of(grading, model), split))


def reproduce(grading: Grading, entry: dict, split: str) -> list[bool]:
    params = grading.need(entry["params"])
    rows, chosen = rows_of(grading, entry[split], split), sampled(grading, split)
    try:
        readable(grading, entry["params"])
    except Failed as failure:
        if "damaged" in failure.cause:  # anything else its own program may be able to read
            raise
    given = {
        entry["params"]: params,
        "wiki.txt": grading.world.data / "wiki.txt",
        INPUTS[split]: question_file(grading, split, chosen),
    }
    description = params.with_name(f"{params.name}.json")
    if description.is_file():
        given[description.name] = description
    argv = ["evaluate", entry["variant"], "wiki.txt", *flags(grading, entry["variant"]),
            "--reading_params_path", entry["params"],
            "--eval_corpus_path", INPUTS[split], "--outputs_path", entry[split]]  # fmt: skip
    args = {"argv": argv, "outputs": entry[split], "rows": len(chosen)}
    other = [str(row) for row in grading.ask("evaluate", args, files=given).data.get("rows", [])]
    if other and other[-1] == "":
        other.pop()
    if len(other) != len(chosen):
        raise Failed(f"run.py evaluate writes {len(chosen)} lines for {len(chosen)} questions",
                     f"{len(other)} lines", on=" ".join(argv))  # fmt: skip
    return agreement(grading, split, {i: rows[i] for i in chosen}, other, "run.py evaluate")


def flags(grading: Grading, variant: str) -> list[str]:
    return list(grading.settings["variants"][variant].get("flags", []))


@check
def confirmed(grading: Grading, model: str) -> str:
    """The course's own model, with the submitted params, gives the predictions too, in all rows.

    Why: no student code runs here, so no code can look the answers up.
    """
    found = {split: confirmed_split(grading, model, split) for split in SPLITS}
    return f"the course's model with these params agrees: {shown(found)}"


def confirmed_split(grading: Grading, model: str, split: str) -> list[bool]:
    """Which rows the course's model confirms. Raises Failed where they are too few."""
    entry = model_of(grading, model)
    if entry["variant"] not in grading.reference.data["models"]:
        raise NotRun(f"the reference has no variant {entry['variant']}")
    key = ("confirmed", model, split)
    return grading.once(key, lambda: confirm(grading, entry, split))


def confirm(grading: Grading, entry: dict, split: str) -> list[bool]:
    """With the prompts as they are or, for the test, with the newline that the course's own program
    leaves in them (its file of questions has no second column)."""
    rows = dict(enumerate(rows_of(grading, entry[split], split)))
    who = "the course's model with the submitted params"
    try:
        return agreement(grading, split, rows, ask_reference(grading, entry, split, ""), who)
    except Failed as failure:
        if split == "dev":
            raise
        other = ask_reference(grading, entry, split, "\n")
        with contextlib.suppress(Failed):
            return agreement(grading, split, rows, other, who)
        raise failure from None


def ask_reference(grading: Grading, entry: dict, split: str, end: str) -> list[str]:
    """What the course's model with the submitted params answers to every question + `end`."""
    given = {entry["params"]: grading.need(entry["params"]),
             "wiki.txt": grading.world.data / "wiki.txt"}  # fmt: skip
    args = {
        "path": entry["params"],
        "sizes": grading.settings["sizes"],
        "settings": grading.settings["variants"][entry["variant"]]["config"],
        "renames": grading.settings["variants"][entry["variant"]].get("names", []),
        "questions": [question + end for question in grading.world.questions(split)],
    }
    readable(grading, entry["params"])
    outcome = grading.trusted("reference_predictions", args, given)
    if outcome.failure:
        raise Failed(f"{entry['params']} loads into the course's {entry['variant']} model",
                     outcome.failure.splitlines()[0][:300])  # fmt: skip
    return outcome.data["answers"]


@check
def accuracy(grading: Grading, model: str, split: str, at_least: float = 0.0,
             right: int = 0) -> str:  # fmt: skip
    """Enough right answers, in rows that the submitted model really predicts.

    Why: this is what the assignment is about. Rows that the course's model, with the submitted
    params, answers otherwise do not count.
    """
    gold = grading.world.gold(split)
    if gold is None:
        raise NotRun("no test answers were given to the grader (grade.py --answers)")
    rows = rows_of(grading, model_of(grading, model)[split], split)
    correct = [answer(row) == place for row, place in zip(rows, gold, strict=True)]
    needed = max(right, at_least * len(gold))
    wanted = f"{at_least:.0%} right" if at_least else f"{right} right answer or more"
    if sum(correct) < needed:
        raise Failed(f"{wanted} on the {split} questions", right_of(sum(correct), len(gold)))
    count = right_and_proven(grading, model, split, correct)
    if count < needed:
        raise Failed(f"{wanted} on the {split} questions",
                     f"{right_of(count, len(gold))}, without the rows that the course's model with "
                     "the submitted params answers otherwise")  # fmt: skip
    return right_of(count, len(gold))


def right_of(count: int, total: int) -> str:
    return f"{count} of {total} right ({count / total:.1%})"


def right_and_proven(grading: Grading, model: str, split: str, correct: list[bool]) -> int:
    """How many `correct` rows the course's model with the submitted params gives too; all of them
    where the reference lacks the variant and the student's own program gives the sampled ones.
    Raises Failed where the predictions are not the submitted model's."""
    try:
        same = confirmed_split(grading, model, split)
    except NotRun:
        reproduced_split(grading, model, split)
        same = [True] * len(correct)
    except Failed as failure:
        if failure.cause:  # a file is missing or cannot be read: that is the reason
            raise
        raise Failed("right answers in predictions that the submitted params make",
                     f"{right_of(sum(correct), len(correct))}, but the course's model with these "
                     "params answers otherwise: see the check 'the params give the predictions'"
                     ) from None  # fmt: skip
    return sum(a and b for a, b in zip(correct, same, strict=True))


def accuracies(grading: Grading) -> dict[str, float | None]:
    """Dev and test accuracy of the leaderboard's model, where answers exist and predictions that
    the model makes; only rows that it makes count. Data that cannot be judged give none."""
    model = grading.settings["leaderboard"]
    found: dict[str, float | None] = dict.fromkeys(SPLITS)
    for split in SPLITS:
        gold = grading.world.gold(split)
        if gold is None:
            continue
        with contextlib.suppress(Exception):
            rows = rows_of(grading, model_of(grading, model)[split], split)
            correct = [answer(a) == b for a, b in zip(rows, gold, strict=True)]
            found[split] = right_and_proven(grading, model, split, correct) / len(gold)
    return found


# -- the baseline -------------------------------------------------------------------------------


@check
def london(grading: Grading) -> str:
    """london_baseline.py prints or writes how often "London" is right.

    Why: a model is worth something only if it beats the simplest answer. The questions come from a
    birth_dev.tsv that the grader has changed, so that no figure can be written down. It is called
    as the edition's handout calls it; where that fails, with the next of the edition's calls. The
    last number that it prints counts, or the last one in the file that it writes.
    """
    settings = grading.settings["baseline"]
    name = settings["file"]
    grading.layout.script(name)
    text, share = other_places(grading)
    given: dict = {"wiki.txt": grading.world.data / "wiki.txt"}
    for folder in ("", "data/", f"{grading.settings['code']['folder']}/"):
        given[f"{folder}birth_dev.tsv"] = text.encode()
    outcome = call_baseline(grading, settings, name, given)
    said = {"it printed": outcome.output}
    written = outcome.data.get("written", {})
    said |= {f"it wrote to {file}": str(written.get(file, "")) for file in settings["writes"]}
    for text in said.values():
        numbers = re.findall(r"\d+(?:\.\d+)?", text)
        last = float(numbers[-1]) if numbers else -1.0
        if abs(last - 100 * share) < 0.5 or abs(last - share) < 0.005:
            return 'it gives the share of answers that are "London", whatever the file'
    seen = "; ".join(f"{what} {text[-200:]!r}" for what, text in said.items() if text)
    raise Failed('the share of the questions in birth_dev.tsv whose answer is "London", as the '
                 "last number printed", seen or "it printed nothing",
                 on=f"python {name}, with other places in birth_dev.tsv")  # fmt: skip


def call_baseline(grading: Grading, settings: dict, name: str, given: dict) -> Outcome:
    """The baseline's answer to the first of the edition's calls that it takes. Raises the first
    call's Failed where it takes none."""
    failures = []
    shown = grading.layout.script_shown(name)
    for argv in settings["calls"]:
        args = {"argv": argv, "script": shown, "writes": settings["writes"]}
        try:
            outcome = grading.ask("london", args, about=name, files=given)
        except Failed as failure:
            failures.append(failure)
            if "sys.exit(2)" not in str(failure) and "IndexError" not in str(failure):
                break  # it does not ask for arguments
            continue
        if argv:
            grading.note(f"{name} was called with {' '.join(argv)}")
        return outcome
    raise failures[0]


def other_places(grading: Grading) -> tuple[str, float]:
    """The dev questions with another number of Londons, and their share."""
    questions, gold = grading.world.questions("dev"), grading.world.gold("dev")
    count = (gold.count("London") + len(gold) // 3) % len(gold)
    others = ["Paris" if place == "London" else place for place in gold]
    places = ["London"] * count + others[count:]
    rows = (f"{q}\t{place}\n" for q, place in zip(questions, places, strict=True))
    return "".join(rows), count / len(gold)
