"""One submission under grade: its files, the grader's data, and the probes asked so far."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from layout import Layout
from sandbox import KILLED, Outcome, Sandbox, SandboxError
from verdicts import Failed, NotRun

HERE = Path(__file__).resolve().parent
SCRIPT_HANGS = 2  # after so many hangs of one file, it is not asked again
LONGEST_PROBE = 90.0  # seconds
IMPORT_PATIENCE = 30.0  # seconds of waiting that all imports of a submission may take together
# Public packages that the course's kits do not import and this grader does not have.
THIRD_PARTY = set(
    "absl accelerate apex bs4 click comet_ml cv2 datasets deepspeed docopt dotenv einops fire "
    "flax google h5py huggingface_hub hydra ipdb IPython jax joblib lightning matplotlib mlflow "
    "networkx nltk numba omegaconf pandas peft PIL plotly psutil pytorch_lightning requests rich "
    "safetensors scipy seaborn sentencepiece sklearn spacy sympy tabulate tensorflow tokenizers "
    "torch_xla torchaudio torchinfo torchsummary torchtext torchvision transformers wandb "
    "xformers yaml".split()
)  # fmt: skip


@dataclass
class Reference:
    """The right answers (reference_answers.py), as data and arrays."""

    data: dict
    arrays: dict[str, np.ndarray]

    def group(self, prefix: str) -> dict[str, np.ndarray]:
        return {n.removeprefix(prefix): a for n, a in self.arrays.items() if n.startswith(prefix)}

    def save(self, path: Path) -> None:
        np.savez_compressed(path, json=np.array(json.dumps(self.data)), **self.arrays)

    @classmethod
    def load(cls, path: Path) -> "Reference":
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files if name != "json"}
            return cls(json.loads(str(file["json"])), arrays)


@dataclass
class World:
    """What the instructor gives: data, this project's src/, the edition, hidden answers or None."""

    settings: dict
    data: Path
    source: Path
    answers: Path | None = None
    notes: tuple[str, ...] = ()  # what the report says of how the grader was called

    def corpus(self) -> str:
        return (self.data / "wiki.txt").read_text(encoding="utf-8")

    def rows(self, name: str) -> list[list[str]]:
        """The rows of a TSV file, empty ones left out."""
        text = (self.data / name if isinstance(name, str) else name).read_text(encoding="utf-8")
        return [line.split("\t") for line in text.split("\n") if line.strip()]

    def gold(self, split: str) -> list[str] | None:
        """The right places of `dev` or `test`; None where they are not known."""
        path = self.answers if split == "test" else self.data / "birth_dev.tsv"
        if path is None:
            return None
        return [row[1].strip() for row in self.rows(path)]

    def questions(self, split: str) -> list[str]:
        name = "birth_dev.tsv" if split == "dev" else "birth_test_inputs.tsv"
        return [row[0] for row in self.rows(name)]

    def reference_files(self) -> dict[str, Path | bytes]:
        """What a probe of the reference's own code sees."""
        files = {f"src/{p.relative_to(self.source)}": p for p in self.source.rglob("*.py")}
        helpers = ("reference_answers.py", "weights.py")
        return files | {name: HERE / name for name in helpers}


def compute_reference(sandbox: Sandbox, world: World) -> Reference:
    """The right answers of the world's edition. Raises SandboxError where src/ does not run."""
    args = {"variants": world.settings["variants"], "sizes": world.settings["sizes"]}
    args["vocab_size"] = len(set(world.corpus())) + 2
    outcome = sandbox.ask("reference", world.reference_files(), args)
    if outcome.failure:
        raise SandboxError(f"the reference answers cannot be computed: {outcome.failure}")
    return Reference(outcome.data, outcome.arrays)


