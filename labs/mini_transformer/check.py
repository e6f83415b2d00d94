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


def calls() -> Iterator[tuple[str, str, tuple]]:
    """(function, its call in words, arguments) of every check but init_qkv_proj's."""
    generator = torch.Generator().manual_seed(517)
    draw = lambda *shape: torch.randn(shape, generator=generator)  # noqa: E731
    q, k, v, y = draw(B, T, C), draw(B, T, C), draw(B, T, C), draw(B, H, T, C // H)
    A = draw(B, H, T, T)
    mask = ours.make_causal_mask(T)
    yield "pairwise_similarities", f"Q and K of shape {(B, T, C)}", (q, k)
    yield "attn_scaled", f"A of shape {(B, H, T, T)}, n_embd {C}, n_heads {H}", (A, C, H)
    yield "attn_softmax", f"A of shape {(B, H, T, T)}", (A,)
    yield "compute_outputs", f"A {(B, H, T, T)}, V {(B, H, T, C // H)}", (A.softmax(-1), y)
    yield "make_causal_mask", f"n_tok {T}", (T,)
    yield "apply_causal_mask", f"a (T, T) mask, A of shape {(B, H, T, T)}", (mask, A)
    yield "split_heads", f"x of shape {(B, T, C)}, n_heads {H}", (q, H)
    yield "split_heads_qkv", f"Q, K, V of shape {(B, T, C)}, n_heads {H}", (q, k, v, H)
    yield "merge_heads", f"y of shape {(B, H, T, C // H)}", (y,)
    for heads, causal in ((1, False), (1, True), (3, True), (2, False)):
        words = f"shape {(B, T, C)}, n_heads={heads}, causal={causal}"
        yield "self_attention", words, (q, k, v, heads, causal)


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

    def attempt(name: str, where: str, judge: Callable[[Callable], str]) -> None:
        try:
            with alone(module, name) as function:
                problem = judge(function)
        except (Exception, SystemExit) as error:  # whatever a student's function raises
            problem = f"raises {in_a_line(error)}"
        if problem and name not in wrong:
            wrong[name] = f"{problem} (called with {where})"

    attempt("init_qkv_proj", f"n_embd {C}", check_projections)
    for name, where, arguments in calls():
        copies = [a.clone() if isinstance(a, Tensor) else a for a in arguments]
        wanted = getattr(ours, name)(*arguments)
        attempt(name, where, lambda f, c=copies, w=wanted: difference(f(*c), w))
    return wrong


def main() -> int:
    wrong = check(load(parser().parse_args().file))
    for name in NAMES:
        print(f"{name}: {wrong.get(name, 'right')}")
    return bool(wrong)


if __name__ == "__main__":
    with errors_are_sentences():
        sys.exit(main())
