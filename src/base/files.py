"""Reading inputs, each once; checking outputs before any work; writing files whole."""

import contextlib
import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from base.errors import UserError
from base.locks import file_lock, is_abandoned, mark_as_used

ROOT = Path(__file__).resolve().parents[2]
WORLDS = (ROOT / "data" / "cs224n", ROOT / "data")
STREAM = re.compile(r"/dev/(?:(stdout)|(stderr)|fd/(\d+))|/proc/self/fd/(\d+)")


def find_files(*paths: str) -> list[str]:
    """Where the inputs `paths` are: as given, or all missing ones from one world of data/.

    Bare names that do not exist are looked for in data/cs224n/ (the course's own files) and then in
    data/ (the embedded world). Missing files come from one of the two, never from both; what was
    taken is printed. Raises UserError for a file that is nowhere.
    """
    missing = [path for path in paths if not os.path.exists(path)]
    if not missing:
        return list(paths)
    for world in WORLDS:
        if all(os.path.dirname(path) == "" and (world / path).is_file() for path in missing):
            names = ", ".join(dict.fromkeys(missing))
            print(f"{names}: taken from {shown(world)}{os.sep}")
            return [str(world / path) if path in missing else path for path in paths]
    places = " nor ".join(shown(world) for world in WORLDS)
    raise UserError(
        f"{' and '.join(dict.fromkeys(missing))}: no such file here, nor together in {places}; "
        "check the path (data/README.md says how to get the course's files)"
    )


def shown(path: Path) -> str:
    """`path` relative to the current folder, if there is such a path (not across drives)."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


# ---------------------------------------------------------------------------------------------
# Inputs
# ---------------------------------------------------------------------------------------------

CONSUMED: dict[tuple, bytes] = {}  # what was read from pipes, which give their content once


def read_bytes(path: str) -> bytes:
    """The content of a file or a pipe. A pipe that was read before gives the same content again.

    Raises UserError for a file that cannot be read.
    """
    try:
        about = os.stat(path)
        key = (path, about.st_dev, about.st_ino)
        if key not in CONSUMED:
            with open(path, "rb") as file:
                content = file.read()
            if stat.S_ISREG(about.st_mode):
                return content
            CONSUMED[key] = content
        return CONSUMED[key]
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except ValueError as error:  # a name that no file can have
        raise UserError(f"{path!r}: cannot be read ({error}); check the path") from None


def read_text(path: str) -> str:
    """The text of a UTF-8 file. Raises UserError where it is empty, no text or unreadable."""
    return read_text_and_digest(path)[0]


def read_text_and_digest(path: str) -> tuple[str, str]:
    """The text of a UTF-8 file and the sha256 of its bytes, from one reading.

    Raises UserError where it is empty, no text or unreadable.
    """
    content = read_bytes(path)
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise UserError(f"{path}: the file is empty; give one that has text in it")
    return text, hashlib.sha256(content).hexdigest()


def digest(path: str) -> str:
    """sha256 of a file's content."""
    return hashlib.sha256(read_bytes(path)).hexdigest()


# ---------------------------------------------------------------------------------------------
# Outputs, before any work
# ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def locked(path: str) -> Iterator[None]:
    """Inside, no other process can lock `path`. Raises UserError where one has done so already."""
    if not is_plain(path):
        yield
        return
    with file_lock(path):
        remove_leftovers(path)
        yield


def check_outputs(outputs: Iterable[str | None], inputs: Iterable[str | None] = ()) -> None:
    """Raise UserError unless every output can be written, is no input too, and is named once.

    Every command that writes files calls this before its work. None in place of a path is ignored.
    """
    targets = [path for path in outputs if path is not None]
    for i, path in enumerate(targets):
        check_writable(path)
        if not is_plain(path):
            continue
        for other in inputs:
            if other and same_file(path, other):
                raise UserError(
                    f"{path}: is read and would be overwritten; give the output another name"
                )
        for other in targets[:i]:
            if same_file(path, other):
                raise UserError(
                    f"{path}: two outputs would go to this one file; give each a name of its own"
                )


def check_writable(path: str) -> None:
    """Raise UserError if a file could not be written to `path` after the work is done."""
    if not path:
        raise UserError("the path to write to is empty; give a file's name")
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise UserError(f"{path}: cannot be written, it is a folder; give a file's name")
    if not os.path.isdir(folder):
        raise UserError(f"{path}: cannot be written, there is no folder {folder}; make it first")
    try:
        if not is_plain(path):
            if not os.access(path, os.W_OK):
                raise PermissionError(None, "Permission denied")
            return
        target = os.path.realpath(path)
        if os.path.exists(target) and belongs_to_another(target):
            raise UserError(
                f"{path}: cannot be written, the file is another user's and {folder} lets only its "
                "owner replace it; give another name"
            )
        try_to_create(os.path.join(os.path.dirname(target), part_name(target)))
        if not os.path.exists(target):
            try_to_create(target)  # the name may be too long, or not a name on this system
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"{path}: cannot be written ({reason}); choose another folder or name"
        ) from None


