"""The whole experiment on a small invented world, from nothing, in a given time.

    python quickstart.py [VARIANT] [--people N] [--minutes M]

It makes a virtual environment in .venv/, installs PyTorch there, writes a world of invented people,
and asks three models where they were born: one that was never pretrained, one pretrained by the
course's recipe and one by this project's. Each part has its share of the time: a slow computer
learns less and takes no longer. Everything it writes lies in quickstart_out/ and .venv/.

Needs Python 3.10 or newer. PEOPLE and MINUTES in the environment do what the options do.
"""

import install  # isort: skip  (first: it says so where this Python is too old)

import argparse
import contextlib
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent
REQUIREMENTS = ["requirements.txt", "requirements-report.txt"]
RECIPE = "reading"  # this project's own, as src/recipes.py calls it
STEPS_NEEDED = 250  # of that recipe, at BATCH, for 700 people: results/2026-11-27-reading
BATCH = 64
FORESEEN = 0.25  # of a training run's time, after which its number of steps can be told
FEWEST_PEOPLE, MOST_PEOPLE = 60, 100_000  # what data/make_world.py can make
INSTALL_SHARE = 0.3  # of the time at most; what a slow download takes beyond it is added
SHARES = {  # of the whole time; pretraining by RECIPE has all that is left
    "from scratch": 0.05,
    "course, pretraining": 0.10,
    "course, finetuning": 0.02,
    "ours, finetuning": 0.03,
    "answers": 0.08,
}
LINE_SECONDS = 30.0  # between lines where the output is no terminal
SPACE = 0.3e9  # bytes that the results need
TRAIN, DEV = "birth_places_train.tsv", "birth_dev.tsv"
MODEL, PRETRAINED = "model", "model.pretrained"  # params of the last model: ask.py finds them so


class Failure(install.SetupError):
    """What ends the quickstart early: one sentence."""


@dataclass
class Settings:
    """What the user asked for; `minutes` are for everything, `python` has PyTorch installed."""

    variant: str
    people: int
    minutes: float
    out: Path
    python: str | None


# ---------------------------------------------------------------------------------------------
# One bar over all parts
# ---------------------------------------------------------------------------------------------


class Progress:
    """One bar over the whole time; where there is no terminal, a line now and then."""

    def __init__(self, seconds: float, stream=None):
        self.stream = stream or sys.stdout
        self.began, self.seconds = time.monotonic(), seconds
        self.terminal = self.stream.isatty() and os.environ.get("TERM") != "dumb"
        self.title, self.last_line = "", -math.inf

    @property
    def elapsed(self) -> float:
        return time.monotonic() - self.began

    @property
    def left(self) -> float:
        """Seconds left; below zero when the time is over."""
        return self.seconds - self.elapsed

    def start(self, title: str) -> None:
        """The part called `title` begins."""
        self.title, self.last_line = title, -math.inf
        self.tick()

    def tick(self, detail: str = "") -> None:
        """Show where we are."""
        text = self.title + (f": {detail}" if detail else "")
        clock = f"{minutes_seconds(self.elapsed)} of {minutes_seconds(self.seconds)}"
        if self.terminal:
            done = min(1.0, self.elapsed / self.seconds)
            bar = ("#" * round(20 * done)).ljust(20, ".")
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + f"[{bar}] {clock}  {text}"[:width].ljust(width))
            self.stream.flush()
        elif time.monotonic() - self.last_line >= LINE_SECONDS:
            self.last_line = time.monotonic()
            print(f"{clock}  {text}", file=self.stream, flush=True)

    def say(self, text: str) -> None:
        """Print lines above the bar."""
        self.clear()
        print(text, file=self.stream, flush=True)

    def clear(self) -> None:
        if self.terminal:
            width = shutil.get_terminal_size().columns - 1
            self.stream.write("\r" + " " * width + "\r")
            self.stream.flush()


