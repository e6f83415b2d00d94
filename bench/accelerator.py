"""All that one hour with an accelerator should tell, in minutes: python bench/accelerator.py

In the order of what matters most, within --minutes: the device's product rates; a training step of
ours beside its plain twin and the libraries that are installed; the recipes `reading` and
`knowledge` to their end, with the dev accuracy; the dev questions answered beside the plain loop;
the course's pretraining and finetuning. No stage takes more than its share of the time that is
left when it begins. Each figure is appended to --out (JSON, a line each) as it comes, so that a run
that is cut short has told what it knew. The last line printed is JSON.
"""

import argparse
import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from options import COURSE_SIZES, add_sizes, new_parser

from base.cli import Parser, check_words, real, whole
from base.errors import UserError, errors_are_sentences
from base.files import find_files, read_text
from training.config import YEAR

ROOT = Path(__file__).resolve().parent.parent
SHARES = {  # stages in their order; the most of the time left that each may take
    "products": 0.2,
    "step": 0.4,
    "reading": 0.5,
    "knowledge": 0.4,
    "answers": 0.5,
    "course": 1.0,
}
LEAST = 5  # seconds: with fewer left no stage begins
PRETRAINING, FINETUNING = 0.7, 0.1  # of a stage's time; starting and asking take the rest



def parser() -> Parser:
    p = new_parser(__doc__)
    add_sizes(p)
    p.add_argument("--minutes", type=real(YEAR), default=9, help="for everything")
    p.add_argument("--training_minutes", type=real(YEAR),
                   help="of each training; else a share of what is left")  # fmt: skip
    p.add_argument("--out", default="accelerator.jsonl", help="the file of figures")
    p.add_argument("--only", nargs="+", choices=tuple(SHARES), default=tuple(SHARES))
    p.add_argument("--questions", default="birth_places_train.tsv", help="training questions")
    p.add_argument("--dev", default="birth_dev.tsv", help="questions with their places")
    p.add_argument("--steps", type=whole(), default=10, help="steps of a turn")
    p.add_argument("--rounds", type=whole(), default=5, help="turns of each contender")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

from measure import native_dtypes, product_rate
from peers import BUILDERS, installed

from recipes import COURSE
from training.device import pick_device
from training.runlog import machine

Figures = Iterator[tuple[str, object]]  # name and value of each figure, as it comes


