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
