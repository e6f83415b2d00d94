"""What other modules define, read from their text: importing them would import torch, which takes
more than a second, and `--help` should not."""

import ast
from pathlib import Path

SOURCES = Path(__file__).resolve().parents[1]


def value_node(path: str, name: str) -> ast.expr:
    """The expression that `name` is set to (by = or |=) at the top of the file `path` of src/."""
    for node in ast.parse((SOURCES / path).read_text(encoding="utf-8")).body:
        targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            if not isinstance(node, ast.AnnAssign):
                return node.value
    raise LookupError(f"{path} does not set {name}")


def literal(path: str, name: str):
    """The value of `name`, if it is written as plain numbers, texts and collections."""
    return ast.literal_eval(value_node(path, name))


def keys(path: str, name: str) -> tuple[str, ...]:
    """The keys of the dictionary `name`."""
    return tuple(ast.literal_eval(key) for key in value_node(path, name).keys)


def default_of(path: str, name: str, setting: str):
    """The value that `setting` has in the class `name` at the top of the file `path`, if it is
    written as plain text and numbers."""
    for node in ast.parse((SOURCES / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            for line in node.body:
                if isinstance(line, ast.AnnAssign) and line.value and line.target.id == setting:
                    return ast.literal_eval(line.value)
    raise LookupError(f"{path} does not set {name}.{setting}")
