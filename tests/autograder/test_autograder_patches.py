"""Wrong and hostile submissions fail the checks that they must fail, and no others."""

import pytest
from grader_patches import PATCHES
from grader_world import failed, shared, why

QUICK = {"y is not shifted", "w2 and b2 sliced from the wrong end", "exits",
         "predictions copied from the gold file", "a pickle that runs a command"}  # fmt: skip


def cases():
    for patch in PATCHES:
        marks = () if patch.name in QUICK else pytest.mark.slow
        yield pytest.param(patch, id=patch.name, marks=marks)


@pytest.mark.parametrize("patch", cases())
def test_patched_submission(patch, tmp_path):
    grader = shared()
    submission = grader.copy(tmp_path)
    patch.apply(submission)
    report = grader.grade(submission)
    assert failed(report) == patch.fails, why(report)
    assert report.score == 33 - sum(
        result.entry["points"] for result in report.results if result.entry["name"] in patch.fails
    )


def test_there_are_many_and_quick_ones_exist():
    assert sum(bool(patch.fails) for patch in PATCHES) >= 25
    assert {patch.name for patch in PATCHES} >= QUICK
