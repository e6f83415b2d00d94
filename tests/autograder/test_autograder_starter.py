"""The starter kit: worth nothing as it is, full marks when the bodies are written."""

import ast
import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, run_script
from grader_world import COURSE_SIZES, SIZES, failed, shared, why
from make_starter import BLANKS, blanked, find, make_starter

# Where the solution's own text is put back: its file, the kit's, whole classes and functions.
WRITTEN = (
    ("src/run.py", "src/run.py", ("build_model", "build_training")),
    ("src/dataset.py", "src/dataset.py", ("CharCorruptionDataset",)),
    ("src/attention/synthesizer.py", "src/attention.py", ("SynthesizerAttention",)),
)
HELPERS = ("training_files", "training_data")  # of build_training, which went with it


@pytest.fixture
def kit(tmp_path):
    make_starter(tmp_path / "kit")
    run = tmp_path / "kit" / "src" / "run.py"
    code = run.read_text(encoding="utf-8")
    run.write_text(code.replace(COURSE_SIZES, json.dumps(SIZES)), encoding="utf-8")
    return tmp_path / "kit"


def definition(path: Path, name: str) -> tuple[int, int]:
    """First and last line of a function or class at the top of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node = next(node for node in tree.body if getattr(node, "name", None) == name)
    return node.lineno - 1, node.end_lineno


def fill(kit: Path) -> None:
    for source, file, names in WRITTEN:
        for name in names:
            start, end = definition(ROOT / source, name)
            solution = (ROOT / source).read_text(encoding="utf-8").splitlines()[start:end]
            if name == "build_training":
                for helper in HELPERS:
                    start, end = definition(ROOT / source, helper)
                    more = (ROOT / source).read_text(encoding="utf-8").splitlines()[start:end]
                    solution += ["", "", *more]
            start, end = definition(kit / file, name)
            lines = (kit / file).read_text(encoding="utf-8").splitlines()
            lines[start:end] = solution
            (kit / file).write_text("\n".join(lines) + "\n", encoding="utf-8")
    shutil.copy(ROOT / "london_baseline.py", kit)


def add_artifacts(kit: Path) -> None:
    correct = shared().correct
    for path in (*correct.glob("*.params"), *correct.glob("*.predictions")):
        shutil.copy(path, kit)


def test_the_unfilled_kit_scores_nothing(kit):
    report = shared().grade(kit)
    assert report.score == 0, [r.entry["name"] for r in report.results if r.score]


def test_the_filled_kit_gets_full_marks(kit):
    fill(kit)
    add_artifacts(kit)
    report = shared().grade(kit)
    assert failed(report) == set(), why(report)
    assert report.score == report.most == 33


def test_the_kit_runs_and_says_what_is_not_written(kit):
    assert run_script(kit / "src" / "dataset.py", "namedata").returncode == 0
    assert run_script(kit / "src" / "run.py", "--help").returncode == 0
    run = run_script(kit / "src" / "dataset.py", "charcorruption")
    assert run.returncode != 0 and "part e" in run.stderr
    assert "part d" in run_script(kit / "london_baseline.py").stderr


def test_no_solution_is_left_and_the_rest_is_as_it_was(kit):
    text = {path.name: path.read_text(encoding="utf-8") for path in (kit / "src").rglob("*.py")}
    for blank in BLANKS:
        file = "attention.py" if "attention" in blank.file else Path(blank.file).name
        assert f"TODO ({blank.part})" in text[file]
        for name in blank.gone:
            with pytest.raises(LookupError):
                find(ast.parse(text[file]), name)
    assert {"model", "dataset", "attention", "trainer", "run", "utils"} <= {
        path.stem for path in (kit / "src").glob("*.py")
    }
    for name in ("model.py", "trainer.py", "utils.py"):
        assert text[name] == (ROOT / "src" / name).read_text(encoding="utf-8")
    assert not (kit / "data" / "birth_test.tsv").exists()


def test_a_solution_that_has_moved_is_named(tmp_path):
    with pytest.raises(LookupError, match="build_model"):
        blanked("def other():\n    pass\n", [BLANKS[0]])
    run = run_script("autograder/make_starter.py", tmp_path)
    assert run.returncode == 2 and "exists" in run.stderr