def minutes_seconds(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


# ---------------------------------------------------------------------------------------------
# Commands, each a child process whose words go to the log
# ---------------------------------------------------------------------------------------------


class Commands:
    """Runs the project's commands in `folder`; what they print goes to `folder`/log.txt."""

    def __init__(self, folder: Path, progress: Progress):
        self.folder, self.progress = folder, progress
        self.log = open(folder / "log.txt", "wb")

    def close(self) -> None:
        self.log.close()

    def run(
        self, command: list[str], training: bool = False, watch: Callable | None = None
    ) -> tuple[int, str]:
        """Run one command, with the bar moving: its exit status and what it printed.

        `watch` gets the last step's row of a training run and the seconds since its start.
        """
        self.write(f"\n$ {shlex.join(command)}\n")
        start = self.log.tell()
        steps = Steps(self.folder / "runs") if training else None
        began = self.progress.elapsed
        environment = os.environ | {"PYTHONUTF8": "1", "PYTHONUNBUFFERED": "1"}
        child = subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=subprocess.STDOUT, env=environment,
        )  # fmt: skip
        try:
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    child.wait(0.2)
                    break
                row = steps.last() if steps else None
                self.progress.tick(
                    f"step {row['step'] + 1}, loss {row['loss']:.2f}" if row else ""
                )
                if row and watch:
                    watch(row, self.progress.elapsed - began)
        except BaseException:
            end(child)
            raise
        with open(self.folder / "log.txt", "rb") as log:
            log.seek(start)
            return child.returncode, log.read().decode("utf-8", errors="replace")

    def write(self, text: str) -> None:
        self.log.write(text.encode())
        self.log.flush()

    def must(
        self, command: list[str], training: bool = False, watch: Callable | None = None
    ) -> str:
        """Run a command that has to succeed; what it printed. Raises Failure with its error."""
        status, text = self.run(command, training, watch)
        if status:
            errors = re.findall(r"^error: (.*)$", text, re.MULTILINE)
            reason = errors[-1] if errors else install.last_line(text)
            raise Failure(f"{self.progress.title}: {reason} (more in {self.folder / 'log.txt'})")
        return text


def end(child: subprocess.Popen) -> None:
    """End a child that Ctrl-C has reached too, or that has to be told."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        child.wait(1)
        return
    child.terminate()
    try:
        child.wait(10)
    except subprocess.TimeoutExpired:
        child.kill()


class Steps:
    """The steps of the training run that has just started, read from its metrics.jsonl."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.before = set(folder.glob("*"))

    def last(self) -> dict | None:
        """The row of the last step; None before the first one."""
        for run in set(self.folder.glob("*")) - self.before:
            with contextlib.suppress(OSError, ValueError, IndexError):
                with open(run / "metrics.jsonl", "rb") as file:
                    file.seek(max(0, file.seek(0, os.SEEK_END) - 2000))
                    return json.loads(file.read().split(b"\n")[-2])
        return None


# ---------------------------------------------------------------------------------------------
# The experiment
# ---------------------------------------------------------------------------------------------


