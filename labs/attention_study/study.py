"""Every attention variant, and every choice of positions for vanilla, trained alike and ranked.

python labs/attention_study/study.py [--only ARM ...] [--steps N] [--seeds K ...] [--out FOLDER]

Writes FOLDER/<arm>-seed<k>/result.json for each run, then table.md and plots. Runs whose result is
there are not repeated, so a study can be stopped, gone on with and extended.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from arm import Settings
from table import markdown, ranked, read_results, same_as_vanilla

from attention import POSITIONS, VARIANTS
from base.cli import Parser
from base.errors import UserError, errors_are_sentences
from base.files import write_whole
from model import COURSE_SIZES
from run import positive

HERE = Path(__file__).resolve().parent


def arms() -> dict[str, tuple[str, str | None]]:
    """Each arm's variant, and its positions where they are not the variant's own."""
    found = {name: (name, None) for name in VARIANTS}
    for positions in POSITIONS:
        if positions != VARIANTS["vanilla"].positions:
            found[f"vanilla+{positions}"] = ("vanilla", positions)
    return found


def parser() -> argparse.ArgumentParser:
    p = Parser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--only", nargs="+", metavar="ARM", choices=arms(), help=", ".join(arms()))
    p.add_argument("--seeds", nargs="+", type=int, default=[0], metavar="K")
    p.add_argument("--steps", type=positive(int), default=Settings.steps, help="of training")
    p.add_argument("--people", type=positive(int), default=Settings.people, help="to ask about")
    p.add_argument("--out", type=Path, default=Path("runs/attention_study"))
    p.add_argument("--jobs", type=positive(int), default=1, help="runs at a time")
    p.add_argument("--device", default="auto")
    p.add_argument(
        "--preset", choices=("small", "course"), default="small",
        help="course: the handout's model, data and budget (for an accelerator; --steps and "
        "--people say nothing there)",
    )  # fmt: skip
    return p


def settings_of(args: argparse.Namespace, arm: str, seed: int) -> Settings:
    variant, positions = arms()[arm]
    sizes = COURSE_SIZES if args.preset == "course" else {}
    return Settings(
        variant, positions, seed, args.preset, args.people, args.steps, device=args.device, **sizes
    )


def exists(folder: Path, settings: Settings) -> bool:
    """Whether the run's result is there. Raises UserError where it was made otherwise."""
    path = folder / "settings.json"
    if not (folder / "result.json").exists():
        return False
    theirs, ours = json.loads(path.read_text(encoding="utf-8")), asdict(settings)
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise UserError(
                f"{folder}: made with {name} {theirs.get(name)!r}, not {value!r}; give another "
                "--out, or delete it"
            )
    return True


def run_arm(folder: Path, settings: Settings, threads: int) -> bool:
    """One run in its own process; whether it ended well. Its words go to FOLDER/log.txt."""
    folder.mkdir(parents=True, exist_ok=True)
    with write_whole(str(folder / "settings.json")) as file:
        json.dump(asdict(settings), file, indent=1)
    command = [sys.executable, str(HERE / "arm.py"), json.dumps(asdict(settings)), str(folder)]
    env = os.environ | {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", str(threads))}
    with open(folder / "log.txt", "w", encoding="utf-8") as log:
        ended = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, env=env)
    print(f"{folder.name}: {'done' if ended.returncode == 0 else 'failed'}", flush=True)
    return ended.returncode == 0


def run_missing(args: argparse.Namespace) -> list[str]:
    """Run what is missing; the names of the runs that failed."""
    wanted = {
        f"{arm}-seed{seed}": settings_of(args, arm, seed)
        for seed in args.seeds
        for arm in args.only or arms()
    }
    missing = {name: s for name, s in wanted.items() if not exists(args.out / name, s)}
    print(f"{len(wanted) - len(missing)} of {len(wanted)} runs are there", flush=True)
    threads = max(1, (os.cpu_count() or 1) // args.jobs)
    with ThreadPoolExecutor(args.jobs) as pool:
        ended = list(
            pool.map(lambda name: run_arm(args.out / name, missing[name], threads), missing)
        )
    return [name for name, well in zip(missing, ended, strict=True) if not well]


def main(argv: list[str] | None = None) -> None:
    args = parser().parse_args(argv)
    failed = run_missing(args)
    results = read_results(args.out)
    rows = ranked(results)
    text = markdown(rows)
    with write_whole(str(args.out / "table.md")) as file:
        file.write(text)
    print(text)
    for name in same_as_vanilla(results):
        print(f"warning: {name} has exactly vanilla's loss: does its variant do anything?")
    with contextlib.suppress(ImportError):
        import plots

        plots.draw(rows, args.out)
    if failed:
        raise UserError(f"{', '.join(failed)}: failed; read log.txt in their folders in {args.out}")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
