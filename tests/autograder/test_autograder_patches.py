"""Wrong and hostile submissions fail the checks that they must fail, and no others."""

import pytest
from grader_patches import PATCHES
from grader_world import as_user, failed, shared, why

QUICK = {"y is not shifted", "w2 and b2 sliced from the wrong end", "exits",
         "gold in the rows that are not sampled", "a pickle that runs a command"}  # fmt: skip


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


@pytest.mark.slow
@pytest.mark.parametrize("name", ["leaves a process behind", "writes results.json",
                                  "kills everybody", "exits"])  # fmt: skip
def test_hostile_code_as_another_user(name, tmp_path):
    grader = as_user()
    submission = grader.copy(tmp_path)
    patch = next(patch for patch in PATCHES if patch.name == name)
    patch.apply(submission)
    report = grader.grade(submission)
    assert failed(report) == patch.fails, why(report)


def test_there_are_many_and_quick_ones_exist():
    assert sum(bool(patch.fails) for patch in PATCHES) >= 25
    assert {patch.name for patch in PATCHES} >= QUICK


def test_rows_that_the_model_does_not_give_are_not_counted_as_right(tmp_path):
    """Few enough wrong rows for `confirmed` (nine in ten agree), put right by hand."""
    grader = shared()
    submission = grader.copy(tmp_path)
    path = submission / "vanilla.pretrain.dev.predictions"
    rows = path.read_text(encoding="utf-8").splitlines()
    gold = grader.world.gold("dev")
    wrong = [i for i, (row, place) in enumerate(zip(rows, gold, strict=True)) if row != place]
    assert len(rows) >= 10
    for i in wrong[: len(rows) // 10]:
        rows[i] = gold[i]
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    report = grader.grade(submission)
    assert "f.confirmed" not in failed(report)
    assert report.accuracies == grader.grade(grader.correct).accuracies
    assert 0 < report.accuracies["dev"] == (len(gold) - len(wrong)) / len(gold)
