"""The notebooks of the attention labs run from top to bottom with a small budget."""

import pytest
from conftest import ROOT
from notebooks import committed_cells, kinds_of_outputs, run_whole

BOOKS = {
    "attention_exploration/exploration.ipynb": {
        "EXPLORATION_SAMPLES": "53",
        "EXPLORATION_STEPS": "3",
    },
    "mini_transformer/mini_transformer.ipynb": {"MINI_STEPS": "11"},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOKS)
def test_a_notebook_runs_with_a_small_budget(name, monkeypatch):
    pytest.importorskip("scipy", reason="no scipy: pip install -r requirements-labs.txt")
    run_whole(ROOT / "labs" / name, monkeypatch, **BOOKS[name])


@pytest.mark.parametrize("name", BOOKS)
def test_the_committed_outputs_are_there_small_and_tell_no_paths(name):
    cells = committed_cells(ROOT / "labs" / name)
    assert all(cell.execution_count for cell in cells)
    assert "display_data" in kinds_of_outputs(cells)
