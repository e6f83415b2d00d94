"""The notebooks of labs/pretrained run with a small budget, without a network."""

import pytest
from conftest import ROOT
from notebooks import committed_cells, run_whole

BOOKS = {"sst2.ipynb": {}, "bert.ipynb": {"BERT_STEPS": "3", "BERT_EPOCHS": "1"},
         "clip.ipynb": {"CLIP_STEPS": "3"}}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", BOOKS)
def test_a_notebook_runs_with_a_small_budget(name, monkeypatch):
    pytest.importorskip("transformers", reason="pip install -r requirements-labs.txt")
    monkeypatch.delenv("SST2_FOLDER", raising=False)
    run_whole(ROOT / "labs/pretrained" / name, monkeypatch, HF_HUB_OFFLINE="1", **BOOKS[name])


@pytest.mark.parametrize("name", BOOKS)
def test_what_is_committed_is_small_whole_and_tells_no_paths(name):
    cells = committed_cells(ROOT / "labs/pretrained" / name)
    counts = [cell.execution_count for cell in cells]
    all_run, none_run = list(range(1, len(cells) + 1)), [None] * len(cells)
    assert counts in (all_run, none_run)
