"""The notebook runs from top to bottom with a small budget, and copies nothing of src/."""

import ast
import re
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "mingpt-demo"
DEV = "pip install -r requirements-dev.txt"

nbformat = pytest.importorskip("nbformat", reason=f"the notebook needs nbformat: {DEV}")
nbclient = pytest.importorskip("nbclient", reason=f"running the notebook needs nbclient: {DEV}")


def code(book) -> str:
    """The code cells as one program, without IPython's own commands."""
    cells = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    return "\n".join(line for line in cells.split("\n") if not line.startswith("%"))


def printed(book) -> str:
    outputs = [out for cell in book.cells for out in cell.get("outputs", [])]
    return "".join(out.text for out in outputs if out.output_type == "stream")


def pictures(book) -> int:
    outputs = [out for cell in book.cells for out in cell.get("outputs", [])]
    return sum("image/png" in out.get("data", {}) for out in outputs)


def losses(book) -> dict[str, float]:
    """What the notebook prints of its losses: first, last, held back, and of pairs."""
    number = r"(\d+\.\d+)"
    text = printed(book)
    first, last = re.search(rf"training loss: {number} .*, {number} at the last", text).groups()
    held = re.search(rf"held-back loss: {number}", text).group(1)
    pairs = re.search(rf"pairs {number}", text).group(1)
    return {k: float(v) for k, v in zip(
        ("first", "last", "held", "pairs"), (first, last, held, pairs), strict=True
    )}  # fmt: skip


@pytest.fixture(scope="module")
def committed():
    return nbformat.read(DEMO / "play_char.ipynb", as_version=4)


@pytest.fixture(scope="module")
def executed(committed, tmp_path_factory):
    """The notebook, run in a copy of the folders that it may use."""
    copy = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
    (copy / "mingpt-demo").mkdir()
    shutil.copy(DEMO / "input.txt", copy / "mingpt-demo")
    book = nbformat.from_dict(committed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PLAY_CHAR_STEPS", "40")
        patch.setenv("PLAY_CHAR_SAMPLE", "61")
        patch.setenv("OMP_NUM_THREADS", "1")
        nbclient.NotebookClient(
            book, timeout=300, startup_timeout=300, kernel_name="python3",
            resources={"metadata": {"path": str(copy / "mingpt-demo")}},
        ).execute()  # fmt: skip
    return book


def test_every_code_cell_ran_in_order(executed):
    counts = [cell.execution_count for cell in executed.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))
    assert pictures(executed) == 2


def test_the_loss_fell(executed):
    found = losses(executed)
    assert 3.9 < found["first"] < 4.4  # log 60 = 4.09: nothing is known yet
    assert found["last"] < found["first"] - 0.5
    assert found["held"] < found["first"] - 0.5


def test_samples_of_the_length_asked_for_are_printed(executed):
    samples = printed(executed).split("----- temperature ")[1:]
    assert [sample.split("\n", 1)[0] for sample in samples] == ["0.5", "0.8", "1.0"]
    for sample in samples:
        body = sample.split("\n", 1)[1].removesuffix("\n")
        assert body.startswith("Shall I compare thee to")
        assert len(body) == len("Shall I compare thee to") + 61


def test_it_imports_src_and_copies_nothing_of_it(committed):
    own = {path.stem: path for path in (ROOT / "src").glob("*.py")}
    tree = ast.parse(code(committed))
    imported = {
        node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
    } & own.keys()
    assert {"model", "trainer", "utils"} <= imported
    kinds = (ast.ClassDef, ast.FunctionDef)
    defined = {node.name for node in ast.walk(tree) if isinstance(node, kinds)}
    theirs = {
        node.name
        for path in own.values()
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, kinds)
    }
    assert "CharDataset" in defined
    assert not defined & theirs
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    bases = {ast.unparse(b) for n in ast.walk(tree) if isinstance(n, ast.ClassDef) for b in n.bases}
    assert bases == {"Dataset"}
    assert not any(name.startswith(("nn.", "torch.nn.")) for name in called)


def test_the_committed_outputs_are_small_and_tell_no_paths():
    text = (DEMO / "play_char.ipynb").read_text(encoding="utf-8")
    assert len(text) < 200_000
    assert not re.search(r"/(home|root|tmp|Users|usr|work)/|[A-Z]:\\\\", text)


def test_the_committed_outputs_are_of_the_default_budget(committed):
    assert "step 1500/1500" in printed(committed)
    found = losses(committed)
    assert found["held"] < found["pairs"] - 0.2


def test_the_text_is_154_sonnets():
    text = (DEMO / "input.txt").read_text(encoding="utf-8")
    poems = text.strip().split("\n\n")
    assert len(poems) == 154 and text.isascii()
    lengths = {n: len(p.split("\n")) for n, p in enumerate(poems, 1)}
    assert {n: k for n, k in lengths.items() if k != 14} == {99: 15, 126: 12}
    assert poems[17].startswith("Shall I compare thee to a summer's day?")