@dataclass
class Result:
    """One line of the table: how many of `asked` answers are right."""

    name: str
    right: int
    asked: int

    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval of the share that is right (Wilson 1927)."""
        z, n = 1.96, self.asked
        share = self.right / n
        middle = share + z * z / (2 * n)
        half = z * math.sqrt(share * (1 - share) / n + (z / n / 2) ** 2)
        low, high = ((middle + side) / (1 + z * z / n) for side in (-half, half))
        return max(0.0, low), min(1.0, high)


class Experiment:
    """The parts of the experiment, in a folder of their own, in the time that `progress` keeps."""

    def __init__(self, settings: Settings, progress: Progress, commands: Commands, python: str):
        self.settings, self.progress, self.commands = settings, progress, commands
        self.python = python
        self.results: list[Result] = []
        self.slowest = 0.0  # seconds that an evaluation took at most
        self.warned = False

    def script(self, name: str, *arguments: str) -> list[str]:
        """A command of the project, as it is run in the results' folder."""
        return [self.python, relative(ROOT / name, self.settings.out), *arguments]

    def share(self, name: str) -> float:
        """Seconds that a part has."""
        return 60 * self.settings.minutes * SHARES[name]

    def make_world(self) -> None:
        self.progress.start(f"writing a world of {self.settings.people} people")
        people = str(self.settings.people)
        self.commands.must(self.script("data/make_world.py", "--people", people, "--out", "."))

    def london(self) -> None:
        self.progress.start('answering "London" every time')
        self.count("London every time", self.commands.must(self.script("london_baseline.py")))

    def count(self, name: str, text: str) -> None:
        """A line of the table, from what the command printed."""
        found = re.findall(r"Correct: ([\d.]+) out of ([\d.]+)", text)
        if not found:
            raise Failure(f"{self.progress.title}: no accuracy in what it printed (see log.txt)")
        right, asked = (int(float(number)) for number in found[-1])
        self.results.append(Result(name, right, asked))

    def train(
        self, function: str, writes: str, reads: str | None, recipe: str, seconds: float,
        watch: Callable[[dict, float], None] | None = None,
    ) -> None:  # fmt: skip
        """`run.py pretrain` or `finetune` for so many seconds, its start included."""
        minutes = f"{max(1.0, seconds) / 60:.3f}"
        command = self.script("src/run.py", function, self.settings.variant, "wiki.txt")
        command += ["--writing_params_path", f"{writes}.params", "--recipe", recipe]
        command += ["--reading_params_path", f"{reads}.params"] if reads else []
        command += ["--finetune_corpus_path", TRAIN, "--max_minutes", minutes]
        command += ["--batch_size", str(BATCH)] if function == "pretrain" else []
        self.commands.must(command, training=True, watch=watch)

    def evaluate(self, name: str, title: str, *more: str) -> None:
        """Ask the model `name` the questions held out."""
        self.progress.start(f"answers, {title}")
        began = self.progress.elapsed
        command = self.script("src/run.py", "evaluate", self.settings.variant, "wiki.txt")
        command += ["--reading_params_path", f"{name}.params", "--eval_corpus_path", DEV]
        command += ["--outputs_path", f"{name}.dev.predictions", *more]
        self.count(f"{self.settings.variant}, {title}", self.commands.must(command))
        self.slowest = max(self.slowest, self.progress.elapsed - began)

    def scratch(self) -> None:
        """Finetuning without pretraining."""
        self.progress.start("finetuning without pretraining")
        self.train("finetune", "scratch", None, "course", self.share("from scratch"))
        self.evaluate("scratch", "no pretraining")

    def course(self) -> None:
        """The course's recipe, for a time in which it can only begin."""
        pretraining = self.share("course, pretraining")
        self.progress.start("pretraining by the course's recipe")
        self.train("pretrain", "course.pretrain", None, "course", pretraining)
        self.progress.start("finetuning that model")
        finetuning = self.share("course, finetuning")
        self.train("finetune", "course", "course.pretrain", "course", finetuning)
        self.evaluate("course", f"the course's recipe, {in_minutes(pretraining)}")

    def ours(self) -> None:
        """This project's recipe, for all the time that is left."""
        answers = max(self.share("answers"), 4 * self.slowest)  # with a report they take longer
        later = self.share("ours, finetuning") + answers
        pretraining = max(self.progress.left - later, self.share("ours, finetuning"))
        self.progress.start(f"pretraining by the {RECIPE} recipe")
        self.train(
            "pretrain", PRETRAINED, None, RECIPE, pretraining, self.foresee(pretraining)
        )
        description = self.settings.out / f"{PRETRAINED}.params.json"
        self.warn_of_few_steps(json.loads(description.read_text(encoding="utf-8"))["steps"])
        self.progress.start("finetuning that model")
        self.train("finetune", MODEL, PRETRAINED, RECIPE, self.share("ours, finetuning"))
        self.evaluate(
            MODEL, f"the {RECIPE} recipe, {in_minutes(pretraining)}", "--report",
            "--pretrained_params_path", f"{PRETRAINED}.params", "--finetune_corpus_path", TRAIN,
        )  # fmt: skip

    def warn_of_few_steps(self, steps: int) -> None:
        """Say so, once, where `steps` of pretraining are too few for right answers."""
        needed = STEPS_NEEDED * max(self.settings.people, 350) // 700
        if steps < 0.7 * needed and not self.warned:
            self.warned = True
            minutes = math.ceil(self.settings.minutes * needed / max(1, steps))
            self.progress.say(
                f"{steps} of about {needed} steps: expect nothing; give MINUTES={minutes}"
            )

    def foresee(self, seconds: float) -> Callable[[dict, float], None]:
        """What watches a run of so many seconds, to warn early: it gets the row of each step and
        the seconds since the run's start."""

        def watch(row: dict, elapsed: float) -> None:
            if elapsed > FORESEEN * seconds and row["seconds"] > 0:
                left = (row["step"] + 1) * (seconds - elapsed) / row["seconds"]
                self.warn_of_few_steps(row["step"] + 1 + int(left))

        return watch

    def report(self) -> Path:
        """The page of the last model's answers."""
        self.progress.start("the report")
        rows = f"{MODEL}.dev.predictions.jsonl"
        self.commands.must(self.script("src/report.py", rows, "-o", "report.html"))
        return self.settings.out / "report.html"

    def rows(self) -> list[dict]:
        """What the last model said of each of its answers."""
        text = (self.settings.out / f"{MODEL}.dev.predictions.jsonl").read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()]


