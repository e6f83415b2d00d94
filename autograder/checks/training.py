"""Each phase of training as run.py begins it: settings, data, model. Nothing is trained."""

import contextlib
import math
import random

from grading import Grading
from sandbox import Outcome
from verdicts import Failed, NotRun, check
from weights import pair_names

from checks.attention import TOLERANCE, difference, example
from checks.predictions import flags

CORPUS_PATH, NAMES_PATH = "wiki.txt", "birth_places_train.tsv"
STATE = "model.state"  # runner.py writes it
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
    """run.py begins `phase` with the handout's epochs, batch size, learning rates and schedule, on
    the right data, with a model of the right sizes and, after pretraining, from the given params.

    Why: with other settings the accuracies cannot be compared, and a model that forgets what it
    was pretrained on has learnt nothing from it. run.py is stopped when its first step begins.
    """
    seen, fresh = begun(grading, phase, variant)
    for name, value in wanted_settings(grading, phase).items():
        allowed = value if isinstance(value, list) else [value]
        if not any(same(seen["settings"].get(name), one) for one in allowed):
            numbers = " or ".join(f"{one:.12g}" for one in allowed)
            raise Failed(f"{name} = {numbers}" + explained(grading, name, phase),
                         f"{seen['settings'].get(name)}",
                         on=f"run.py {phase.split()[0]} {variant}")  # fmt: skip
    compare_data(seen, phase.split()[0])
    compare_shapes(grading, seen, variant)
    if fresh is not None and (moved := forgotten(seen, fresh)):
        raise Failed("finetuning starts from the weights in --reading_params_path",
                     f"{moved} is not what the file holds")  # fmt: skip
    return ", ".join(f"{name} {seen['settings'][name]:.12g}" for name in seen["settings"])


def wanted_settings(grading: Grading, phase: str) -> dict:
    """What the edition wants of the phase; final_tokens in characters of the small corpus."""
    wanted = dict(grading.settings["phases"][phase])
    each = DOCUMENTS * grading.settings["sizes"]["block_size"]
    factor = wanted["final_tokens"]
    factors = factor if isinstance(factor, list) else [factor]
    return wanted | {"final_tokens": [number * each for number in factors]}


def begun(grading: Grading, phase: str, variant: str) -> tuple[dict, Outcome | None]:
    """What run.py would train in the phase, and the params that it was given to read, if any."""
    return grading.once(("begun", phase, variant), lambda: begin(grading, phase, variant))


def begin(grading: Grading, phase: str, variant: str) -> tuple[dict, Outcome | None]:
    if variant not in grading.reference.data["models"]:
        raise NotRun(f"the reference has no variant {variant}")
    fresh = fresh_params(grading, variant) if phase == "finetune" else None
    argv, given = command(grading, phase, variant, fresh)
    args = {"argv": argv, "settings": list(grading.settings["phases"][phase]), "trainer": None,
            "logits": fresh is not None}  # fmt: skip
    with contextlib.suppress(Failed):  # a program may have its Trainer elsewhere
        args["trainer"] = grading.layout.import_name("trainer")
    arrays = {"idx": fresh.arrays["idx"]} if fresh else None
    outcome = grading.ask("training", args, files=given, arrays=arrays, take=STATE)
    seen = outcome.data.get("seen", [])
    if len(seen) != 1:
        raise Failed("run.py trains a model", "it ended without training",
                     on=f"run.py {' '.join(argv)}",
                     cause=f"run.py {argv[0]} {variant} ends without training")  # fmt: skip
    return seen[0] | {"state": outcome.taken, "arrays": outcome.arrays}, fresh


def compare_data(seen: dict, function: str) -> None:
    """What would be trained on: the documents, or the questions, and all of them."""
    kind, count, source = ("CharCorruptionDataset", DOCUMENTS, "the corpus")
    if function == "finetune":
        kind, count, source = ("NameDataset", QUESTIONS, "--finetune_corpus_path")
    if kind not in seen["dataset"] or seen["examples"] != count:
        raise Failed(f"{function} trains on a {kind} of {source}, here {count} examples",
                     f"a {seen['dataset'][0]} of {seen['examples']} examples")  # fmt: skip


def explained(grading: Grading, name: str, phase: str) -> str:
    if name != "final_tokens":
        return ""
    factor = grading.settings["phases"][phase]["final_tokens"]
    block_size = grading.settings["sizes"]["block_size"]
    return (f" ({factor} * len(pretrain_dataset) * block_size, "
            f"here {factor} * {DOCUMENTS} * {block_size})")  # fmt: skip


def same(seen, wanted) -> bool:
    number = isinstance(seen, (int, float)) and math.isfinite(seen)
    return number and math.isclose(seen, wanted, rel_tol=1e-9)