class Session:
    """The stages of one call: their commands, the time left, and the file of figures."""

    def __init__(self, args: argparse.Namespace, folder: Path):
        self.args, self.folder = args, folder
        self.device = pick_device(args.device)
        self.deadline = self.stage_end = time.monotonic() + 60 * args.minutes
        self.rows: list[dict] = []
        self.corpus, self.train, self.dev = find_files(args.corpus, args.questions, args.dev)
        self.sizes = [f"--{name}={getattr(args, name)}" for name in COURSE_SIZES]
        self.step_seconds: float | None = None  # of ours, once measured

    def left(self) -> float:
        """Seconds of the whole call."""
        return self.deadline - time.monotonic()

    def record(self, **row) -> None:
        """Append a figure to the file, and print it."""
        self.rows.append(row)
        with open(self.args.out, "a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    def call(self, script: str, *options: str) -> str:
        """What a script of the project prints. Raises UserError where it fails or time is up."""
        command = [sys.executable, str(ROOT / script), *options, f"--device={self.device.type}"]
        seconds = max(1.0, self.stage_end - time.monotonic())
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, encoding="utf-8", timeout=seconds
            )
        except subprocess.TimeoutExpired:
            raise UserError(f"{script}: its time was up") from None
        if done.returncode:
            raise UserError(f"{script} failed: {(done.stderr.strip() or 'no message')[-300:]}")
        return done.stdout

    def last_json(self, script: str, *options: str) -> dict:
        return json.loads(self.call(script, *options).splitlines()[-1])

    # -- the stages ----------------------------------------------------------------------------

    def products(self) -> Figures:
        """FLOP/s of a matrix product."""
        for dtype in native_dtypes(self.device):
            yield str(dtype)[6:], product_rate(dtype, self.device)

    def step(self) -> Figures:
        """Step times, tokens/s and memory; peers eager, compiled and with CUDA graphs."""
        args = self.args
        options = [*self.sizes, f"--corpus={self.corpus}", f"--batch_size={args.batch_size}"]
        options += [f"--steps={args.steps}", f"--rounds={args.rounds}"]
        for name in ("plain", *BUILDERS):
            if name in BUILDERS and not installed(name):
                yield name, "not installed"
                continue
            rows = self.last_json("bench/train_step.py", *options, "--only", "ours", name)["rows"]
            self.step_seconds = self.step_seconds or rows[0]["seconds"]
            yield name, rows

    def reading(self) -> Figures:
        return self.recipe("reading")

    def knowledge(self) -> Figures:
        return self.recipe("knowledge")

    def recipe(self, name: str) -> Figures:
        """Both runs of a recipe of ours, and the dev questions."""
        questions = (f"--recipe={name}", f"--finetune_corpus_path={self.train}")
        minutes = self.limit(PRETRAINING)
        yield from self.training("pretrain", name, *questions, minutes, *self.sizes)
        yield from self.training(
            "finetune", f"{name}-finetuned", *questions, self.limit(FINETUNING), start=name
        )
        yield "dev", self.asked(f"{name}-finetuned")

    def answers(self) -> Figures:
        """The dev questions beside the plain loop, asked of the best model that there is."""
        for name in ("reading-finetuned", "knowledge-finetuned", "reading", "knowledge"):
            if (self.folder / f"{name}.params").exists():
                params = self.folder / f"{name}.params"
                yield name, self.last_json(
                    "bench/answer.py", f"--reading_params_path={params}", f"--corpus={self.corpus}",
                    f"--questions={self.train}", f"--dev={self.dev}",
                )  # fmt: skip
                return
        raise UserError("there is no model to ask: no recipe came to its end")

    def course(self) -> Figures:
        """The course's pretraining, all epochs if they fit; its finetuning; the dev questions."""
        length = [] if self.course_fits() else [self.limit(PRETRAINING)]
        yield "all epochs", not length
        yield from self.training("pretrain", "course", "--recipe=course", *length, *self.sizes)
        yield from self.training(
            "finetune", "course-finetuned", f"--finetune_corpus_path={self.train}", start="course"
        )
        yield "dev", self.asked("course-finetuned")

    def course_fits(self) -> bool:
        """Whether the course's pretraining ends in its share of the time, by the measured step."""
        if self.step_seconds is None or self.args.training_minutes:
            return False
        phase, documents = COURSE["pretrain"], read_text(self.corpus).count("\n") + 1
        steps = phase.max_epochs * math.ceil(documents / phase.batch_size)
        return steps * self.step_seconds < PRETRAINING * (self.stage_end - time.monotonic())

    def limit(self, share: float) -> str:
        """The option that gives a training this share of the stage's time."""
        minutes = share * (self.stage_end - time.monotonic()) / 60
        return f"--max_minutes={self.args.training_minutes or max(0.001, minutes):.4f}"

    def training(self, function: str, name: str, *options: str, start: str = "") -> Figures:
        """Train a model, from the one called `start` if given; the seconds of the whole command."""
        if start:
            options += (f"--reading_params_path={self.folder / start}.params",)
        began = time.monotonic()
        self.call("src/run.py", function, "vanilla", self.corpus, *options, "--no_log",
                  f"--writing_params_path={self.folder / name}.params")  # fmt: skip
        yield f"{function} seconds", round(time.monotonic() - began, 2)

    def asked(self, name: str) -> str | None:
        """What `evaluate` says of the model's answers to the dev questions."""
        said = self.call("src/run.py", "evaluate", "vanilla", self.corpus,
                         f"--reading_params_path={self.folder / name}.params",
                         f"--eval_corpus_path={self.dev}",
                         f"--outputs_path={self.folder / name}.predictions")  # fmt: skip
        return next((line for line in said.splitlines() if line.startswith("Correct")), None)

    def run(self) -> None:
        """The stages that were asked for, in their order, whatever order they were named in."""
        for stage in (name for name in SHARES if name in self.args.only):
            if self.left() < LEAST:
                self.record(stage=stage, skipped="the time was up")
                continue
            began = time.monotonic()
            self.stage_end = began + SHARES[stage] * self.left()
            try:
                for figure, value in getattr(self, stage)():
                    seconds = round(time.monotonic() - began, 2)
                    self.record(stage=stage, seconds=seconds, figure=figure, value=value)
            except UserError as error:  # the next stage may still have something to tell
                seconds = round(time.monotonic() - began, 2)
                self.record(stage=stage, seconds=seconds, failed=str(error))


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    with tempfile.TemporaryDirectory() as folder:
        session = Session(args, Path(folder))
        session.record(stage="machine", minutes=args.minutes, value=machine(session.device))
        session.run()
    print(json.dumps({"bench": "accelerator", "rows": session.rows}))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
