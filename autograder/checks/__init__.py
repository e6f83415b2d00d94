"""The checks, by what they look at. An edition's settings say which run, with what, for how many
points; a new check is one function with `@check` in one of these files."""

from verdicts import CHECKS, Failed, NotRun

from checks import attention, corruption, predictions, training  # noqa: F401

__all__ = ["CHECKS", "Failed", "NotRun"]
