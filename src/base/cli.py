"""Command lines: a parser whose errors are sentences."""

import argparse
import difflib
import math
from collections.abc import Callable, Iterable
from typing import NoReturn

from base.errors import UserError, errors_are_sentences, escaped
from base.interrupts import end_quietly

MOST = 2**31 - 1  # of anything that is counted


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UserErrors."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{escaped(message)}; see {self.prog} --help")

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


def whole(least: int = 1, most: int = MOST) -> Callable[[str], int]:
    """An argparse type: a whole number from `least` to `most`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(
                f"{shown(text)} is not a whole number from {least} to {most}"
            )
        return value

    return parse


def real(most: float, above: float = 0.0, zero: bool = False) -> Callable[[str], float]:
    """An argparse type: a number above `above` and up to `most`; with `zero`, 0 as well."""

    def parse(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not (above < value <= most or (zero and value == 0)):
            limits = f"from 0 to {most:g}" if zero else f"above {above:g} and up to {most:g}"
            raise argparse.ArgumentTypeError(f"{shown(text)} is not a number {limits}")
        return value

    return parse


def shown(text: str) -> str:
    """A word of the command line as an error repeats it: not without end."""
    return text if len(text) <= 40 else f"{text[:40]}..."


def check_words(parser: argparse.ArgumentParser) -> None:
    """Read the command line: `--help` and wrong words end the process. What follows may be stopped
    by Ctrl-C without a traceback.

    Commands call it before the imports that take seconds, torch's above all.
    """
    with errors_are_sentences():
        parser.parse_args()
    end_quietly()


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