def compare_shapes(grading: Grading, seen: dict, variant: str) -> None:
    """The model that would be trained has the variant's tensors, whatever their names."""
    wanted = {n: s for n, s in grading.reference.data["shapes"][variant].items()}
    vocabulary = len(set(corpus())) + 2
    for name in ("tok_emb.weight", "head.weight"):
        wanted[name] = [vocabulary, *wanted[name][1:]]
    pairs = pair_names(wanted, seen["shapes"], renames(grading, variant))
    for name, shape in wanted.items():
        if name not in pairs:
            own = seen["shapes"].get(name, "no such parameter")
            raise Failed(f"a {variant} model of the course's sizes: {name} of shape {shape}",
                         f"{own}")  # fmt: skip


def renames(grading: Grading, variant: str) -> list:
    """The edition's names for tensors of the variant, where they are not ours."""
    return grading.settings["variants"][variant].get("names", [])


def fresh_params(grading: Grading, variant: str) -> Outcome:
    """Random params of the variant for the small corpus, under the names that the submission's own
    model has (ours where it cannot be asked), and the logits that they give."""
    return grading.once(("fresh", variant), lambda: make_fresh(grading, variant))


def make_fresh(grading: Grading, variant: str) -> Outcome:
    try:
        own, _ = begun(grading, "pretrain", variant)
    except (Failed, NotRun):
        own = None
    args = {
        "path": "fresh.params",
        "from": STATE if own else None,
        "parameters": list(own["shapes"]) if own else [],
        "renames": renames(grading, variant),
        "sizes": grading.settings["sizes"],
        "settings": grading.settings["variants"][variant]["config"],
        "vocab_size": len(set(corpus())) + 2,
    }
    files = {STATE: own["state"]} if own else {}
    outcome = grading.trusted("fresh_params", args, files, take="fresh.params")
    if "absent" in outcome.data:  # it pretrains another model, which its own check says
        outcome = grading.trusted("fresh_params", args | {"from": None}, take="fresh.params")
    if outcome.failure:  # no code of the submission took part
        raise NotRun(f"the course's model could not be made here ({outcome.failure})")
    return outcome


def command(grading: Grading, phase: str, variant: str, fresh) -> tuple[list[str], dict]:
    """The handout's command for the phase, and the files that it names."""
    given: dict = {CORPUS_PATH: corpus().encode()}
    function = "pretrain" if phase == "pretrain" else "finetune"
    argv = [function, variant, CORPUS_PATH, *flags(grading, variant)]
    if fresh is not None:
        argv += ["--reading_params_path", READ]
        given[READ] = fresh.taken
    argv += ["--writing_params_path", WRITTEN]
    if function == "finetune":
        argv += ["--finetune_corpus_path", NAMES_PATH]
        given[NAMES_PATH] = names().encode()
    return argv, given


# -- which model is it? -------------------------------------------------------------------------


@check
def model_variant(grading: Grading, variant: str, base: str = "vanilla") -> str:
    """`run.py ... <variant>` builds that model, and `run.py ... vanilla` the one that was handed
    out: with the same weights they give the logits of the course's models.

    Why: a flag that nothing reads trains a vanilla model under another name. Both count only
    together, because a program in which the flag does nothing has one of them right. Where run.py
    does not reach its first step, GPT is built from its file with `mconf.<variant> = True`.
    """
    reports = []
    for name in (variant, base):
        if name not in grading.reference.data["models"]:
            raise NotRun(f"the reference has no variant {name}")
        try:
            seen, fresh = begun(grading, "finetune", name)
        except (Failed, NotRun):
            reports.append(compare_built(grading, name))
            continue
        if forgotten(seen, fresh):  # which another check says
            reports.append(compare_built(grading, name))
            continue
        reports.append(compare_logits(seen["arrays"].get("logits"), fresh.arrays["logits"], name,
                                      f"run.py finetune {name}"))  # fmt: skip
    return "; ".join(reports)


def forgotten(seen: dict, fresh: Outcome) -> str:
    """A tensor that is not what the params file holds from which finetuning should start; "" where
    there is none."""
    digests = fresh.data["digest"].items()
    return next((name for name, value in digests if seen["digest"].get(name) != value), "")


def compare_logits(seen, wanted, variant: str, how: str) -> str:
    gap = difference(seen, wanted, f"logits of the model of {how},")
    if not gap <= 10 * TOLERANCE:
        raise Failed(f"{how} builds the {variant} model",
                     f"logits differ by {gap:.1e} (relative); {example(seen, wanted)}",
                     on="the same loaded weights")  # fmt: skip
    return f"{how}: the {variant} model"


def compare_built(grading: Grading, variant: str) -> str:
    """The same for GPT(mconf), built directly."""
    wanted = grading.reference.group(f"model.{variant}.")
    args = dict(grading.reference.data["models"][variant])
    args["flag"] = next((k for k, v in args["settings"].items() if v is True), "")
    args["renames"] = renames(grading, variant)
    given = {n: a for n, a in wanted.items() if n == "idx" or "weight." in n}
    seen = grading.ask("model", args, about="model", arrays=given).arrays.get("logits")
    how = f"GPT(mconf), mconf.{args['flag']} = True," if args["flag"] else "GPT(mconf)"
    return compare_logits(seen, wanted["logits"], variant, how)
