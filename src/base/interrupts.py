"""Ctrl-C while a command still imports its modules: torch alone takes seconds."""

import signal
import threading


def end_quietly() -> None:
    """From here on Ctrl-C ends the process at once, without a traceback from inside an import.

    Commands call it before their other imports.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def raise_interrupts() -> None:
    """From here on Ctrl-C is a KeyboardInterrupt again."""
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and signal.getsignal(signal.SIGINT) == signal.SIG_DFL:
        signal.signal(signal.SIGINT, signal.default_int_handler)
