"""Command lines: a parser whose errors are sentences."""

import argparse
from typing import NoReturn

from base.errors import UserError


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are UserErrors."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; see {self.prog} --help")