def try_to_create(path: str) -> None:
    """Create an empty file and remove it. Raises OSError where that is not possible.

    Another process may have made the file meanwhile: then the name can be used, and it is theirs.
    """
    with contextlib.suppress(FileExistsError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.remove(path)


def belongs_to_another(path: str) -> bool:
    """Whether the folder of `path` is sticky (like /tmp) and keeps us from replacing this file."""
    if not hasattr(os, "geteuid") or os.geteuid() == 0:
        return False
    folder = os.stat(os.path.dirname(path))
    owners = (os.stat(path).st_uid, folder.st_uid)
    return bool(folder.st_mode & stat.S_ISVTX) and os.geteuid() not in owners


def same_file(a: str, b: str) -> bool:
    """Whether two paths lead to one file, which may not exist yet."""
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(a)) == os.path.normcase(os.path.realpath(b))


def is_plain(path: str) -> bool:
    """Whether `path` is a regular file, or free for one. Devices and pipes are not."""
    if STREAM.fullmatch(os.path.abspath(path)):
        return False
    return not os.path.exists(path) or os.path.isfile(path)


# ---------------------------------------------------------------------------------------------
# Writing
# ---------------------------------------------------------------------------------------------


@contextlib.contextmanager
def write_whole(path: str, mode: str = "w", outdated: Iterable[str] = ()) -> Iterator[IO]:
    """Open a temporary file beside `path`; move it to `path` once it is complete and on the disk.

    Whatever happens in between (an exception, a kill, a full disk), `path` is either what it was
    before or the whole new file. Files that describe only the old one, `outdated`, are removed just
    before the move. A device or a pipe gets the whole content at the end, and is not replaced.
    Raises UserError where the disk refuses.
    """
    if not is_plain(path):
        with write_to_device(path, mode) as file:
            yield file
        return
    target = os.path.realpath(path)  # where `path` is a link, the file is replaced, not the link
    part = os.path.join(os.path.dirname(target), part_name(target))
    try:
        with open_for(mode, part) as file:
            mark_as_used(file.fileno())
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name != "nt":  # Windows moves no open file
                replace(part, target, outdated)
        if os.name == "nt":
            replace(part, target, outdated)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(part)
    remove_leftovers(path)


def replace(part: str, target: str, outdated: Iterable[str]) -> None:
    for old in outdated:
        with contextlib.suppress(FileNotFoundError):
            os.remove(old)
    os.replace(part, target)


@contextlib.contextmanager
def write_to_device(path: str, mode: str) -> Iterator[IO]:
    """Collect what is written, then write it to the device, the pipe or our own stdout."""
    content = io.BytesIO()
    file = content if "b" in mode else io.TextIOWrapper(content, **TEXT)
    yield file
    file.flush()
    stream = STREAM.fullmatch(os.path.abspath(path))
    try:
        if stream:
            number = 1 if stream[1] else 2 if stream[2] else int(stream[3] or stream[4])
            with open(os.dup(number), "wb") as device:
                device.write(content.getvalue())
        else:
            with open(path, "wb") as device:
                device.write(content.getvalue())
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None


TEXT = {"encoding": "utf-8", "errors": "backslashreplace", "newline": "\n"}


def open_for(mode: str, path: str) -> IO:
    return open(path, mode) if "b" in mode else open(path, mode, **TEXT)


def part_name(path: str) -> str:
    """A new name for the temporary file of `path`; short, since `path` may have the longest."""
    return f"{part_prefix(path)}{secrets.token_hex(4)}.part"


def part_prefix(path: str) -> str:
    name = os.fsencode(os.path.basename(path))
    return f".{hashlib.sha256(name).hexdigest()[:8]}."


def remove_leftovers(path: str) -> None:
    """Remove the temporary files that killed processes left of `path`."""
    target = os.path.realpath(path)
    folder = os.path.dirname(target)
    with contextlib.suppress(OSError):
        for name in os.listdir(folder):
            if name.startswith(part_prefix(target)) and name.endswith(".part"):
                part = os.path.join(folder, name)
                if is_abandoned(part):
                    os.remove(part)
