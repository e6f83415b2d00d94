"""What a run shows while it runs: one bar, and a folder that describes it.

runs/<time>-<function>-<variant>/ holds config.json (settings, commit, versions, device; under
"resumed" what was different when the run was resumed), metrics.jsonl (one line a step) and, if
tensorboard is installed, its events.
"""

import contextlib
import itertools
import json
import math
import os
import platform
import subprocess
import sys
import time
from pathlib import Path

import numpy
import torch
from tqdm import tqdm

from base.errors import UserError
from base.files import ROOT, write_whole

FLUSH_STEPS = 50  # a GPU computes ahead, so losses are fetched this many steps at a time
LINE_SECONDS = 60.0  # between lines, where the output is no terminal
COUNTERS = ("step", "epoch", "seconds", "positions", "targets")  # not drawn as curves
OWN_FIGURES = (*COUNTERS, "loss", "rate", "grad_norm", "test_loss")


class Diverged(ArithmeticError):
    """The loss or the gradient is no finite number any more."""


class RunLog:
    """`record` the steps of one run. Without a folder only the bar is shown.

    numbered: if another run has the folder, this one takes its name with a number. silent: no bar
    and no lines. writer: a TensorBoard SummaryWriter of the caller's.
    """

    def __init__(
        self,
        folder: str | None = None,
        settings: dict | None = None,
        numbered: bool = False,
        silent: bool = False,
        writer=None,
    ):
        self.folder = Path(folder) if folder else None
        self.settings = settings or {}
        self.numbered, self.silent = numbered, silent
        self.writer, self.own_writer = writer, False
        self.file = self.bar = None
        self.pending: list[dict] = []
        self.config: dict = {}  # config.json: of the run
        self.process: dict = {}  # and the part of it that is about this process
        self.total_steps = self.first_step = self.seen_targets = 0
        self.device = torch.device("cpu")
        self.started = self.last_line = time.monotonic()
        self.seconds_before = 0.0  # of the run, before this process resumed it
        self.terminal = False

    def resume_in(self, folder: str | None) -> None:
        """Log to the folder of the run that is resumed, if both runs log at all."""
        if self.folder and folder:
            self.folder, self.numbered = Path(folder), False

    def start(
        self, total_steps: int, first_step: int, device: torch.device, settings: dict | None = None
    ) -> None:
        """Open folder and bar; `settings` are those that the run turned out to have.

        A run that is resumed at `first_step` keeps what was logged before.
        """
        self.settings = self.settings | (settings or {})
        self.total_steps, self.device = total_steps, device
        self.started = self.last_line = time.monotonic()
        self.first_step, self.seen_targets, self.seconds_before = first_step, 0, 0.0
        self.terminal = not self.silent and sys.stderr is not None and sys.stderr.isatty()
        self.bar = tqdm(total=total_steps, initial=first_step, disable=not self.terminal)
        if self.folder:
            self.open_folder(first_step)

    def set_length(self, total_steps: int) -> None:
        """The run has this many steps, by a new estimate."""
        changed = abs(total_steps - self.total_steps) > 0.02 * self.total_steps
        self.total_steps = self.bar.total = total_steps
        if changed and not self.silent:
            say(f"{total_steps} steps fit into the time")

    def open_folder(self, first_step: int) -> None:
        try:
            self.make_folder()
            path = self.folder / "metrics.jsonl"
            earlier = rows_before(path, first_step)
            with write_whole(str(path)) as file:
                file.writelines(earlier)
            self.file = open(path, "a", encoding="utf-8", newline="\n")
            self.describe(first_step)
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or error
            raise UserError(
                f"{self.folder}: the run's log cannot be written ({reason}); use --no_log"
            ) from None
        if earlier:
            self.seconds_before = json.loads(earlier[-1]).get("seconds", 0.0)
        if self.writer is None:
            with contextlib.suppress(ImportError):
                from torch.utils.tensorboard import SummaryWriter

                self.writer = SummaryWriter(str(self.folder), purge_step=first_step or None)
                self.own_writer = True

    def make_folder(self) -> None:
        """Make the folder. Of several runs that ask for one numbered folder, each gets its own."""
        if not self.numbered:
            self.folder.mkdir(parents=True, exist_ok=True)
            return
        names = (f"{self.folder}-{n}" if n > 1 else self.folder for n in itertools.count(1))
        for folder in map(Path, names):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(parents=True)
                self.folder = folder
                return

    def describe(self, first_step: int) -> None:
        """Write config.json. For a resumed run, add what is different from `first_step` on."""
        now = json.loads(json.dumps(self.settings | machine(self.device), default=str))
        self.config = self.process = now
        path = self.folder / "config.json"
        if first_step > 0 and path.exists():
            self.config = json.loads(path.read_text(encoding="utf-8"))
            changed = {key: value for key, value in now.items() if self.config.get(key) != value}
            self.process = {"from_step": first_step} | changed
            self.config.setdefault("resumed", []).append(self.process)
        self.correct()

    def correct(self, **settings) -> None:
        """Write config.json anew, with `settings` that turned out to be others."""
        if self.folder:
            self.process |= settings
            with write_whole(str(self.folder / "config.json")) as file:
                json.dump(self.config, file, indent=2)

    def record(self, **row) -> None:
        """One step: numbers, or tensors of one element that are fetched later."""
        row["seconds"] = round(self.seconds_before + time.monotonic() - self.started, 3)
        self.pending.append(row)
        if self.device.type == "cpu" or len(self.pending) >= FLUSH_STEPS:
            self.flush()

    def flush(self) -> None:
        """Fetch what was recorded, show it and write it. Raises Diverged for a loss or a gradient
        that is not finite: here and not in each step, so that a GPU is not made to wait."""
        rows, self.pending = self.pending, []
        for row in rows:
            row = {key: getattr(value, "item", lambda v=value: v)() for key, value in row.items()}
            check_finite(row)
            self.seen_targets += row["targets"]
            self.show(row)
            self.write(row)

    def write(self, row: dict) -> None:
        """A line to metrics.jsonl, and to TensorBoard. A full disk ends the log, not the run."""
        try:
            if self.file:
                self.file.write(json.dumps(row) + "\n")
                self.file.flush()
            for key in row.keys() - set(COUNTERS) if self.writer else ():
                self.writer.add_scalar(key, row[key], row["step"])
        except OSError as error:
            say(f"{self.folder}: the log ends here ({error.strerror}); the run continues")
            with contextlib.suppress(OSError, AttributeError):
                self.file.close()
            self.file = self.writer = None  # not closed: tensorboard would wait for its disk

    def show(self, row: dict) -> None:
        """The bar, or a line now and then where there is no terminal."""
        if self.silent:
            return
        speed = self.seen_targets / max(1e-9, time.monotonic() - self.started)
        text = f"epoch {row['epoch'] + 1} loss {row['loss']:.4f} rate {row['rate']:.2e}"
        if "test_loss" in row:
            text += f" test {row['test_loss']:.4f}"
        text += "".join(f" {name} {row[name]:.4g}" for name in row if name not in OWN_FIGURES)
        text += f" {speed:.0f} tokens/s"
        self.bar.set_description_str(text, refresh=False)
        self.bar.update(row["step"] + 1 - self.bar.n)
        due = time.monotonic() - self.last_line > LINE_SECONDS
        if not self.terminal and (due or row["step"] + 1 == self.total_steps):
            self.last_line = time.monotonic()
            done = row["step"] + 1
            left = (self.last_line - self.started) / (done - self.first_step)
            left *= self.total_steps - done
            say(f"step {done}/{self.total_steps} {text} {left / 60:.1f} min left")

    def close(self) -> None:
        """End bar and files, with what was recorded up to the first figure that is not finite."""
        with contextlib.suppress(Diverged):
            self.flush()
        for part in (self.bar, self.file, self.writer if self.own_writer else None):
            with contextlib.suppress(OSError):
                if part is not None:
                    part.close()
        self.file = None
        if self.own_writer:
            self.writer = None


