"""The notebooks of labs/pretrained run with a small budget, without a network."""

import re

import pytest
from conftest import ROOT

DEV = "pip install -r requirements-dev.txt"
nbformat = pytest.importorskip("nbformat", reason=f"no nbformat: {DEV}")
nbclient = pytest.importorskip("nbclient", reason=f"no nbclient: {DEV}")

BOOKS = {"sst2.ipynb": {}, "bert.ipynb": {"BERT_STEPS": "3", "BERT_EPOCHS": "1"},
         "clip.ipynb": {"CLIP_STEPS": "3"}}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOKS)
def test_a_notebook_runs_with_a_small_budget(name, monkeypatch):
    pytest.importorskip("transformers", reason="pip install -r requirements-labs.txt")
    path = ROOT / "labs/pretrained" / name
    book = nbformat.read(path, as_version=4)
    monkeypatch.delenv("SST2_FOLDER", raising=False)
    for variable, value in (BOOKS[name] | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}).items():
        monkeypatch.setenv(variable, value)
    nbclient.NotebookClient(
        book, timeout=300, startup_timeout=300, kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()  # fmt: skip
    counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_committed_is_small_whole_and_tells_no_paths(name):
    text = (ROOT / "labs/pretrained" / name).read_text(encoding="utf-8")
    assert len(text) < 500_000
    assert not re.search(r"/(home|root|tmp|Users|usr|work)/|[A-Z]:\\\\", text)
    cells = [c for c in nbformat.reads(text, as_version=4).cells if c.cell_type == "code"]
    counts = [cell.execution_count for cell in cells]
    every = list(range(1, len(cells) + 1))
    assert counts in (every, [None] * len(cells))  # all of it was run, or nothing
    assert "error" not in [out.output_type for cell in cells for out in cell.outputs]
