"""The settings of each phase, as run.py hands them to the Trainer. Nothing is trained."""

import math
import random

from grading import Grading
from verdicts import Failed, NotRun, check

from checks.predictions import flags

CORPUS_PATH, NAMES_PATH = "wiki.txt", "birth_places_train.tsv"
READ, WRITTEN = "pretrained.params", "written.params"
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ?.,"
DOCUMENTS, QUESTIONS = 61, 20


def corpus() -> str:
    """A small corpus in which every letter occurs; no newline at its end."""
    rng = random.Random(6)
    lines = ["".join(rng.choices(LETTERS, k=60)) for _ in range(DOCUMENTS - 1)]
    return "\n".join([LETTERS, *lines])


def names() -> str:
    rng = random.Random(7)
    people = ["".join(rng.choices(LETTERS[:52], k=9)) for _ in range(QUESTIONS)]
    return "".join(f"Where was {name} born?\tLondon\n" for name in people)


@check
def settings(grading: Grading, phase: str, variant: str) -> str:
    """Epochs, batch, rates, schedule and data of `phase`; model sizes; where training starts."""
    wanted = dict(grading.reference.data["phases"][phase])
    block_size = grading.settings["sizes"]["block_size"]
    wanted["final_tokens"] *= DOCUMENTS * block_size
    fresh = fresh_params(grading, variant)
    argv, given = command(grading, phase, variant, fresh)
    args = {"argv": argv, "settings": list(wanted)}
    seen = grading.ask("training", args, files=given).data.get("seen", [])
    if len(seen) != 1:
        raise Failed("run.py builds a Trainer and calls its train()", "it did not",
                     on=f"run.py {' '.join(argv)}")  # fmt: skip
    for name, value in wanted.items():
        if not same(seen[0]["settings"].get(name), value):
            raise Failed(f"{name} = {value:.12g}" + explained(name, block_size),
                         f"{seen[0]['settings'].get(name)}", on=f"run.py {' '.join(argv[:2])}")
    compare_data(seen[0], argv[0])
    compare_model(seen[0], fresh.data, READ in given, variant)
    return ", ".join(f"{name} {value:.12g}" for name, value in wanted.items())


def compare_data(seen: dict, function: str) -> None:
    """What would be trained on: the documents, or the questions, and all of them."""
    kind, count, source = ("CharCorruptionDataset", DOCUMENTS, "the corpus")
    if function == "finetune":
        kind, count, source = ("NameDataset", QUESTIONS, "--finetune_corpus_path")
    if kind not in seen["dataset"] or seen["examples"] != count:
        raise Failed(f"{function} trains on a {kind} of {source}, here {count} examples",
                     f"a {seen['dataset'][0]} of {seen['examples']} examples")  # fmt: skip


def explained(name: str, block_size: int) -> str:
    if name != "final_tokens":
        return ""
    return f" (200 * len(pretrain_dataset) * block_size, here 200 * {DOCUMENTS} * {block_size})"


def same(seen, wanted) -> bool:
    number = isinstance(seen, (int, float)) and math.isfinite(seen)
    return number and math.isclose(seen, wanted, rel_tol=1e-9)


def fresh_params(grading: Grading, variant: str):
    """Random params of the variant, of the course's sizes and the small corpus's characters."""
    if variant not in grading.reference.data["models"]:
        raise NotRun(f"the reference has no variant {variant}")
    args = {
        "path": "fresh.params",
        "sizes": grading.settings["sizes"],
        "settings": grading.settings["variants"][variant]["config"],
        "vocab_size": len(set(corpus())) + 2,
    }

    def make():
        outcome = grading.trusted("fresh_params", args, take="fresh.params")
        if outcome.failure:  # no code of the submission took part
            raise NotRun(f"the course's model could not be made here ({outcome.failure})")
        return outcome

    return grading.once(("fresh", variant), make)


def command(grading: Grading, phase: str, variant: str, fresh) -> tuple[list[str], dict]:
    """The handout's command for the phase, and the files that it names."""
    given: dict = {CORPUS_PATH: corpus().encode()}
    function = "pretrain" if phase == "pretrain" else "finetune"
    argv = [function, variant, CORPUS_PATH, *flags(grading, variant)]
    if phase == "finetune":
        argv += ["--reading_params_path", READ]
        given[READ] = fresh.taken
    argv += ["--writing_params_path", WRITTEN]
    if function == "finetune":
        argv += ["--finetune_corpus_path", NAMES_PATH]
        given[NAMES_PATH] = names().encode()
    return argv, given


def compare_model(seen: dict, fresh: dict, reads: bool, variant: str) -> None:
    """The model that would be trained: its variant, its sizes, the weights that it starts from."""
    for name, shape in fresh["shapes"].items():
        if seen["shapes"].get(name) != shape:
            raise Failed(f"a {variant} model of the course's sizes: {name} of shape {shape}",
                         f"{seen['shapes'].get(name, 'no such parameter')}")  # fmt: skip
    if not reads:
        return
    moved = [n for n, value in fresh["digest"].items() if seen["digest"].get(n) != value]
    if moved:
        raise Failed("finetuning starts from the weights in --reading_params_path",
                     f"{moved[0]} is not what the file holds")  # fmt: skip
