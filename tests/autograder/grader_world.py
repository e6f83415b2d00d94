"""A small world, submissions of the assignment in it built from this project's src/, and one
sandbox for all tests of the grader."""

import ast
import atexit
import dataclasses
import functools
import hashlib
import json
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from conftest import ROOT, run_script
from feedback import FAILED, Report
from grade import grade
from grader_patches import SAMPLE
from grading import HERE, Reference, World, compute_reference
from sandbox import MODES, Outcome, Sandbox, SandboxError

import utils
from answers.predict import load_questions, predict, write_predictions
from dataset import CharCorruptionDataset
from model import GPT, GPTConfig

SIZES = {"n_layer": 2, "n_head": 4, "n_embd": 32, "block_size": 128}
COURSE_SIZES = '{"n_layer": 4, "n_head": 8, "n_embd": 256, "block_size": 128}'
MODELS = {  # name in the settings -> (variant, params, stem of the predictions)
    "nopretrain": ("vanilla", "vanilla.model.params", "vanilla.nopretrain"),
    "pretrain": ("vanilla", "vanilla.finetune.params", "vanilla.pretrain"),
    "synthesizer": ("synthesizer", "synthesizer.finetune.params", "synthesizer.pretrain"),
}
INPUTS = {"dev": "birth_dev.tsv", "test": "birth_test_inputs.tsv"}
LIMITS = {"cpu_s": 8, "wall_s": 10, "most_s": 300, "memory_mb": 400, "file_mb": 64, "processes": 16}


def settings_of(edition: str, sizes: dict = SIZES) -> dict:
    """The shipped edition, for small models: fewer questions asked again."""
    settings = json.loads((HERE / "editions" / f"{edition}.json").read_text(encoding="utf-8"))
    return settings | {"sizes": sizes, "sample": SAMPLE, "limits": LIMITS}


def make_world(folder: Path) -> World:
    """200 people; the right answers are written by `set_gold`."""
    run_script("data/make_world.py", "--people", 200, "--out", folder).check_returncode()
    answers = folder / "hidden" / "birth_test.tsv"
    answers.parent.mkdir()
    shutil.move(folder / "birth_test.tsv", answers)
    return World(settings_of("2021"), folder, ROOT / "src", answers)


def copy_code(folder: Path, sizes: dict = SIZES) -> None:
    """This project's src/ and baseline, with the default sizes replaced."""
    ignore = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "src", folder / "src", ignore=ignore)
    shutil.copy(ROOT / "london_baseline.py", folder)
    model = folder / "src" / "model.py"
    code = model.read_text(encoding="utf-8")
    assert COURSE_SIZES in code
    model.write_text(code.replace(COURSE_SIZES, json.dumps(sizes)), encoding="utf-8")


def add_models(folder: Path, world: World, sizes: dict = SIZES) -> None:
    """Params of random weights, large enough to answer differently, and what they answer."""
    corpus = CharCorruptionDataset(world.corpus(), sizes["block_size"])
    for seed, (variant, params, stem) in enumerate(MODELS.values()):
        utils.set_seed(seed)
        model = GPT(GPTConfig(corpus.vocab_size, variant=variant, **sizes))
        for name, parameter in model.named_parameters():  # attention that matters
            parameter.data = torch.randn(parameter.shape) * (1.0 if ".attn." in name else 0.3)
        torch.save(model.state_dict(), folder / params)
        for split, name in INPUTS.items():
            questions = load_questions(str(world.data / name), corpus, model.max_length)
            answers = predict(model, corpus, questions)
            write_predictions(answers, str(folder / f"{stem}.{split}.predictions"))


def set_gold(folder: Path, world: World) -> None:
    """Right answers such that each model in `folder` knows some: the same world for all tests."""
    stems = [MODELS[name][2] for name in ("nopretrain", "pretrain", "synthesizer", "pretrain")]
    for split, path in (("dev", world.data / INPUTS["dev"]), ("test", world.answers)):
        answers = [(folder / f"{s}.{split}.predictions").read_text().split("\n") for s in stems]
        rows = []
        for i, question in enumerate(world.questions(split)):
            place = answers[i % 4][i].strip() if i % 8 < 4 else ""
            rows.append(f"{question}\t{place or 'London'}\n")
        path.write_text("".join(rows), encoding="utf-8")