class Grading:
    """The submission in `folder`, asked through `sandbox`, until `seconds` have passed since
    `began` (time.monotonic)."""

    def __init__(self, folder: Path, world: World, sandbox: Sandbox, reference: Reference,
                 began: float):  # fmt: skip
        self.folder = folder
        self.world = world
        self.settings = world.settings
        self.sandbox = sandbox
        self.reference = reference
        self.layout = Layout(folder, world.settings["code"])
        self.deadline = began + world.settings["seconds"]
        self.peak_mb = 0.0
        self.memory: dict = {}
        self.hangs: dict[str, int] = {}
        self.import_waits: dict[str, float] = {}  # module -> seconds that importing it waits
        self.patience = IMPORT_PATIENCE
        self.notes: list[str] = list(world.notes)

    def note(self, sentence: str) -> None:
        """Say something at the top of the report, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    def once(self, key: tuple, make: Callable):
        """make(), or what it gave or raised the first time."""
        if key not in self.memory:
            try:
                self.memory[key] = (make(), None)
            except (Failed, NotRun) as reason:
                self.memory[key] = (None, reason)
        value, reason = self.memory[key]
        if reason is not None:
            raise reason
        return value

    def code(self) -> dict[str, Path | bytes]:
        """The submission's own programs, and the grader's run.py where the edition gives one."""
        files: dict = dict(self.layout.programs)
        if stand_in := self.settings["code"].get("run_py"):
            files["run.py"] = HERE / "editions" / stand_in
        return files

    def missing(self) -> list[str]:
        """Which params and predictions the submission lacks, of all that the edition wants."""
        names = [entry[kind] for entry in self.settings["models"].values()
                 for kind in ("params", "dev", "test")]  # fmt: skip
        return [name for name in names if self.layout.find(name) is None]

    def need(self, name: str) -> Path:
        """The path of submitted params or predictions. Raises Failed where they are not there."""
        path = self.layout.find(name)
        if path is None:
            missing = self.missing()
            raise Failed(f"a file {name} in the submission", "there is none",
                         cause="not in the submission: " + ", ".join(missing))  # fmt: skip
        return path

    def run_py(self) -> str:
        """The file that is run as run.py, as the sandbox shows it."""
        if self.settings["code"].get("run_py"):
            self.layout.module("helper")
            return "run.py"
        return self.layout.shown("run")

    def ask(self, probe: str, args: dict, about: str = "run", seed: int = 1,
            files: dict | None = None, arrays: dict | None = None, take: str = "") -> Outcome:
        """A probe of the student's code. `about` is what it runs: a module ("dataset"), "run", or a
        script's name; `files` and `arrays` are put beside the code, and the file `take` is kept.

        Raises Failed where the code fails, hangs or ends the process.
        """
        if about in self.layout.modules:
            args = args | {"module": self.layout.import_name(about)}
            self.once(("import", about), lambda: self.import_module(about, args["module"]))
        elif about == "run":
            args = args | {"script": self.run_py()}
        self.spend_patience(about)
        return self.attempt(probe, args, about, seed, files, arrays, take)

    def import_module(self, key: str, name: str) -> None:
        outcome = self.attempt("imports", {"name": name}, key)
        self.import_waits[key] = outcome.waited_s

    def spend_patience(self, about: str) -> None:
        """Count the time that the program's imports will wait. Raises Failed when all imports of
        the submission together have waited too long."""
        modules = self.layout.closure(about)
        cost = sum(wait for key, wait in self.import_waits.items() if key in modules)
        if cost < 1:
            return
        if cost > self.patience:
            slowest, seconds = max(self.import_waits.items(), key=lambda item: item[1])
            sentence = (f"importing {slowest}.py waits for {seconds:.0f} seconds each time; "
                        f"all imports together may wait for {IMPORT_PATIENCE:.0f}")
            raise Failed("programs that start at once", sentence, cause=sentence)
        self.patience -= cost

    def attempt(self, probe: str, args: dict, name: str, seed: int = 1, files: dict | None = None,
                arrays: dict | None = None, take: str = "") -> Outcome:  # fmt: skip
        most_s = self.time_left()
        shown = name if name.endswith(".py") else f"{name}.py"
        if self.hangs.get(name, 0) >= SCRIPT_HANGS:
            sentence = f"{shown} is not tried again: it hung {SCRIPT_HANGS} times"
            raise Failed(f"{shown} runs", sentence, cause=sentence)
        files = self.code() | (files or {})
        outcome = self.sandbox.ask(probe, files, args, seed, arrays, take, most_s=most_s)
        self.peak_mb = max(self.peak_mb, outcome.peak_mb)
        if outcome.hung:
            self.hangs[name] = self.hangs.get(name, 0) + 1
        if outcome.failure:
            self.refuse(outcome, shown)
        return outcome

    def refuse(self, outcome: Outcome, shown: str) -> None:
        """Raise Failed for code that did not answer; NotRun where this grader lacks a package."""
        package = str(outcome.data.get("missing", "")).split(".")[0]
        if package in THIRD_PARTY:
            sentence = (f"this grader does not have the package {package}, which {shown} imports; "
                        "that is no mistake of yours (instructor: add it to setup.sh)")
            self.note(sentence)
            raise NotRun(sentence, open=True)
        if package:
            cause = f"{shown} imports {package}, which is not in the submission; hand it in"
            raise Failed(f"{shown} runs without an error", outcome.failure, cause=cause)
        cause = f"{shown} does not run: {without_question(outcome.failure)}"
        raise Failed(f"{shown} runs without an error", outcome.failure, cause=cause)

    def time_left(self) -> float:
        """Seconds that a probe may take. Raises Failed where the submission has used them up."""
        left = self.deadline - time.monotonic()
        if left < 1:
            raise Failed("the whole submission runs within the time limit",
                         "the time was used up by earlier checks",
                         cause="the time was used up by earlier checks")  # fmt: skip
        return min(left, LONGEST_PROBE)

    def trusted(self, probe: str, args: dict, files: dict | None = None, take: str = "") -> Outcome:
        """A probe of the reference's own code on (perhaps hostile) data; no student code runs.

        Asked again where the machine killed it, as one does that is short of memory for a moment.
        """
        files = self.world.reference_files() | (files or {})
        outcome = self.sandbox.ask(probe, files, args, take=take, most_s=self.time_left())
        if KILLED in outcome.failure:
            outcome = self.sandbox.ask(probe, files, args, take=take, most_s=self.time_left())
        return outcome


def without_question(failure: str) -> str:
    """What a program failed with, without what it was asked: the same mistake reads the same."""
    first, *frames = failure.split("\n")
    return "\n".join([re.sub(r" \((?:python|importing|dataset\[|while).*\)$", "", first), *frames])
