"""Wrong and hostile submissions fail the checks that they must fail, and no others."""

import pytest
from grader_patches import PATCHES
from grader_world import failed, shared, why


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.name)
def test_patched_submission(patch, tmp_path):
    grader = shared()
    submission = grader.copy(tmp_path)
    patch.apply(submission)
    report = grader.grade(submission)
    assert failed(report) == patch.fails, why(report)


def test_there_are_many():
    assert sum(bool(patch.fails) for patch in PATCHES) >= 25
