"""What the tests of the labs' notebooks share."""

import re
from pathlib import Path

import pytest

DEV = "pip install -r requirements-dev.txt"
nbformat = pytest.importorskip("nbformat", reason=f"no nbformat: {DEV}")
nbclient = pytest.importorskip("nbclient", reason=f"no nbclient: {DEV}")


def run_whole(path: Path, monkeypatch, **environment: str) -> None:
    """Execute the notebook in its folder with these variables: every cell, in order."""
    book = nbformat.read(path, as_version=4)
    for variable, value in {"OMP_NUM_THREADS": "1", **environment}.items():
        monkeypatch.setenv(variable, value)
    nbclient.NotebookClient(
        book, timeout=300, startup_timeout=300, kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    ).execute()  # fmt: skip
    counts = [cell.execution_count for cell in book.cells if cell.cell_type == "code"]
    assert counts == list(range(1, len(counts) + 1))


def committed_cells(path: Path) -> list:
    """The code cells as they are committed: small, without an error, without anybody's paths."""
    text = path.read_text(encoding="utf-8")
    assert len(text) < 500_000
    assert not re.search(r"/(home|root|tmp|Users|usr|work)/|[A-Z]:\\\\", text)
    cells = [c for c in nbformat.reads(text, as_version=4).cells if c.cell_type == "code"]
    assert "error" not in kinds_of_outputs(cells)
    return cells


def kinds_of_outputs(cells: list) -> list[str]:
    return [out.output_type for cell in cells for out in cell.outputs]
