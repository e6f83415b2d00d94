"""Finding inputs, reading text, writing files whole."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

from base.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
WORLDS = (ROOT / "data" / "cs224n", ROOT / "data")


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
    """`path` as seen from here, where that is possible (on Windows, not from another drive)."""
    try:
        return os.path.relpath(path)
    except ValueError:
        return str(path)


def read_text(path: str) -> str:
    """The text of a UTF-8 file. Raises UserError where it is empty, no text or unreadable."""
    return read_text_and_digest(path)[0]


def read_text_and_digest(path: str) -> tuple[str, str]:
    """The text of a UTF-8 file and the sha256 of its bytes, from one reading: a pipe has no second.

    Raises UserError where it is empty, no text or unreadable.
    """
    try:
        with open(path, "rb") as file:
            content = file.read()
        text = content.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); check the path") from None
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path}: not UTF-8 text (byte {error.start}); save the file as UTF-8"
        ) from None
    if not text.strip():
        raise UserError(f"{path}: the file is empty; give one that has text in it")
    return text, hashlib.sha256(content).hexdigest()


def digest(path: str) -> str:
    """sha256 of a file's content."""
    with open(path, "rb") as file:
        return hashlib.sha256(file.read()).hexdigest()


def check_outputs(outputs: Iterable[str | None], inputs: Iterable[str | None] = ()) -> None:
    """Raise UserError unless every output can be written, is no input too, and is named once.

    None in place of a path is ignored.
    """
    targets = [path for path in outputs if path is not None]
    for i, path in enumerate(targets):
        check_writable(path)
        if any(other and same_file(path, other) for other in inputs):
            raise UserError(
                f"{path}: is read and would be overwritten; give the output another name"
            )
        if any(same_file(path, other) for other in targets[:i]):
            raise UserError(
                f"{path}: two outputs would go to this one file; give each a name of its own"
            )


def same_file(a: str, b: str) -> bool:
    """Whether two paths lead to one file, which may not exist yet."""
    try:
        return os.path.samefile(a, b)
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(a)) == os.path.normcase(os.path.realpath(b))


def check_writable(path: str) -> None:
    """Raise UserError now if `path` could not be written later, when hours of work hang on it."""
    if not path:
        raise UserError("the path to write to is empty; give a file's name")
    folder = os.path.dirname(path) or "."
    if os.path.isdir(path):
        raise UserError(f"{path}: cannot be written, it is a folder; give a file's name")
    if not os.path.isdir(folder):
        raise UserError(f"{path}: cannot be written, there is no folder {folder}; make it first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"{path}: cannot be written ({error.strerror}); choose a folder you may write to"
        ) from None


@contextlib.contextmanager
def write_whole(path: str, mode: str = "w", outdated: Iterable[str] = ()) -> Iterator[IO]:
    """Open `<path>.part`, and move it to `path` once it is complete and on the disk.

    Whatever happens in between (an exception, a kill, a full disk), `path` is either what it was
    before or the whole new file. Files that describe only the old one, `outdated`, are removed just
    before the move. Raises UserError where the disk refuses.
    """
    encoding = None if "b" in mode else "utf-8"
    newline = None if "b" in mode else "\n"
    part = f"{path}.part"  # the next attempt writes over what a kill left of this one
    try:
        with open(part, mode, encoding=encoding, newline=newline) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        for old in outdated:
            with contextlib.suppress(FileNotFoundError):
                os.remove(old)
        os.replace(part, path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        with contextlib.suppress(OSError):
            os.remove(part)
