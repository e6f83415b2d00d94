"""The starter kit: worth nothing as it is, full marks when the bodies are written."""

import ast
import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, run_script
from grader_world import COURSE_SIZES, SIZES, failed, shared, why
from make_starter import BLANKS, FILES, blanked, cut, find, make_starter

# Where the solution's own text is put back: its file, the kit's, a whole class or function.
WRITTEN = (
    ("src/run.py", "src/run.py", "build_model"),
    ("src/dataset.py", "src/dataset.py", "CharCorruptionDataset"),
    ("src/attention/synthesizer.py", "src/attention.py", "SynthesizerAttention"),
)
BUILD_TRAINING = """def build_training(args):
    # as the TODO says it
    state, sizes = read_params(args)
    data = corpus = load_corpus(args, args.pretrain_corpus_path, sizes["block_size"])
    model = build_model(args, corpus, state, sizes, 0.1)
    lengths = {"max_epochs": 650, "batch_size": 128, "learning_rate": 6e-3}
    if args.function == "finetune":
        data = NameDataset(corpus, read_text(args.finetune_corpus_path))
        epochs = 75 if args.reading_params_path is None else 10
        lengths = {"max_epochs": epochs, "batch_size": 256, "learning_rate": 6e-4}
    config = trainer.TrainerConfig(lr_decay=True, warmup_tokens=512 * 20, num_workers=4,
                                   final_tokens=200 * len(corpus) * corpus.block_size, **lengths)
    return trainer.Trainer(model, data, None, config)
"""
KIT = {
    "LICENSE", "collect_submission.sh", "london_baseline.py", "requirements.txt",
    *(f"src/{name}.py" for name in (
        "attention", "dataset", "model", "run", "trainer", "utils",
        "checkpoint", "decode", "distributed", "dropout", "engine", "evaluation", "files",
        "optimizers", "runlog")),
    *(f"data/{name}" for name in (
        "wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv")),
    *(f"mingpt-demo/{name}" for name in ("README.md", "input.txt", "play_char.ipynb")),
}  # fmt: skip


@pytest.fixture
def kit(tmp_path):
    make_starter(tmp_path / "kit")
    model = tmp_path / "kit" / "src" / "model.py"
    code = model.read_text(encoding="utf-8")
    model.write_text(code.replace(COURSE_SIZES, json.dumps(SIZES)), encoding="utf-8")
    return tmp_path / "kit"


def definition(path: Path, name: str) -> tuple[int, int]:
    """First and last line of a function or class at the top of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    node = next(node for node in tree.body if getattr(node, "name", None) == name)
    return node.lineno - 1, node.end_lineno


def replace(path: Path, name: str, text: str) -> None:
    start, end = definition(path, name)
    lines = path.read_text(encoding="utf-8").splitlines()
    lines[start:end] = text.splitlines()
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def fill(kit: Path) -> None:
    for source, file, name in WRITTEN:
        start, end = definition(ROOT / source, name)
        lines = (ROOT / source).read_text(encoding="utf-8").splitlines()[start:end]
        replace(kit / file, name, "\n".join(lines))
    replace(kit / "src" / "run.py", "build_training", BUILD_TRAINING)
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
    for name in ("model.py", "trainer.py", "utils.py"):
        own = (ROOT / "src" / name).read_text(encoding="utf-8")
        assert text[name] == own.replace(COURSE_SIZES, json.dumps(SIZES))  # by the fixture


def test_the_kit_has_these_files_and_no_others(kit):
    shutil.rmtree(kit / "src" / "__pycache__", ignore_errors=True)
    found = {str(path.relative_to(kit)) for path in kit.rglob("*") if path.is_file()}
    assert found == KIT


def test_the_filled_kit_trains_and_writes_params(kit):
    """With the shortest finetuning that there is."""
    fill(kit)
    run = kit / "src" / "run.py"
    code = run.read_text(encoding="utf-8")
    assert "epochs = 75 if" in code
    run.write_text(code.replace("epochs = 75 if", "epochs = 1 if"), encoding="utf-8")
    data = shared().world.data
    run = run_script(run, "finetune", "vanilla", data / "wiki.txt", "--finetune_corpus_path",
                     data / "birth_places_train.tsv", "--writing_params_path", kit / "a.params",
                     "--device", "cpu", cwd=kit)  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert json.loads((kit / "a.params.json").read_text())["max_epochs"] == 1


def test_a_solution_that_has_moved_is_named(tmp_path):
    with pytest.raises(LookupError, match="build_model"):
        blanked("def other():\n    pass\n", [BLANKS[0]])
    with pytest.raises(LookupError, match="CUTS"):
        cut({name: "" for name in FILES})
    run = run_script("autograder/make_starter.py", tmp_path)
    assert run.returncode == 2 and "exists" in run.stderr
