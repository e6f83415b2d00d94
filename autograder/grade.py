"""Grade a submission of the assignment: python autograder/grade.py SUBMISSION [--json OUT].

SUBMISSION is a zip or a folder. Prints a table; --json writes the results in Gradescope's form.
"""

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from checks import CHECKS, Failed, NotRun
from checks.predictions import accuracies
from grading import HERE, Grading, Reference, World, compute_reference
from sandbox import Sandbox, SandboxError, remove
from unpack import BadSubmission, unpack

PROJECT = HERE.parent
LONGEST_LINE = 4000  # characters of feedback
PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"


@dataclass
class Result:
    """One check's verdict. `entry` is its line in the edition's settings."""

    entry: dict
    status: str
    lines: list[str]

    def __post_init__(self) -> None:
        """Data of the submission may hold half a character, or a million of them."""
        cut = [line[:LONGEST_LINE] for line in self.lines]
        self.lines = [line.encode("utf-8", "replace").decode("utf-8") for line in cut]

    @property
    def most(self) -> float:
        """What the check is worth: nothing where it could not be run."""
        return 0.0 if self.status == NOT_RUN else float(self.entry["points"])

    @property
    def score(self) -> float:
        return self.most if self.status == PASSED else 0.0


@dataclass
class Report:
    """All verdicts on a submission."""

    settings: dict
    results: list[Result]
    accuracies: dict
    seconds: float
    mode: str
    probe_mb: float  # memory of the largest probe, the libraries shared with the others included

    @property
    def score(self) -> float:
        return sum(result.score for result in self.results)

    @property
    def most(self) -> float:
        return sum(result.most for result in self.results)


def judge(entry: dict, grading: Grading) -> Result:
    """Run one check. Whatever the submission's data do to it, the check alone pays for it."""
    part = grading.settings["parts"][entry["part"]]
    try:
        return Result(entry, PASSED, [CHECKS[entry["check"]](grading, **entry.get("args", {}))])
    except Failed as failure:
        return Result(entry, FAILED, [*failure.lines, f"Handout: {part}"])
    except NotRun as reason:
        return Result(entry, NOT_RUN, [f"not run: {reason}"])
    except SandboxError:
        raise
    except Exception as error:  # data that no honest program gives
        seen = f"data that cannot be judged ({type(error).__name__}: {error})"
        return Result(entry, FAILED, [f"Seen: {seen}", f"Handout: {part}"])


def grade(submission: Path, world: World, sandbox: Sandbox, reference: Reference,
          began: float | None = None) -> Report:  # fmt: skip
    """All checks of the world's edition on a submission (zip or folder); its time counts from
    `began` (time.monotonic), by default from now."""
    began = time.monotonic() if began is None else began
    folder = Path(tempfile.mkdtemp(prefix="submission-"))
    checks = world.settings["checks"]
    found: dict = {"dev": None, "test": None}
    peak = 0.0
    try:
        unpack(submission, folder)
        grading = Grading(folder, world, sandbox, reference, began)
        results = [judge(entry, grading) for entry in checks]
        found, peak = accuracies(grading), grading.peak_mb
    except BadSubmission as error:
        results = [Result(entry, FAILED, [f"Seen: {error}"]) for entry in checks]
    finally:
        remove(folder)
    seconds = time.monotonic() - began
    return Report(world.settings, results, found, seconds, sandbox.mode, peak)


# -- what comes out -----------------------------------------------------------------------------


def gradescope(report: Report) -> dict:
    """The report as Gradescope's results.json. Terse checks say only pass or fail."""
    tests = []
    for number, result in enumerate(report.results, start=1):
        entry = result.entry
        secret = entry.get("terse", False) and result.status != NOT_RUN
        test = {
            "name": f"{entry['name']}: {entry['title']}",
            "number": str(number),
            "score": result.score,
            "max_score": result.most,
            "output": f"{result.status}." if secret else "\n".join(result.lines),
            "visibility": entry["visibility"],
        }
        if result.status != NOT_RUN:
            test["status"] = result.status
        tests.append(test)
    board = [
        {"name": f"{split} accuracy", "value": round(100 * share, 2), "order": "desc"}
        for split, share in report.accuracies.items()
        if share is not None
    ]
    return {
        "output": f"{report.settings['title']}; sandbox: {report.mode}",
        "tests": tests,
        "leaderboard": board,
        "execution_time": round(report.seconds),
        "stdout_visibility": "hidden",
    }


def unfinished(world: World) -> dict:
    """The results.json that stands until the real one replaces it."""
    return {
        "score": 0,
        "output": f"{world.settings['title']}: the grader did not finish. Submit again; if this "
                  "comes back, tell your instructor.",
        "stdout_visibility": "hidden",
    }  # fmt: skip


