"""Imports in src/ point one way, and src/ needs nothing from outside it."""

import ast
import sys

import pytest
from conftest import ROOT

ALLOWED = {  # room, or file beside the rooms -> the others that it may import, besides base/
    "base": set(),
    "attention": set(),
    "dataset": set(),
    "activations": set(),
    "utils": set(),
    "model": {"attention"},
    "params": {"attention", "dataset", "model"},
    "training": {"dataset"},
    "trainer": {"training"},
    "recipes": {"training"},
    "answers": {"dataset", "model", "params", "utils"},
    "page": {"answers", "attention"},
    "report": {"answers", "explore", "page", "params"},
    "plot": {"page"},
}
OUTSIDE = {"torch", "numpy", "tqdm"}
ON_REQUEST = {"matplotlib", "jinja2"}  # imported inside functions, with advice when missing


def imports(path):
    """(module, whether at the top level) of every import in a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top = set(map(id, tree.body))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], id(node) in top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0], id(node) in top


SOURCES = sorted((ROOT / "src").rglob("*.py"))
OWN = {path.relative_to(ROOT / "src").parts[0].removesuffix(".py") for path in SOURCES}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_imports_point_one_way(path):
    room = path.relative_to(ROOT / "src").parts[0].removesuffix(".py")
    for module, at_top in imports(path):
        if module in OWN:
            allowed = ALLOWED.get(room, OWN) | {"base", room}
            assert module in allowed, f"{room} imports {module}"
        elif module in ON_REQUEST:
            assert not at_top, f"{path.name} imports {module} at its head"
        else:
            assert module in OUTSIDE or module in sys.stdlib_module_names, module


def test_trainer_knows_nothing_of_the_task():
    words = ("gpt", "wiki", "birth", "char", "mask", "synthesizer", "vanilla")
    text = (ROOT / "src" / "trainer.py").read_text(encoding="utf-8").lower()
    text = text.replace("knows nothing of gpts, names or characters", "")
    assert [word for word in words if word in text] == []


def test_no_room_bears_the_name_of_a_file_beside_it():
    rooms = {path.name for path in (ROOT / "src").iterdir() if path.is_dir()}
    assert not rooms & {path.stem for path in (ROOT / "src").glob("*.py")}
