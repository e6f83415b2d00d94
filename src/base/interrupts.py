"""Ctrl-C while a command still imports its modules: torch alone takes seconds."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from typing import NoReturn


def end_at_once(number: int, frame: object) -> NoReturn:
    """A handler of SIGINT that nothing can catch.

    With an exception instead, a command was seen to go on after Ctrl-C in the midst of its imports.
    What caught it was not found out; any `except:` without a name in a library would.
    """
    try:
        os.write(2, b"\ninterrupted\n")
    finally:
        os._exit(130)


def end_quietly() -> None:
    """From here on Ctrl-C ends the process at once, without a traceback from inside an import.

    Commands call it before their other imports.
    """
    if in_main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, end_at_once)


def raise_interrupts() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    if in_main_thread() and signal.getsignal(signal.SIGINT) is end_at_once:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Around slow imports inside a function: Ctrl-C ends the process there."""
    end_quietly()
    try:
        yield
    finally:
        raise_interrupts()
