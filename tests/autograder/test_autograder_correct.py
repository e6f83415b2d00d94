"""Correct submissions get full marks, however they are written."""

import dataclasses
import inspect
import shutil
import time
from pathlib import Path

import pytest
import torch
from checks import CHECKS
from grade import grade
from grader_patches import PATCHES
from grader_world import LIMITS, failed, settings_of, shared, why
from sandbox import KILLED, Outcome, Sandbox

HERE = Path(__file__).resolve().parent
SMALL = "n_layer=2, n_head=4, n_embd=32"


def test_correct_submission():
    grader = shared()
    report = grader.grade(grader.correct)
    assert failed(report) == set(), why(report)
    assert report.score == report.most == 33


def test_a_submission_written_independently_of_src(tmp_path):
    """Other orders of operations, other distributions, masks in the params; the same params fit.
    (submission_a: the script style of test_autograder_styles.py.)"""
    grader = shared()
    folder = Path(shutil.copytree(HERE / "submission_b", tmp_path / "b"))
    run = folder / "src" / "run.py"
    code = run.read_text(encoding="utf-8")
    assert "n_layer=4, n_head=8, n_embd=256" in code
    run.write_text(code.replace("n_layer=4, n_head=8, n_embd=256", SMALL), encoding="utf-8")
    for path in (*grader.correct.glob("*.params"), *grader.correct.glob("*.predictions")):
        shutil.copy(path, folder)
    for path in folder.glob("*.params"):  # they hold its mask, which is -inf where it hides
        future = torch.full((128, 128), float("-inf")).triu(1)
        more = {f"blocks.{i}.attn.future": future for i in range(2)}
        torch.save(torch.load(path, weights_only=True) | more, path)
    report = grader.grade(folder)
    assert failed(report) == set(), why(report)
    assert report.score == report.most == 33


def test_the_grade_is_the_same_on_every_run(tmp_path):
    """Also in another sandbox, and from a zip with a folder around everything."""
    grader = shared()
    submission = grader.copy(tmp_path)
    patch = next(p for p in PATCHES if p.name == "half is masked")
    patch.apply(submission)
    first = grader.grade(submission)
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path, "submission")
    with Sandbox(LIMITS) as sandbox:
        second = grade(Path(archive), grader.world, sandbox, grader.reference)
    lines = [[(r.status, r.score, r.lines) for r in report.results] for report in (first, second)]
    assert lines[0] == lines[1]


@pytest.mark.parametrize("edition", ["2021", "2023", "2024", "xcs224n"])
def test_every_edition_has_the_handouts_points_and_known_checks(edition):
    settings = settings_of(edition)
    points = {}
    for entry in settings["checks"]:
        points[entry["part"]] = points.get(entry["part"], 0) + entry["points"]
        parameters = inspect.signature(CHECKS[entry["check"]]).parameters
        assert entry.get("args", {}).keys() <= parameters.keys() - {"grading"}
        assert entry["visibility"] in ("visible", "hidden", "after_due_date", "after_published")
        assert entry.get("args", {}).get("model", "pretrain") in settings["models"]
    assert points == {"a": 0, "d": 5, "e": 10, "f": 10, "g": 8}
    names = [entry["name"] for entry in settings["checks"]]
    assert len(names) == len(set(names))


def test_without_test_answers_those_checks_are_not_run():
    grader = shared()
    world = dataclasses.replace(grader.world, answers=None)
    report = grade(grader.correct, world, grader.sandbox, grader.reference)
    not_run = {r.entry["name"]: r for r in report.results if r.status == "not run"}
    assert not_run.keys() == {"d.test", "f.test", "g.test"}
    assert all(r.most == 0 and "no test answers" in r.lines[0] for r in not_run.values())
    assert report.score == report.most == 33 - 0.5 - 2 - 1


def test_time_counts_from_the_programs_start_and_bounds_everything():
    grader = shared()
    now = time.monotonic()
    began = now - grader.world.settings["seconds"]
    report = grade(grader.correct, grader.world, grader.sandbox, grader.reference, began)
    assert time.monotonic() - now < 5
    assert report.seconds >= grader.world.settings["seconds"]
    assert report.causes == ["the time was used up by earlier checks"]
    late = {r.entry["name"] for r in report.results if r.lines == ["because of 1"]}
    assert late >= {"a.source", "d.london", "e.order", "f.reproduced", "f.confirmed", "g.equation"}


class NoFreshParams:
    """A platform that cannot make the reference's params; everything else works."""

    mode = "namespaces"

    def ask(self, probe, *args, **kwargs):
        if probe == "fresh_params":
            return Outcome(failure="the process was killed")
        return shared().sandbox.ask(probe, *args, **kwargs)


def test_a_failure_of_the_platform_is_not_the_students():
    grader = shared()
    report = grade(grader.correct, grader.world, NoFreshParams(), grader.reference)
    assert failed(report) == set(), why(report)
    not_run = {r.entry["name"] for r in report.results if r.status == "not run"}
    assert not_run == {"f.finetune", "g.finetune"}


class KillsOnce:
    """A machine that is short of memory for a moment, once for each kind of trusted probe."""

    mode = "namespaces"

    def __init__(self):
        self.left = {"params", "fresh_params", "reference_predictions"}

    def ask(self, probe, *args, **kwargs):
        if probe in self.left:
            self.left.remove(probe)
            return Outcome(failure=f"{KILLED} (too much memory, or a crash)")
        return shared().sandbox.ask(probe, *args, **kwargs)


def test_a_probe_without_student_code_that_the_machine_killed_is_asked_again():
    grader = shared()
    report = grade(grader.correct, grader.world, KillsOnce(), grader.reference)
    assert report.score == report.most == 33, why(report)
