"""Checks a student's file: python -m labs.mini_transformer.check FILE

Each of the eleven functions of from_scratch.py is called on a small input while the others are
ours, so that a mistake shows where it is and nowhere else. Exit status 0: all are right; 1: some
are wrong; 2: the file cannot be checked. The student's file is run as it is, so check only files
that you would run yourself.
"""

import contextlib
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from types import ModuleType

from base.cli import Parser, check_words
from base.errors import UserError, errors_are_sentences


def parser() -> Parser:
    p = Parser(
        prog="python -m labs.mini_transformer.check", description=__doc__.split("\n\n")[1]
    )
    p.add_argument("file", help="a Python file that defines the eleven functions")
    return p


if __name__ == "__main__":  # `--help` and wrong words end here, before the slow imports
    check_words(parser())

import torch
from torch import Tensor, nn

from labs.mini_transformer import from_scratch as ours

B, T, C, H = 2, 3, 6, 2
TOLERANCE = 1e-5
NAMES = (
    "init_qkv_proj", "pairwise_similarities", "attn_scaled", "attn_softmax", "compute_outputs",
    "make_causal_mask", "apply_causal_mask", "split_heads", "split_heads_qkv", "merge_heads",
    "self_attention",
)  # fmt: skip


def calls() -> Iterator[tuple[str, dict]]:
    """(function, its arguments by name) of every check but init_qkv_proj's. Numbers have one
    decimal, so that they can be written down and tried by hand."""
    generator = torch.Generator().manual_seed(517)

    def draw(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator).mul(10).round().div(10)

    Q, K, V, y = draw(B, T, C), draw(B, T, C), draw(B, T, C), draw(B, H, T, C // H)
    A = draw(B, H, T, T)
    means = torch.tensor([[1, 0, 0], [0.5, 0.5, 0], [0.2, 0.3, 0.5]])
    yield "pairwise_similarities", {"Q": Q, "K": K}
    yield "attn_scaled", {"A": A, "n_embd": C, "n_heads": H}
    yield "attn_softmax", {"A": A}
    yield "compute_outputs", {"A": means, "V": y}
    yield "make_causal_mask", {"n_tok": T}
    yield "apply_causal_mask", {"mask": ours.make_causal_mask(T), "A": A}
    yield "split_heads", {"x": Q, "n_heads": H}
    yield "split_heads_qkv", {"Q": Q, "K": K, "V": V, "n_heads": H}
    yield "merge_heads", {"y": y}
    yield "self_attention", {"Q": Q, "K": K, "V": V}
    for heads, causal in ((1, False), (1, True), (3, True), (2, False)):
        yield "self_attention", {"Q": Q, "K": K, "V": V, "n_heads": heads, "causal": causal}


def in_words(arguments: dict) -> str:
    """What a function is called with, and below it the numbers."""
    tensors = {k: v for k, v in arguments.items() if isinstance(v, Tensor)}
    short = (
        f"{k} of shape {tuple(v.shape)}" if k in tensors else f"{k}={v}"
        for k, v in arguments.items()
    )
    rows = (f"\n    {k} = {numbers(v)}" for k, v in tensors.items())
    return f"(called with {', '.join(short)}){''.join(rows)}"


def numbers(tensor: Tensor) -> list:
    """Nested lists, without the digits that float32 adds."""
    return (tensor if tensor.dtype == torch.bool else tensor.double().round(decimals=1)).tolist()


def judge(name: str, found, wanted) -> str:
    """What is wrong with an answer of the function `name`, in words. A mask of -1e9 is as good as
    one of -inf, so a masked A is judged by its softmax."""
    if name == "apply_causal_mask" and isinstance(found, Tensor):
        problem = difference(found.softmax(-1), wanted.softmax(-1))
        return problem and f"after softmax {problem}"
    return difference(found, wanted)


def load(path: str) -> ModuleType:
    """The student's file as a module. Raises UserError where it cannot be run or lacks functions.
    """
    spec = importlib.util.spec_from_file_location("students_file", path)
    if spec is None or spec.loader is None:
        raise UserError(f"{path}: give a Python file, with a name that ends in .py")
    if not os.path.exists(path):
        raise UserError(f"{path}: there is no such file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:  # whatever a student's file raises
        raise UserError(f"{path}: does not run ({in_a_line(error)})") from None
    missing = [name for name in NAMES if not callable(getattr(module, name, None))]
    if missing:
        raise UserError(f"{path}: has no function {', '.join(missing)}; define all eleven")
    return module


def in_a_line(error: BaseException) -> str:
    """The kind of an error and the first line of what it says."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"


def difference(theirs, wanted) -> str:
    """What is wrong with an answer, in words; empty where it is right."""
    if isinstance(wanted, tuple):
        if not isinstance(theirs, (tuple, list)) or len(theirs) != len(wanted):
            return f"returns {type(theirs).__name__}, not {len(wanted)} tensors"
        parts = (difference(t, w) for t, w in zip(theirs, wanted, strict=True))
        return next(filter(None, parts), "")
    if not isinstance(theirs, Tensor):
        return f"returns {type(theirs).__name__}, not a tensor"
    if theirs.shape != wanted.shape:
        return f"has shape {tuple(theirs.shape)}, not {tuple(wanted.shape)}"
    theirs, wanted = theirs.detach().double(), wanted.double()
    wrong = ~torch.isclose(theirs, wanted, rtol=0, atol=TOLERANCE)
    if not wrong.any():
        return ""
    at = tuple(wrong.nonzero()[0].tolist())
    return f"is {theirs[at]:.4f} at {list(at)}, not {wanted[at]:.4f}"


def check_projections(init: Callable) -> str:
    """What is wrong with init_qkv_proj, in words."""
    layers = init(C)
    if not isinstance(layers, (tuple, list)) or len(layers) != 3:
        return "does not return three layers"
    for layer in layers:
        if not isinstance(layer, nn.Module) or layer(torch.zeros(B, T, C)).shape != (B, T, C):
            return f"returns a layer that does not map {(B, T, C)} to {(B, T, C)}"
        if not any(p.shape == (C, C) for p in layer.parameters()):
            return f"returns a layer without a weight of shape {(C, C)} to learn"
    if len({id(layer) for layer in layers}) != 3:
        return "returns the same layer more than once; each role has its own"
    return ""


@contextlib.contextmanager
def alone(module: ModuleType, name: str) -> Iterator[Callable]:
    """The function `name` of `module`; those that it calls by name are ours meanwhile."""
    theirs = {other: getattr(module, other) for other in NAMES if other != name}
    try:
        for other in theirs:
            setattr(module, other, getattr(ours, other))
        yield getattr(module, name)
    finally:
        for other, function in theirs.items():
            setattr(module, other, function)


def check(module: ModuleType) -> dict[str, str]:
    """Each wrong function of `module` and the first thing that is wrong with it."""
    wrong = {}

    def attempt(name: str, arguments: dict, ask: Callable[[Callable], str]) -> None:
        try:
            with alone(module, name) as function:
                problem = ask(function)
        except (Exception, SystemExit) as error:  # whatever a student's function raises
            problem = f"raises {in_a_line(error)}"
        if problem and name not in wrong:
            wrong[name] = f"{problem} {in_words(arguments)}"

    attempt("init_qkv_proj", {"n_embd": C}, check_projections)
    for name, arguments in calls():
        copies = [a.clone() if isinstance(a, Tensor) else a for a in arguments.values()]
        wanted = getattr(ours, name)(**arguments)
        attempt(name, arguments, lambda f, n=name, c=copies, w=wanted: judge(n, f(*c), w))
    return wrong


def main() -> int:
    wrong = check(load(parser().parse_args().file))
    for name in NAMES:
        print(f"{name}: {wrong.get(name, 'right')}")
    return bool(wrong)


if __name__ == "__main__":
    with errors_are_sentences():
        sys.exit(main())