def say(text: str) -> None:
    """Print a line, if that is possible: a full disk or a closed pipe must not cost a run."""
    with contextlib.suppress(OSError, ValueError):
        print(text, flush=True)


def check_finite(row: dict) -> None:
    """Raise Diverged for a step whose loss or gradient is not finite."""
    for key, name in (("loss", "loss"), ("grad_norm", "gradient's norm")):
        if not math.isfinite(row.get(key, 0.0)):
            raise Diverged(
                f"step {row['step'] + 1}: the {name} is {row[key]}, so training ends here; choose "
                "a lower learning rate"
            )


def rows_before(path: Path, step: int) -> list[str]:
    """The complete lines of a metrics.jsonl, if there is one, that are of steps before `step`."""
    if not path.exists():
        return []
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    return [row for row in rows if complete_before(row, step)]


def complete_before(row: str, step: int) -> bool:
    """Whether a line of metrics.jsonl is complete and of a step before `step`."""
    try:
        return row.endswith("\n") and json.loads(row)["step"] < step
    except (json.JSONDecodeError, KeyError):
        return False


def machine(device: torch.device) -> dict:
    """Commit, versions and device: what a reader needs to judge a figure."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else processor()
    return {
        "commit": commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "platform": platform.platform(),
        "device": str(device),
        "device_name": name,
        "threads": torch.get_num_threads(),
        "cores": os.cpu_count(),
    }


def processor() -> str:
    """The processor's name, from the system."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            names = (line.split(":")[1].strip() for line in file if line.startswith("model name"))
            return next(names)
    except (OSError, StopIteration, IndexError):
        return platform.processor() or platform.machine()


def commit() -> str | None:
    """The git commit of the project, with + if files differ from it; None outside a checkout."""

    def git(*words):
        return subprocess.run(
            ["git", "-C", str(ROOT), *words], capture_output=True, text=True, timeout=5, check=True
        ).stdout.strip()

    try:
        if Path(git("rev-parse", "--show-toplevel")).resolve() != ROOT:
            return None
        changed = "+" if git("status", "--porcelain") else ""
        return git("rev-parse", "--short=12", "HEAD") + changed
    except (OSError, subprocess.SubprocessError):
        return None
