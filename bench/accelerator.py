"""All that one hour with an accelerator should tell, in minutes: python bench/accelerator.py

In the order of what matters most, within --minutes: the device's product rates; a training step of
ours beside its plain twin and the libraries that are installed; the knowledge recipe to its end,
with the dev accuracy; the dev questions answered beside the plain loop; and, if time is left, the
course's pretraining and finetuning. Each figure is appended to --out (JSON, a line each) as it
comes, so that a run that is cut short has told what it knew. The last line printed is JSON.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import SIZES, add_sizes, native_dtypes, product_rate

from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import find_files
from training.device import pick_device
from training.runlog import machine

ROOT = Path(__file__).resolve().parent.parent
STAGES = ("products", "step", "knowledge", "answers", "course")
LEAST = 5  # seconds: with fewer left no stage begins


class Session:
    """The stages of one call: their commands, the time left, and the file of figures."""

    def __init__(self, args: argparse.Namespace, folder: Path):
        self.args, self.folder = args, folder
        self.device = pick_device(args.device)
        self.deadline = time.monotonic() + 60 * args.minutes
        self.rows: list[dict] = []
        self.corpus, self.train, self.dev = find_files(args.corpus, args.questions, args.dev)
        self.sizes = [f"--{name}={getattr(args, name)}" for name in SIZES]

    def left(self) -> float:
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
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, encoding="utf-8",
                timeout=max(1.0, self.left()),
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise UserError(f"{script}: the time was up") from None
        if done.returncode:
            raise UserError(f"{script} failed: {(done.stderr.strip() or 'no word')[-300:]}")
        return done.stdout

    def last_json(self, script: str, *options: str) -> dict:
        return json.loads(self.call(script, *options).splitlines()[-1])

    # -- the stages ----------------------------------------------------------------------------

    def products(self) -> dict:
        return {str(d)[6:]: product_rate(d, self.device) for d in native_dtypes(self.device)}

    def step(self) -> dict:
        """Step times, tokens/s and memory; peers eager, compiled and with CUDA graphs."""
        args = self.args
        options = [*self.sizes, f"--corpus={self.corpus}", f"--batch_size={args.batch_size}"]
        options += [f"--steps={args.steps}", f"--rounds={args.rounds}"]
        return {"rows": self.last_json("bench/train_step.py", *options)["rows"]}

    def knowledge(self) -> dict:
        minutes = self.args.knowledge_minutes or 0.6 * self.left() / 60
        return self.trained("pretrain", "knowledge", "--recipe=knowledge",
                            f"--finetune_corpus_path={self.train}",
                            f"--max_minutes={minutes:.3f}")  # fmt: skip

    def answers(self) -> dict:
        params = self.folder / "knowledge.params"
        if not params.exists():
            raise UserError("no model to ask: the knowledge stage did not end")
        return self.last_json("bench/answer.py", f"--reading_params_path={params}")

    def course(self) -> dict:
        pretraining = self.trained("pretrain", "course", "--recipe=course",
                                   f"--max_minutes={0.7 * self.left() / 60:.3f}")  # fmt: skip
        finetuning = self.trained(
            "finetune", "finetuned", f"--finetune_corpus_path={self.train}",
            f"--reading_params_path={self.folder / 'course.params'}",
        )  # fmt: skip
        return {"pretraining": pretraining, "finetuning": finetuning}

    def trained(self, function: str, name: str, *options: str) -> dict:
        """Train a model, ask it the dev questions: seconds, and what evaluate printed last."""
        common = ["vanilla", self.corpus]
        params, began = self.folder / f"{name}.params", time.monotonic()
        sizes = [] if function == "finetune" else self.sizes
        self.call("src/run.py", function, *common, *options, *sizes, "--no_log",
                  f"--writing_params_path={params}")  # fmt: skip
        seconds = time.monotonic() - began
        said = self.call("src/run.py", "evaluate", *common, f"--reading_params_path={params}",
                         f"--eval_corpus_path={self.dev}",
                         f"--outputs_path={self.folder / name}.predictions")  # fmt: skip
        correct = [line for line in said.splitlines() if line.startswith("Correct")]
        return {"seconds": seconds, "dev": correct[-1] if correct else None}

    def run(self) -> None:
        for name in self.args.only:
            if self.left() < LEAST:
                self.record(stage=name, skipped="the time was up")
                continue
            began = time.monotonic()
            try:
                row = {"result": getattr(self, name)()}
            except UserError as error:  # the next stage may still have something to tell
                row = {"failed": str(error)}
            self.record(stage=name, seconds=round(time.monotonic() - began, 2), **row)


def main(argv: list[str] | None = None) -> None:
    parser = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add_sizes(parser)
    parser.add_argument("--minutes", type=float, default=9, help="for everything")
    parser.add_argument("--knowledge_minutes", type=float, help="60 per cent of what is left then")
    parser.add_argument("--out", default="accelerator.jsonl", help="the file of figures")
    parser.add_argument("--only", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--questions", default="birth_places_train.tsv", help="training questions")
    parser.add_argument("--dev", default="birth_dev.tsv", help="questions with their places")
    parser.add_argument("--steps", type=int, default=10, help="steps of a turn")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each contender")
    args = parser.parse_args(argv)
    if args.minutes <= 0:
        raise UserError("--minutes must be above 0; mend it")
    with tempfile.TemporaryDirectory() as folder:
        session = Session(args, Path(folder))
        session.record(stage="machine", minutes=args.minutes, result=machine(session.device))
        session.run()
    print(json.dumps({"bench": "accelerator", "rows": session.rows}))


if __name__ == "__main__":
    with errors_are_sentences():
        main()
