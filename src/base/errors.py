"""Errors that the user can mend end in one sentence and exit status 2."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator

from base.interrupts import raise_interrupts

FIRST_WORD = 30.0  # seconds that the first of several processes has to tell an error


class UserError(ValueError):
    """Something that the user can mend: one sentence that names the file and the mend."""


@contextlib.contextmanager
def errors_are_sentences() -> Iterator[None]:
    """Turn a UserError into one line on stderr and exit status 2, and Ctrl-C into status 130.

    Of the processes that torchrun starts on a machine, which meet the same errors, the first tells
    them. The others wait: torchrun ends them when it has.
    """
    raise_interrupts()
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0
    for stream in (sys.stdout, sys.stderr):
        if (getattr(stream, "encoding", None) or "utf-8").lower() != "utf-8":
            stream.reconfigure(encoding="utf-8")  # Windows pipes are not, and names are
    try:
        yield
        sys.stdout.flush()
    except UserError as error:
        if not first:
            time.sleep(FIRST_WORD)
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt as stop:
        if first:
            print("\ninterrupted" + "".join(f": {word}" for word in stop.args), file=sys.stderr)
        sys.exit(getattr(stop, "status", 130))
    except BrokenPipeError:  # `... | head`: the reader has gone, there is nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
