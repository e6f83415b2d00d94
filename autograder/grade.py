"""Grade a submission of the assignment: python autograder/grade.py SUBMISSION [--json OUT].

SUBMISSION is a zip or a folder. Prints a table; --json writes the results in Gradescope's form.
"""

import argparse
import inspect
import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import editions
from checks import CHECKS, Failed, NotRun
from checks.predictions import accuracies
from feedback import (
    FAILED,
    NOT_RUN,
    PASSED,
    Report,
    Result,
    gradescope,
    table,
    unfinished,
    write_json,
)
from grading import HERE, Grading, Reference, World, compute_reference
from sandbox import Sandbox, SandboxError, remove
from unpack import BadSubmission, unpack
from verdicts import visible

PROJECT = HERE.parent
BUILT = HERE / "edition.json"  # there in an autograder that build.sh has made


def judge(entry: dict, grading: Grading) -> Result:
    """Run one check. Whatever the submission's data do to it, the check alone pays for it."""
    part = grading.settings["parts"][entry["part"]]
    try:
        return Result(entry, PASSED, [CHECKS[entry["check"]](grading, **entry.get("args", {}))])
    except Failed as failure:
        return Result(entry, FAILED, [*failure.lines, f"Handout: {part}"], failure.cause)
    except NotRun as reason:
        return Result(entry, NOT_RUN, [f"not run: {reason}"], open=reason.open)
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
    right: dict = {"dev": None, "test": None}
    peak, notes = 0.0, list(world.notes)
    try:
        unpack(submission, folder)
        grading = Grading(folder, world, sandbox, reference, began)
        for sentence in other_kit(folder, world.settings["edition"]):
            grading.note(sentence)
        results = [judge(entry, grading) for entry in checks]
        right, peak = accuracies(grading), grading.peak_mb
        if grading.layout.mentions("SummaryWriter"):
            grading.note("TensorBoard's SummaryWriter is a stand-in here that writes nothing")
        notes = grading.notes + grading.layout.notes
    except BadSubmission as error:
        results = [Result(entry, FAILED, [f"Seen: {error}"], str(error)) for entry in checks]
    finally:
        remove(folder)
    seconds = time.monotonic() - began
    return Report(world.settings, results, right, seconds, sandbox.mode, peak, notes)


def other_kit(folder: Path, edition: str) -> list[str]:
    """A sentence where the submission in `folder` is plainly from another shipped edition's kit."""
    try:
        found = editions.detect(folder)
    except editions.UnknownEdition:
        return []
    if found == edition or edition not in editions.names():
        return []
    return [f"this looks like a submission of edition {found}, and is graded as {edition}"]


# -- the command --------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    p.add_argument("submission", nargs="?", type=Path, help="assignment5.zip, or a folder")
    p.add_argument("--json", type=Path, help="write results.json here")
    p.add_argument("--edition", help=f"{', '.join(editions.names())} (default: 2021), a settings "
                                     "file, or auto: that of the submission's kit")  # fmt: skip
    p.add_argument("--explain", metavar="CHECK", help="print what a check wants, as f.pretrain")
    p.add_argument("--data", type=Path, help="folder of wiki.txt and the birth_*.tsv files")
    p.add_argument("--answers", type=Path, help="the test answers (question TAB place)")
    p.add_argument("--write_reference", type=Path, help="compute the right answers, for build.sh")
    return p


def settings_of(args: argparse.Namespace) -> tuple[dict, tuple[str, ...]]:
    """The edition's settings that the arguments ask for, and what to say about the choice; in a
    built autograder, those that were built in."""
    try:
        if BUILT.is_file():
            return json.loads(BUILT.read_text(encoding="utf-8")), ()
        if args.edition != "auto":
            return editions.load(args.edition or "2021"), ()
        name = detect(args.submission)
    except editions.UnknownEdition as error:
        fail(str(error))
    return editions.load(name), (f"edition {name}, by the submission's own files",)


def detect(submission: Path | None) -> str:
    if submission is None:
        fail("--edition auto needs a submission")
    with tempfile.TemporaryDirectory() as folder:
        try:
            unpack(submission, Path(folder))
        except BadSubmission as error:
            fail(str(error))
        return editions.detect(Path(folder))


def world_of(args: argparse.Namespace) -> World:
    """What the arguments ask for; in a built autograder, what was built in."""
    settings, notes = settings_of(args)
    home = HERE if BUILT.is_file() else PROJECT
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
    world = World(settings, data, home / "src", answers if answers.is_file() else None, notes)
    check_answers(world)
    return world


def explain(args: argparse.Namespace) -> None:
    """Print what a check wants and why."""
    settings, _ = settings_of(args)
    entry = next((e for e in settings["checks"] if e["name"] == args.explain), None)
    wants = inspect.getdoc(CHECKS[entry["check"]]) if entry else ""
    try:
        print(editions.explain(settings, args.explain, wants))
    except editions.UnknownEdition as error:
        fail(str(error))


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
    print(f"error: {visible(message)}", file=sys.stderr)
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
    if args.submission is not None and not args.submission.exists():
        fail(f"{args.submission}: no such file or folder; check the path")
    if args.explain:
        explain(args)
        return
    if args.submission is None and args.write_reference is None:
        fail("nothing to grade; give a zip or a folder")
    if args.json is not None and not args.json.resolve().parent.is_dir():
        fail(f"--json {args.json}: there is no such folder; make it")
    world = world_of(args)
    if args.json is not None:
        write_json(unfinished(world.settings), args.json)
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
