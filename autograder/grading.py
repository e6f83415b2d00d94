"""One submission under grade: its files, the grader's data, and the probes asked so far."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sandbox import Outcome, Sandbox, SandboxError
from verdicts import Failed, NotRun

HERE = Path(__file__).resolve().parent
MODULES = ("attention", "dataset", "model", "trainer", "utils")
SCRIPT_HANGS = 2  # after so many hangs of one file, it is not asked again
LONGEST_PROBE = 90.0  # seconds
TEXT_SUFFIXES = {".py", ".json", ".txt", ".cfg", ".toml"}


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
        return files | {"reference_answers.py": HERE / "reference_answers.py"}


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
        self.deadline = began + world.settings["seconds"]
        self.peak_mb = 0.0
        self.memory: dict = {}
        self.hangs: dict[str, int] = {}

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

    def code(self) -> dict[str, Path]:
        """The submission's own programs: src/ and scripts beside it; no data, no predictions."""
        found = {}
        for path in sorted(self.folder.rglob("*")):
            name = path.relative_to(self.folder)
            if path.is_file() and path.suffix in TEXT_SUFFIXES and (
                name.parts[0] == "src" or (len(name.parts) == 1 and path.suffix == ".py")
            ):  # fmt: skip
                found[str(name)] = path
        return found

    def need(self, name: str) -> Path:
        """The path of a submitted file. Raises Failed where it is not there."""
        path = self.folder / name
        package = path.with_suffix("") / "__init__.py"  # a module may be a folder
        if not path.is_file() and name.endswith(".py") and package.is_file():
            return package
        if not path.is_file():
            raise Failed(f"a file {name} in the submission", "there is none")
        return path

    def ask(self, probe: str, args: dict, about: str = "src/run.py", seed: int = 1,
            files: dict | None = None, arrays: dict | None = None) -> Outcome:  # fmt: skip
        """A probe of the student's code, `about` being the file that it runs; `files` and `arrays`
        are put beside the code.

        Raises Failed where the code fails, hangs or ends the process.
        """
        self.need(about)
        module = Path(about).stem
        if module in MODULES:
            self.once(("import", module), lambda: self.attempt("imports", {"name": module}, about))
        return self.attempt(probe, args, about, seed, files, arrays)

    def attempt(self, probe: str, args: dict, name: str, seed: int = 1,
                files: dict | None = None, arrays: dict | None = None) -> Outcome:  # fmt: skip
        most_s = self.time_left()
        if self.hangs.get(name, 0) >= SCRIPT_HANGS:
            raise Failed(f"{name} runs", f"not tried again: it hung {SCRIPT_HANGS} times before")
        files = self.code() | (files or {})
        outcome = self.sandbox.ask(probe, files, args, seed, arrays, most_s=most_s)
        self.peak_mb = max(self.peak_mb, outcome.peak_mb)
        if outcome.hung:
            self.hangs[name] = self.hangs.get(name, 0) + 1
        if outcome.failure:
            raise Failed(f"{name} runs without an error", outcome.failure)
        return outcome

    def time_left(self) -> float:
        """Seconds that a probe may take. Raises Failed where the submission has used them up."""
        left = self.deadline - time.monotonic()
        if left < 1:
            raise Failed("the whole submission runs within the time limit",
                         "the time was used up by earlier checks")  # fmt: skip
        return min(left, LONGEST_PROBE)

    def trusted(self, probe: str, args: dict, files: dict | None = None, take: str = "") -> Outcome:
        """A probe of the reference's own code on (perhaps hostile) data; no student code runs."""
        files = self.world.reference_files() | (files or {})
        return self.sandbox.ask(probe, files, args, take=take, most_s=self.time_left())