def in_minutes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes"


def relative(path: str | Path, folder: Path) -> str:
    """`path` as seen from `folder`; whole where it is far away (on Windows, on another drive)."""
    try:
        short = os.path.relpath(path, folder)
    except ValueError:
        return str(path)
    return str(path) if short.startswith(os.path.join("..", "..")) else short


# ---------------------------------------------------------------------------------------------
# What is said before and after
# ---------------------------------------------------------------------------------------------


def plan(settings: Settings) -> str:
    """What will happen, and how long each part may take."""
    total = settings.minutes
    ours = total * (1 - sum(SHARES.values()))
    parts = [
        ("install PyTorch in .venv/", None),
        (f"write a world of {settings.people} invented people", None),
        ("train a model on questions only (it cannot know)", total * SHARES["from scratch"]),
        ("pretrain by the course's recipe, which needs hours: here it only begins",
         total * (SHARES["course, pretraining"] + SHARES["course, finetuning"])),
        (f"pretrain by the {RECIPE} recipe, with all the time that is left", ours),
        ("answers to questions that training never saw, and a report",
         total * SHARES["answers"]),
    ]  # fmt: skip
    if settings.python:
        del parts[0]
    lines = [f'"Where was X born?" in {total:g} minutes ({settings.variant} attention):']
    for number, (text, minutes) in enumerate(parts, 1):
        lines.append(f"  {number}. {text}" + (f" ({minutes:.1f} min)" if minutes else ""))
    if total < 2:
        lines.append("So little time shows that everything runs; expect no right answers.")
    where = relative(settings.out, Path.cwd())
    lines.append(f"All that it writes lies in {where}{os.sep} and .venv{os.sep}; Ctrl-C stops it.")
    return "\n".join(lines)


def table(results: list[Result]) -> str:
    """Right answers in per cent, with 95 % intervals."""
    width = max(len(result.name) for result in results)
    lines = [f"Right answers to the {results[0].asked} questions held out (95 % interval):"]
    for result in results:
        low, high = result.interval()
        lines.append(
            f"  {result.name.ljust(width)}  {result.right / result.asked:6.1%}"
            f"  ({low:.1%} to {high:.1%})".replace("%", " %")
        )
    return "\n".join(lines)


