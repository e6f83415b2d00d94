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

    def parse_args(self, args=None, namespace=None):
        """As in argparse; for an unknown option, the error names the nearest one."""
        parsed, unknown = self.parse_known_args(args, namespace)
        if unknown:
            options = [option for action in self._actions for option in action.option_strings]
            self.error(f"unrecognized arguments: {' '.join(unknown)}{near(unknown[0], options)}")
        return parsed

    def _check_value(self, action: argparse.Action, value) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(
                action,
                f"there is no {value!r}{near(str(value), choices)}; choose from "
                f"{', '.join(choices)}",
            )


def near(word: str, known: Iterable[str]) -> str:
    """A question whether the nearest of the `known` words was meant; nothing if none is near."""
    close = difflib.get_close_matches(word.split("=")[0], list(known), 1)
    return f" (did you mean {close[0]}?)" if close else ""


def check_choice(option: str, value: str | None, choices: Iterable[str]) -> None:
    """Raise UserError, with the nearest choice, unless `value` is one of `choices` or None.

    For options whose choices are known only after slow imports.
    """
    if value is None or value in choices:
        return
    choices = list(choices)
    raise UserError(
        f"{option}: there is no {value}{near(value, choices)}; choose from {', '.join(choices)}"
    )
