"""What a check is: a function (grading, **args) that returns what it saw, or raises Failed."""

import unicodedata
from collections.abc import Callable

CHECKS: dict[str, Callable] = {}
HIDDEN = ("Cc", "Cf", "Cs", "Co", "Zl", "Zp")  # categories of characters that terminals obey


class Failed(Exception):
    """The submission did not pass: what was expected, what was seen, on which input.

    `cause`: one sentence about a mistake that other checks may fail by too (a missing file, a
    program that does not start). The report says such a sentence once and refers to it.
    """

    def __init__(self, expected: str, seen: str, on: str = "", cause: str = ""):
        super().__init__(seen)
        self.lines = [f"Expected: {expected}", f"Seen: {seen}"] + ([f"On: {on}"] if on else [])
        self.cause = cause


class NotRun(Exception):
    """The check cannot be run here, through no fault of the submission; it counts for nothing.

    `open`: its points stay in the total all the same, because only the submission says that it
    could not be run, and a program can say anything. The instructor decides.
    """

    def __init__(self, reason: str, open: bool = False):
        super().__init__(reason)
        self.open = open


def check(function: Callable) -> Callable:
    """Register a check under its function's name, which the edition's settings use."""
    CHECKS[function.__name__] = function
    return function


def visible(text: str) -> str:
    """`text` with every character that a terminal or browser would obey shown as an escape; line
    ends stay."""
    return "".join(
        char.encode("unicode_escape").decode("ascii")
        if char != "\n" and unicodedata.category(char) in HIDDEN
        else char
        for char in text
    )