def three_answers(rows: list[dict]) -> str:
    """The surest answer, the one in the middle and the least sure, with their sources."""
    ranked = sorted(rows, key=lambda row: -row["confidence"])
    chosen = [ranked[0], ranked[len(ranked) // 2], ranked[-1]]
    lines = ["Three of its answers: the surest, the one in the middle, the least sure."]
    for row in chosen:
        verdict = "right" if row["correct"] else f"wrong: {row['gold']}"
        sure = f"{row['confidence']:.0%}".replace("%", " %")
        lines.append(f"  {row['question']} {row['answer'] or '(nothing)'} ({sure} sure; {verdict})")
        source = row["provenance"]
        where = source["sentence"] if source else "nothing in the corpus says so: a guess"
        lines.append(f"      {where}")
    return "\n".join(lines)


def has_desktop() -> bool:
    """Whether a browser window can be opened, and somebody sits there to see it."""
    if not sys.stdout.isatty() or "SSH_CONNECTION" in os.environ or "CI" in os.environ:
        return False
    x11 = "DISPLAY" in os.environ or "WAYLAND_DISPLAY" in os.environ
    return os.name == "nt" or sys.platform == "darwin" or x11


def ask_command(experiment: Experiment) -> str:
    """The command that asks the last model more."""
    ask = experiment.script("src/ask.py")
    ask[0] = relative(ask[0], experiment.settings.out)
    join = subprocess.list2cmdline if os.name == "nt" else shlex.join
    return f"cd {join([relative(experiment.settings.out, Path.cwd())])}\n  {join(ask)}"


# ---------------------------------------------------------------------------------------------
# From the command line
# ---------------------------------------------------------------------------------------------


def parse(arguments: list[str] | None) -> Settings:
    """Settings from the command line and the environment. Raises Failure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("variant", nargs="?", default="vanilla", help="kind of attention")
    parser.add_argument("--people", default=os.environ.get("PEOPLE", "700"))
    parser.add_argument("--minutes", default=os.environ.get("MINUTES", "10"), help="for all of it")
    parser.add_argument("--out", type=Path, default=ROOT / "quickstart_out", help="the folder")
    parser.add_argument("--python", help="an interpreter that has PyTorch: installs nothing")
    args = parser.parse_args(arguments)
    try:
        people, minutes = int(args.people), float(args.minutes)
    except ValueError:
        raise Failure("PEOPLE and MINUTES are numbers, for example 700 and 10") from None
    if not FEWEST_PEOPLE <= people <= MOST_PEOPLE:
        raise Failure(f"PEOPLE={people}: give a number from {FEWEST_PEOPLE} to {MOST_PEOPLE}")
    if not 0 < minutes < math.inf:
        raise Failure(f"MINUTES={minutes:g}: give a number above zero")
    return Settings(args.variant, people, minutes, args.out.resolve(), args.python)


def prepare_python(settings: Settings, progress: Progress, commands: Commands) -> str:
    """The interpreter that runs everything, with PyTorch installed."""
    if settings.python:
        return settings.python
    progress.start("installing PyTorch in .venv" + os.sep)
    python = install.install(REQUIREMENTS, ROOT, commands.run)
    late = progress.elapsed - INSTALL_SHARE * progress.seconds
    if late > 0:
        progress.seconds += late
        progress.say(
            f"The installation took {minutes_seconds(progress.elapsed)}, so that all will take "
            f"{minutes_seconds(progress.seconds)}; the next time it will be there."
        )
    return python


def run_all(settings: Settings, commands_in: Callable = Commands) -> None:
    """Everything, from the plan to the command that asks more."""
    print(plan(settings), flush=True)
    progress = Progress(60 * settings.minutes)
    try:
        settings.out.mkdir(parents=True, exist_ok=True)
        install.check_space(settings.out, SPACE)
        commands = commands_in(settings.out, progress)
    except OSError as error:
        raise Failure(f"{settings.out}: cannot be written ({error.strerror})") from None
    with contextlib.closing(commands), contextlib.ExitStack() as after:
        after.callback(progress.clear)
        python = prepare_python(settings, progress, commands)
        experiment = Experiment(settings, progress, commands, python)
        experiment.make_world()
        experiment.london()
        experiment.scratch()
        experiment.course()
        experiment.ours()
        page = experiment.report()
    print("\n" + table(experiment.results))
    print("\n" + three_answers(experiment.rows()))
    print(f"\nAll answers on one page: {relative(page, Path.cwd())}")
    print(f"To ask it about anybody:\n  {ask_command(experiment)}")
    print(f"({minutes_seconds(progress.elapsed)} minutes in all)")
    if has_desktop():
        webbrowser.open(page.as_uri())


def main(arguments: list[str] | None = None) -> None:
    with install.errors_are_sentences(
        "stopped; the same command starts anew, what is installed stays"
    ):
        run_all(parse(arguments))


if __name__ == "__main__":
    main()