def table(report: Report) -> str:
    """The report for people: a line a check, details below those that did not pass."""
    lines = [f"{report.settings['title']}; sandbox: {report.mode}", ""]
    for result in report.results:
        entry = result.entry
        points = f"{result.score:g}/{result.most:g}"
        lines.append(f"{entry['name']:<14}{points:>9}  {result.status:<8}{entry['title']}")
        if result.status != PASSED:
            detail = "\n".join(result.lines).splitlines()
            lines += [f"{'':<25}{line}" for line in detail]
    lines += ["", f"{'total':<14}{report.score:>4g}/{report.most:g}"]
    for split, share in report.accuracies.items():
        if share is not None:
            lines.append(f"{split} accuracy {share:.1%}")
    return "\n".join(lines)


def write_json(content: dict, path: Path) -> None:
    """Write beside `path`, then move there: never half a file."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)


# -- the command --------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("submission", nargs="?", type=Path, help="assignment5.zip, or a folder")
    p.add_argument("--json", type=Path, help="write results.json here")
    p.add_argument("--edition", default="2021", help="2021, 2023, 2024, or a settings file")
    p.add_argument("--data", type=Path, help="folder of wiki.txt and the birth_*.tsv files")
    p.add_argument("--answers", type=Path, help="the test answers (question TAB place)")
    p.add_argument("--write_reference", type=Path, help="compute the right answers, for build.sh")
    return p


def world_of(args: argparse.Namespace) -> World:
    """What the arguments ask for; in a built autograder, what was built in."""
    built = HERE / "edition.json"
    path = built if built.is_file() else Path(args.edition)
    if not path.is_file():
        path = HERE / "editions" / f"{args.edition}.json"
    if not path.is_file():
        fail(f"--edition {args.edition}: no such settings; give 2021, 2023, 2024 or a file")
    home = HERE if built.is_file() else PROJECT
    answers = args.answers or HERE / "hidden" / "birth_test.tsv"
    if args.answers and not answers.is_file():
        fail(f"--answers {answers}: no such file; check the path")
    data = args.data or next(
        (d for d in (home / "data" / "cs224n", home / "data") if (d / "wiki.txt").is_file()),
        home / "data",
    )
    for name in ("wiki.txt", "birth_dev.tsv", "birth_test_inputs.tsv"):
        if not (data / name).is_file():
            fail(f"{data / name}: no such file; give --data, the folder of the course's files")
    settings = json.loads(path.read_text(encoding="utf-8"))
    world = World(settings, data, home / "src", answers if answers.is_file() else None)
    check_answers(world)
    return world


def check_answers(world: World) -> None:
    """Stop where the hidden answers do not belong to the questions."""
    if world.answers is None:
        return
    rows = world.rows(world.answers)
    wanted = world.questions("test")
    if any(len(row) != 2 for row in rows) or len(rows) != len(wanted):
        fail(f"{world.answers}: not {len(wanted)} rows of question, tab, place; mend it")
    for number, (row, question) in enumerate(zip(rows, wanted, strict=True), start=1):
        if row[0] != question:
            fail(f"{world.answers}, row {number}: asks {row[0]!r}, and birth_test_inputs.tsv "
                 f"{question!r}; bring both into the same order")  # fmt: skip


def check_secrecy(world: World, sandbox: Sandbox) -> None:
    """Stop where the submission's code could read the hidden answers."""
    path = world.answers
    if path is None or sandbox.mode == "namespaces":
        return
    if sandbox.mode == "plain":
        fail(f"{path}: the submission's code runs as you here and could read it; grade as root, or "
             "without --answers")  # fmt: skip
    place = path.resolve()
    if place.stat().st_mode & 0o4 and all(p.stat().st_mode & 0o1 for p in place.parents):
        fail(f"{path}: the submission's code could read it here; chmod 600 it")


def fail(message: str) -> None:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(2)


def show(report: Report) -> None:
    """Print the table, and what grading took."""
    sys.stdout.reconfigure(errors="backslashreplace")
    print(table(report))
    own = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{report.seconds:.0f} seconds; memory: grader {own:.0f} MB, "
          f"largest probe {report.probe_mb:.0f} MB")  # fmt: skip


def main() -> None:
    began = time.monotonic()
    args = parser().parse_args()
    if args.submission is None and args.write_reference is None:
        fail("nothing to grade; give a zip or a folder")
    if args.submission is not None and not args.submission.exists():
        fail(f"{args.submission}: no such file or folder; check the path")
    if args.json is not None and not args.json.resolve().parent.is_dir():
        fail(f"--json {args.json}: there is no such folder; make it")
    world = world_of(args)
    if args.json is not None:
        write_json(unfinished(world), args.json)
    try:
        with Sandbox(world.settings["limits"]) as sandbox:
            stored = HERE / "reference.npz"
            if stored.is_file() and args.write_reference is None:
                reference = Reference.load(stored)
            else:
                reference = compute_reference(sandbox, world)
            if args.write_reference is not None:
                reference.save(args.write_reference)
                return
            check_secrecy(world, sandbox)
            report = grade(args.submission, world, sandbox, reference, began)
            if args.json is not None:
                write_json(gradescope(report), args.json)
            show(report)
    except SandboxError as error:
        fail(str(error))


if __name__ == "__main__":
    main()