def make_submission(folder: Path, world: World) -> None:
    """A correct submission, as collect_submission.sh would zip it."""
    copy_code(folder)
    add_models(folder, world)
    for name in ("wiki.txt", "birth_places_train.tsv", *INPUTS.values()):
        shutil.copy(world.data / name, folder)


class RememberingSandbox(Sandbox):
    """Asks the same question about the same code once: most patches leave most code as it was.

    What a probe's answer depends on are the files that are not code, and those programs that the
    probe's entry imports, directly or not.
    """

    def __init__(self, limits: dict, modes: tuple[str, ...] = MODES):
        self.answers: dict[str, Outcome] = {}
        super().__init__(limits, modes)

    def ask(self, probe, files, args, seed=1, arrays=None, take="", **limits):
        entry = args.get("script") or args.get("name") or args.get("module")
        entry = module(entry) if entry else None
        content = {
            name: source if isinstance(source, bytes) else Path(source).read_bytes()
            for name, source in files.items()
        }
        if entry is not None:
            programs = {module(n): text for n, text in content.items() if n.endswith(".py")}
            needed = closure(entry, programs)
            content = {
                n: text
                for n, text in content.items()
                if not n.endswith(".py") or module(n) in needed
            }
        key = hashlib.sha256(repr((probe, args, seed, take)).encode())
        for name, text in sorted(content.items()):
            key.update(name.encode() + b"\0" + hashlib.sha256(text).digest())
        for name, array in sorted((arrays or {}).items()):
            key.update(name.encode() + array.tobytes())
        if key.digest() not in self.answers:
            outcome = super().ask(probe, files, args, seed, arrays, take, **limits)
            self.answers[key.digest()] = outcome
        return self.answers[key.digest()]


def module(path: str) -> str:
    """The name that imports use: src/a/b.py is a.b, src/a/__init__.py is a."""
    name = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    return name.removeprefix("src.").removeprefix("submission.")


def closure(entry: str, programs: dict[str, bytes]) -> set[str]:
    """The programs that `entry` imports, directly or not, and itself."""
    needed, new = set(), {entry}
    while new:
        name = new.pop()
        needed.add(name)
        new = ((new | imported(programs.get(name, b""))) & programs.keys()) - needed
    return needed


@functools.cache
def imported(source: bytes) -> set[str]:
    """The modules that a program names in its imports."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {node.module or "", *(alias.name for alias in node.names)}
    return found | {name.split(".")[place] for name in found for place in (0, -1)}


@dataclass
class Grader:
    """What the tests share; `correct` is the folder of a correct submission."""

    sandbox: Sandbox
    world: World
    reference: Reference
    correct: Path

    def grade(self, submission: Path) -> Report:
        return grade(submission, self.world, self.sandbox, self.reference)

    def copy(self, target: Path) -> Path:
        """A copy of the correct submission, to be changed."""
        return Path(shutil.copytree(self.correct, target / "submission"))


@functools.cache
def shared() -> Grader:
    folder = Path(tempfile.mkdtemp(prefix="grader-tests-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    sandbox = RememberingSandbox(LIMITS)
    atexit.register(sandbox.__exit__)
    for name in ("world", "correct"):
        (folder / name).mkdir()
    world, correct = make_world(folder / "world"), folder / "correct"
    make_submission(correct, world)
    set_gold(correct, world)
    shutil.copy(world.data / INPUTS["dev"], correct)
    return Grader(sandbox, world, compute_reference(sandbox, world), correct)


@functools.cache
def user_sandbox() -> Sandbox | str:
    """A sandbox of another user, or why there is none here."""
    if os.getuid() != 0:
        return "only root can run code as another user"
    try:
        sandbox = RememberingSandbox(LIMITS, ("user",))
    except SandboxError as error:
        return f"another user cannot run this Python: {error}"
    atexit.register(sandbox.__exit__)
    return sandbox


def as_user() -> Grader:
    """The same in the mode of Gradescope's own containers: another user, no namespaces."""
    sandbox = user_sandbox()
    if isinstance(sandbox, str):
        pytest.skip(sandbox)
    return dataclasses.replace(shared(), sandbox=sandbox)


GRADERS = {"strongest": shared, "user": as_user}


def failed(report: Report) -> set[str]:
    """Names of the checks that did not pass."""
    return {result.entry["name"] for result in report.results if result.status == FAILED}


def why(report: Report) -> str:
    """What the checks that did not pass say."""
    return "\n".join(f"{r.entry['name']}: {r.lines}" for r in report.results if r.status == FAILED)
