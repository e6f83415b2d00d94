"""Errors that the user can mend end in one sentence and exit status 2."""

import contextlib
import errno
import io
import os
import sys
import time
from collections.abc import Iterator

from base.interrupts import raise_interrupts

FIRST_WORD = 30.0  # seconds that the first of several processes has to print an error


class UserError(ValueError):
    """Something that the user can mend: one sentence that names the file and the mend."""


@contextlib.contextmanager
def errors_are_sentences() -> Iterator[None]:
    """Turn a UserError into one line on stderr and exit status 2, and Ctrl-C into status 130.

    All processes that torchrun starts on a machine meet the same errors. The first prints them; the
    others wait until torchrun ends them.
    """
    raise_interrupts()
    first = int(os.environ.get("LOCAL_RANK", 0)) == 0
    prepare_streams()
    try:
        yield
        sys.stdout.flush()
    except UserError as error:
        if not first:
            time.sleep(FIRST_WORD)
        say(f"error: {readable(str(error))}")
        sys.exit(2)
    except KeyboardInterrupt as stop:
        if first:
            say("\ninterrupted" + "".join(f": {word}" for word in stop.args))
        sys.exit(getattr(stop, "status", 130))
    except BrokenPipeError:  # `... | head`: nobody reads any more
        discard(sys.stdout)
        sys.exit(141)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        say("error: not enough memory; choose a smaller --batch_size or model, or another --device")
        sys.exit(2)
    except OSError as error:
        if not write_failed(sys.stdout) and error.errno not in (errno.ENOSPC, errno.EBADF):
            raise
        discard(sys.stdout)
        say(f"error: standard output cannot be written ({error.strerror}); send it elsewhere")
        sys.exit(2)


def out_of_memory(error: Exception) -> bool:
    """Whether Python, or torch on a CPU or another device, found no memory. On CPUs torch has no
    class for it."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in words or "allocate memory" in words


@contextlib.contextmanager
def printing_is_optional() -> Iterator[None]:
    """Inside, nothing that is printed can fail: a full disk or a closed pipe costs only the words.

    For work of hours, whose results are in files.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = map(Forgiving, before)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


class Forgiving:
    """A stream whose writes cannot fail: after the first failure it writes to nowhere."""

    def __init__(self, stream):
        self.stream = stream

    def write(self, text: str) -> int:
        try:
            return self.stream.write(text)
        except (OSError, ValueError):
            discard(self.stream)
        return len(text)

    def flush(self) -> None:
        try:
            self.stream.flush()
        except (OSError, ValueError):
            discard(self.stream)

    def __getattr__(self, name: str):
        return getattr(self.stream, name)


def prepare_streams() -> None:
    """Open what was closed (`>&-`), and let every stream print every text as UTF-8.

    A closed descriptor would otherwise be given to the next file that is opened, and what is
    printed would end up in it.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            with contextlib.suppress(OSError):
                opened = os.open(os.devnull, os.O_RDWR)
                if opened != number:
                    os.dup2(opened, number)
                    os.close(opened)
        if getattr(sys, name) is None:
            mode = "r" if number == 0 else "w"
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # not what a test or a notebook put there
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def readable(text: str) -> str:
    """`text` with the bytes that the system could not read as a path's letters read as UTF-8, and
    with control characters, which a terminal obeys, as escapes."""
    with contextlib.suppress(UnicodeEncodeError):
        text = text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return escaped(text, but="\n")


def escaped(text: str, but: str = "") -> str:
    """`text` with its control characters and line breaks, those in `but` excepted, as escapes."""
    parts = (c if c.isprintable() or c in but or c == " " else repr(c)[1:-1] for c in text)
    return "".join(parts)


def say(text: str) -> None:
    """Print to stderr, if that is possible."""
    with contextlib.suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def write_failed(stream) -> bool:
    """Whether `stream` refuses what is waiting to be written to it."""
    try:
        stream.flush()
    except OSError:
        return True
    return False


def discard(stream) -> None:
    """Send what is waiting in `stream`, and all that follows, to nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        target = os.open(os.devnull, os.O_WRONLY)
        os.dup2(target, stream.fileno())
        os.close(target)
        stream.flush()
