"""A submission, zip or folder, copied file by file to a folder that the grader made."""

import lzma
import os
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MOST_FILES = 2000
LARGEST_FILE = 64 * 2**20  # bytes; the course's params are 13 MB
LARGEST_TOTAL = 192 * 2**20  # a whole submission has three of them, 40 MB
JUNK_FOLDERS = (".git", "__pycache__", ".venv", "venv", "__MACOSX", ".ipynb_checkpoints", ".idea",
                ".vscode", ".pytest_cache", "node_modules")  # fmt: skip
JUNK_FILES = (".DS_Store", "Thumbs.db", "desktop.ini")
LARGEST_RATIO = 200  # unpacked to packed, for files above 1 MB; text stays far below


class BadSubmission(ValueError):
    """The submission cannot be taken in; one sentence that names the file and the mend."""


def unpack(source: Path, target: Path) -> None:
    """Copy the submission `source` into the empty folder `target`.

    What macOS, Windows, git and editors leave behind is not copied. Raises BadSubmission for a zip
    that is damaged, encrypted or a bomb, and for entries with `..`, absolute names, links or
    devices.
    """
    if source.is_dir():
        copy_folder(source, target)
    elif zipfile.is_zipfile(source):
        unpack_zip(source, target)
    else:
        raise BadSubmission(f"{source.name}: neither a folder nor a zip; submit assignment5.zip")


def is_junk(path: PurePosixPath) -> bool:
    """Whether a file belongs to the system or an editor, not to the submission."""
    name = path.name
    return name in JUNK_FILES or name.startswith("._") or any(p in JUNK_FOLDERS for p in path.parts)


def checked_name(name: str) -> PurePosixPath:
    """The name as a path; Windows' programs write backslashes between folders."""
    path = PurePosixPath(name.replace("\\", "/"))
    if "\0" in name or ":" in name or path.is_absolute() or ".." in path.parts:
        raise BadSubmission(f"{name!r} in the zip leads out of it; zip the project's own folder")
    if len(name) > 200 or len(path.parts) > 12:
        raise BadSubmission(f"{name[:60]!r}... in the zip is too long a name; submit fewer folders")
    return path


def check_entry(entry: zipfile.ZipInfo) -> PurePosixPath:
    """The entry's name, if the entry is an ordinary file of ordinary size."""
    path = checked_name(entry.filename)
    kind = stat.S_IFMT(entry.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise BadSubmission(f"{entry.filename!r} in the zip is a link or device; zip files only")
    if entry.flag_bits & 1:
        raise BadSubmission(f"{entry.filename!r} in the zip is encrypted; zip without a password")
    if entry.file_size > LARGEST_FILE:
        raise BadSubmission(f"{entry.filename!r} in the zip unpacks to {entry.file_size} bytes, "
                            f"more than {LARGEST_FILE}; leave it out")  # fmt: skip
    if entry.file_size > 2**20 and entry.file_size > LARGEST_RATIO * entry.compress_size:
        raise BadSubmission(f"{entry.filename!r} in the zip grows from {entry.compress_size} bytes "
                            f"to {entry.file_size}, like a zip bomb; leave it out")  # fmt: skip
    return path


def unpack_zip(source: Path, target: Path) -> None:
    total, seen = 0, set()
    try:
        with zipfile.ZipFile(source) as archive:
            entries = archive.infolist()
            check_count(len(entries))
            for entry in entries:
                path = check_entry(entry)
                if entry.is_dir() or entry.filename.endswith("\\") or is_junk(path):
                    continue
                if path in seen:
                    raise BadSubmission(f"{entry.filename!r} is in the zip twice; zip it once")
                seen.add(path)
                total += write(archive, entry, target / path, LARGEST_TOTAL - total)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError, EOFError,
            NotImplementedError, RuntimeError, OSError, ValueError) as error:  # fmt: skip
        if isinstance(error, BadSubmission):
            raise
        raise BadSubmission(f"{source.name}: a damaged zip ({error}); make it again") from None


def write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path, room: int) -> int:
    """Unpack one entry, counting what really comes out; the number of bytes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with archive.open(entry) as packed, open(target, "xb") as file:
        while chunk := packed.read(1 << 20):
            count += len(chunk)
            if count > min(room, LARGEST_FILE):
                raise BadSubmission(f"{entry.filename!r}: the zip unpacks to more than "
                                    f"{LARGEST_TOTAL} bytes; leave out what is not asked for")
            file.write(chunk)
    return count


def check_count(count: int) -> None:
    if count > MOST_FILES:
        raise BadSubmission(f"{count} files, more than {MOST_FILES}; submit only what is asked for")


def copy_folder(source: Path, target: Path) -> None:
    count = total = 0
    for folder, names, files in os.walk(source, followlinks=False):
        names[:] = [name for name in names if name not in JUNK_FOLDERS]
        for name in (*names, *files):
            path = Path(folder) / name
            info = path.lstat()
            shown = str(path.relative_to(source))
            if stat.S_ISDIR(info.st_mode) or is_junk(PurePosixPath(shown)):
                continue
            if not stat.S_ISREG(info.st_mode):
                raise BadSubmission(f"{shown!r} is a link or device; submit files only")
            count, total = count + 1, total + info.st_size
            check_count(count)
            if info.st_size > LARGEST_FILE or total > LARGEST_TOTAL:
                raise BadSubmission(f"{shown!r} is too large; leave out what is not asked for")
            (target / shown).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target / shown, follow_symlinks=False)

