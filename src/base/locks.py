"""A lock on a path: of several processes that want to write to it, one may."""

import contextlib
import os
from collections.abc import Iterator

from base.errors import UserError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None
    import msvcrt


@contextlib.contextmanager
def file_lock(path: str) -> Iterator[None]:
    """Hold `<path>.lock`. The system frees the lock when the process ends, however it ends.

    Raises UserError where another process holds it. Does nothing where the file system has no
    locks.
    """
    name = f"{path}.lock"
    try:
        handle = locked_file(name)
    except BlockingIOError:
        raise UserError(
            f"{path}: another run is writing to it; wait until it ends, or give another name"
        ) from None
    except OSError as error:
        raise UserError(f"{name}: cannot be written ({error.strerror})") from None
    try:
        yield
    finally:
        if os.name == "nt":  # an open file cannot be removed there
            os.close(handle)
        with contextlib.suppress(OSError):
            os.remove(name)
        if os.name != "nt":
            os.close(handle)


def locked_file(name: str) -> int:
    """A file descriptor of the locked file `name`. Raises BlockingIOError where it is taken."""
    while True:
        handle = os.open(name, os.O_CREAT | os.O_RDWR, 0o666)
        try:
            lock(handle)
            if is_still_there(handle, name):
                return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)  # its owner removed it before we had the lock


def lock(handle: int) -> None:
    try:
        if fcntl:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        else:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except BlockingIOError:
        raise
    except PermissionError:  # how Windows says that it is taken
        raise BlockingIOError from None
    except OSError:
        pass  # a file system without locks, such as some network drives


def is_still_there(handle: int, name: str) -> bool:
    """Whether the open file is the one that `name` leads to."""
    try:
        return os.path.samestat(os.fstat(handle), os.stat(name))
    except FileNotFoundError:
        return False


def mark_as_used(handle: int) -> None:
    """Lock an open file until it is closed, for `is_abandoned`."""
    if fcntl:
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_abandoned(path: str) -> bool:
    """Whether no process has marked the file as used. Windows removes no open file anyway."""
    if not fcntl:
        return True
    try:
        with open(path, "rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
