"""A family of runs: each in a process and a folder of its own, and none twice.

FOLDER/<name>/settings.json says what a run is made of, log.txt holds what it printed, result.json
what it measured. A family can be stopped, started again and extended.

A lab's module has a dataclass `Settings` and a function `run(settings) -> dict`, or
`run(settings, folder)` where it has more to keep; `python -m labs.common.family MODULE FOLDER` is
one run of it.

Several machines that share FOLDER can work on one family: start the same command on each. A run is
locked while it is made (base/locks.py), and what another process makes is left to it.
"""

import argparse
import importlib
import inspect
import json
import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from tqdm import tqdm

from base.cli import Parser, real, whole
from base.errors import UserError, errors_are_sentences
from base.files import ROOT, read_text, write_whole
from base.locks import file_lock
from labs.common.plots import without_matplotlib


def flops(text: str) -> float:
    """An argparse type: a number of FLOPs, 1e15 say."""
    return real(1e24)(text)


def add_options(parser: argparse.ArgumentParser, out: str) -> None:
    """The options of every family: which seeds, how many runs at a time, which folder."""
    seeds = {"nargs": "+", "type": whole(0), "default": [0], "metavar": "K"}
    parser.add_argument("--seeds", **seeds, help="one run each")
    parser.add_argument("--jobs", type=whole(1, 1024), default=1, help="runs at a time")
    parser.add_argument("--out", type=Path, default=Path(out), help=f"the folder (default: {out})")


def run_all(module: str, wanted: dict[str, object], out: Path, jobs: int) -> list[str]:
    """Run those of `wanted` (name -> Settings) that have no result in `out` yet.

    Returns the names of the runs that failed. Raises UserError where a result was made with other
    settings, before anything runs.
    """
    if jobs < 1:
        raise UserError(f"--jobs {jobs}: give at least 1")
    missing = {name: s for name, s in wanted.items() if not exists(out / name, asdict(s))}
    print(f"{len(wanted) - len(missing)} of {len(wanted)} runs are there", flush=True)
    threads = max(1, (os.cpu_count() or 1) // jobs)
    with ThreadPoolExecutor(jobs) as pool:
        jobs_of = [(module, out / name, asdict(s), threads) for name, s in missing.items()]
        ends = pool.map(lambda job: run_one(*job), jobs_of)
        ended = list(tqdm(ends, "runs", len(missing), leave=False, disable=None))
    return [name for name, well in zip(missing, ended, strict=True) if not well]


def exists(folder: Path, settings: dict) -> bool:
    """Whether the run's result is there. Raises UserError where it was made otherwise."""
    if not (folder / "result.json").exists():
        return False
    theirs = json.loads(read_text(str(folder / "settings.json")))
    for name, value in json.loads(json.dumps(settings)).items():
        if theirs.get(name) != value:
            raise UserError(
                f"{folder}: made with {name} {theirs.get(name)!r}, not {value!r}; "
                "give another --out"
            )
    return True


def run_one(module: str, folder: Path, settings: dict, threads: int) -> bool:
    """One run in its own process; whether it ended well, or another process is at it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with file_lock(str(folder / "run")):
            return exists(folder, settings) or start(module, folder, settings, threads)
    except UserError as error:
        if "another run is writing" not in str(error):
            raise
        print(f"{folder.name}: another process is at it", flush=True)
        return True


def start(module: str, folder: Path, settings: dict, threads: int) -> bool:
    """Start the run's process and wait for it; whether it ended well."""
    with write_whole(str(folder / "settings.json")) as file:
        json.dump(settings, file, indent=1)
    command = [sys.executable, "-m", "labs.common.family", module, str(folder)]
    env = {"OMP_NUM_THREADS": str(threads)} | os.environ
    env["PYTHONPATH"] = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=env)
    print(f"{folder.name}: {'failed' if ended.returncode else 'done'}", flush=True)
    return ended.returncode == 0


def results(out: Path) -> list[dict]:
    """The results of all runs in `out`. Raises UserError where there is none."""
    paths = sorted(out.glob("*/result.json"))
    if not paths:
        raise UserError(f"{out}: no results in it; run the study first")
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]


def finish(
    text: str, draw: Callable[[], object], failed: list[str], out: Path, name: str = "table.md"
) -> None:
    """What a study ends with: its table, written and printed; its pictures; an error where runs
    failed."""
    with write_whole(str(out / name)) as file:
        file.write(text)
    print(text)
    try:
        draw()
    except ImportError:
        without_matplotlib()
    refuse_failed(failed, out)


def refuse_failed(failed: list[str], out: Path) -> None:
    """Raise UserError where runs failed: the last thing that a study does."""
    if failed:
        raise UserError(f"{', '.join(failed)}: failed; read log.txt in their folders in {out}")


def main() -> None:
    p = Parser(prog="python -m labs.common.family", description="One run of a family.")
    p.add_argument("module", metavar="MODULE", help="of the lab: labs.pig_latin.arm, say")
    p.add_argument("folder", metavar="FOLDER", type=Path, help="with the run's settings.json")
    args = p.parse_args()
    module, folder = importlib.import_module(args.module), args.folder
    settings = json.loads(read_text(str(folder / "settings.json")))
    both = len(inspect.signature(module.run).parameters) == 2
    result = module.run(*(module.Settings(**settings), folder)[: 1 + both])
    with write_whole(str(folder / "result.json")) as file:
        json.dump(result, file, indent=1)


if __name__ == "__main__":
    with errors_are_sentences():
        main()
