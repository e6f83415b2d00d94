"""Machines that lack what others have: one core, little memory, no home, an old terminal."""

import ctypes
import os
import shutil
import sys

import pytest
import torch
from conftest import ROOT, TINY, run_python, run_script

from base import machine
from base.errors import errors_are_sentences

POOR = {
    "HOME": "/nonexistent", "XDG_CACHE_HOME": "/nonexistent", "LC_ALL": "C", "PYTHONUTF8": "0",
    "TERM": "dumb", "COLUMNS": "20", "PYTHONDONTWRITEBYTECODE": "1",
}  # fmt: skip
ONE_CORE = "import os, runpy, sys; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]); "
ONE_CORE += "sys.argv = sys.argv[1:]; sys.path.insert(0, os.path.dirname(sys.argv[0])); "
ONE_CORE += "runpy.run_path(sys.argv[0], run_name='__main__')"


def test_a_poor_machine_answers(tmp_path):
    done = run_script("src/ask.py", "Victoria Moore", cwd=tmp_path, **POOR)
    assert done.returncode == 0 and "Victoria Moore: Timaru" in done.stdout, done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores are set on Linux alone")
def test_a_poor_machine_with_one_core_trains(tmp_path):
    (tmp_path / "ünï.txt").write_text("Zoë Byron. Zoë was born in Gënt .\n" * 7, encoding="utf-8")
    words = ("pretrain", "vanilla", "ünï.txt", "--writing_params_path", "ö.params", *TINY,
             "--block_size", 32, "--max_steps", 3)  # fmt: skip
    done = run_python("-c", ONE_CORE, ROOT / "src/run.py", *words, cwd=tmp_path, **POOR)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "ö.params").is_file() and (tmp_path / "ö.params.json").is_file()
    assert {path.name for path in tmp_path.iterdir()} == {"ünï.txt", "ö.params", "ö.params.json"}


@pytest.mark.parametrize("ask", [
    lambda: torch.empty(2**46),
    lambda: bytearray(2**60),
])  # fmt: skip
def test_too_little_memory_is_one_sentence(ask, capsys):
    with pytest.raises(SystemExit) as end, errors_are_sentences():
        ask()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("error: not enough memory; choose a smaller --batch_size")
    assert said.count("\n") == 1


def test_other_errors_of_torch_are_not_taken_for_it():
    with pytest.raises(RuntimeError), errors_are_sentences():
        torch.zeros(3) @ torch.zeros(5)


@pytest.mark.skipif(sys.platform == "win32", reason="limits are set on Unix alone")
@pytest.mark.slow
def test_training_with_little_memory_is_one_sentence(tmp_path):
    limited = ONE_CORE.replace("import os", "import os, resource").replace(
        "os.sched_setaffinity(0, [min(os.sched_getaffinity(0))])",
        "resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, 3 * 2**30))",
    )
    words = ("pretrain", "vanilla", ROOT / "data/wiki.txt", "--writing_params_path", "p",
             "--max_steps", 1, "--batch_size", 2000, "--n_embd", 1024, "--device", "cpu",
             "--no_log")  # fmt: skip
    done = run_python("-c", limited, ROOT / "src/run.py", *words, cwd=tmp_path)
    assert done.returncode == 2 and "Traceback" not in done.stderr, done.stderr
    assert "error: not enough memory" in done.stderr and not (tmp_path / "p").exists()


def test_without_glibc_memory_is_not_kept(monkeypatch):
    def missing(name):
        raise OSError(f"{name}: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)
    machine.keep_memory()


def test_a_project_folder_that_cannot_be_written(tmp_path):
    """Nothing is written beside the programs: a copy stays as it was, and answers."""
    copy = tmp_path / "project"
    for name in ("src", "data/model"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    before = sorted(copy.rglob("*"))
    done = run_python(copy / "src/ask.py", "Victoria Moore", cwd=tmp_path, **POOR)
    assert "Victoria Moore: Timaru" in done.stdout, done.stderr
    assert sorted(copy.rglob("*")) == before
