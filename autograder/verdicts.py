"""What a check is: a function (grading, **args) that returns what it saw, or raises Failed."""

from collections.abc import Callable

CHECKS: dict[str, Callable] = {}


class Failed(Exception):
    """The submission did not pass: what was expected, what was seen, on which input."""

    def __init__(self, expected: str, seen: str, on: str = ""):
        super().__init__(seen)
        self.lines = [f"Expected: {expected}", f"Seen: {seen}"] + ([f"On: {on}"] if on else [])


class NotRun(Exception):
    """The check cannot be run here, through no fault of the submission; it counts for nothing."""


def check(function: Callable) -> Callable:
    """Register a check under its function's name, which the edition's settings use."""
    CHECKS[function.__name__] = function
    return function
