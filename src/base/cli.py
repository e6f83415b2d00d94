"""Command lines: a parser whose errors are sentences."""

import argparse
import difflib
from collections.abc import Iterable
from typing import NoReturn

from base.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UserErrors."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")


def check_choice(option: str, value: str | None, choices: Iterable[str]) -> None:
    """Raise UserError, with the nearest choice, unless `value` is one of `choices` or None.

    For options whose choices are known only after slow imports.
    """
    if value is None or value in choices:
        return
    close = difflib.get_close_matches(value, list(choices), 1)
    meant = f" (did you mean {close[0]}?)" if close else ""
    raise UserError(f"{option}: there is no {value}{meant}; choose from {', '.join(choices)}")
