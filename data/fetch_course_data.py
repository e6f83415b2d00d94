"""Puts the course's own four files into data/cs224n/, if their sha256 sums are right.

    python data/fetch_course_data.py URL_OR_DIRECTORY

takes them from a directory (searched with all its subfolders), from a .zip file, or from an http,
https or file address of a zip or of a folder that holds the four files. All four files arrive, or
none; a folder that is there already is replaced only then.
"""

from __future__ import annotations

import hashlib
import http.client
import io
import lzma
import os
import shutil
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

from base.cli import Parser
from base.errors import UserError, errors_are_sentences

DESTINATION = Path(__file__).resolve().parent / "cs224n"
SUMS = {
    "wiki.txt": (
        "823bb536fca77c8b5a15b34b0dead6355d0cf1f806e822464bca28806c2fd055",
        # Some editions hand it out without the last newline.
        "17e381468abd91b60be8acaff006c66b77532b4ea4c0ce097b0a686d2e8e8219"),
    "birth_places_train.tsv": (
        "02364dfca78e23d2583a19f03a2d8cddd90ee3e1a3795ddec7f0addadea30b0d",),
    "birth_dev.tsv": ("101a56073eba0db9aad5e2aaf1aa9bf8bdae966ae3aaed8fc8cda5edfa7856da",),
    "birth_test_inputs.tsv": (
        "5ccd3b2a1682e0daf90d59488aef8805ef21b9d35795cc3bdabdea79d293aa1f",),
}
LARGEST_FILE = 8 << 20  # bytes; the largest of the four has 419,253
LARGEST_ZIP = 256 << 20
TIMEOUT = 60  # seconds without an answer


class FetchError(Exception):
    """A sentence for the user: which file, and what to do."""


def is_right(name: str, content: bytes) -> bool:
    return hashlib.sha256(content).hexdigest() in SUMS[name]


def choose(name: str, found: Iterator[tuple[str, bytes]], source: str) -> bytes:
    """The first of (where, content) whose sum is right."""
    wrong = ""
    for where, content in found:
        if is_right(name, content):
            return content
        wrong = wrong or where
    if wrong:
        raise FetchError(f"{wrong}: this is not the course's {name} (its sha256 is another): "
                         "download it again, unedited")
    raise FetchError(f"{name} is not in {source}: give a directory, zip or address with all of "
                     f"{', '.join(SUMS)}")


def from_directory(folder: Path) -> dict[str, bytes]:
    """The four files from anywhere under a folder."""
    paths: dict[str, list[Path]] = {name: [] for name in SUMS}
    for at, _, names in sorted(os.walk(folder)):
        for name in SUMS:
            path = Path(at) / name
            if name in names and path.is_file() and path.stat().st_size <= LARGEST_FILE:
                paths[name].append(path)
    return {name: choose(name, ((str(path), path.read_bytes()) for path in found), str(folder))
            for name, found in paths.items()}


def base_name(path: str) -> str:
    """The last part of a path in a zip; some programs on Windows write backslashes there."""
    return PurePosixPath(path.replace("\\", "/")).name


def from_zip(content: bytes, source: str) -> dict[str, bytes]:
    """The four files from a zip: read in memory, never unpacked to the paths that it names."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [member for member in archive.infolist()
                       if not member.is_dir() and member.file_size <= LARGEST_FILE
                       and "__MACOSX" not in member.filename]
            return {name: choose(name, ((f"{source} ({member.filename})", archive.read(member))
                                        for member in members
                                        if base_name(member.filename) == name), source)
                    for name in SUMS}
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, RuntimeError, EOFError,
            ValueError) as error:
        raise FetchError(f"{source}: cannot be read as a zip file: download it again") from error


def download(address: str, largest: int) -> bytes:
    """The bytes at an http, https or file address."""
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:
            content = answer.read(largest + 1)
    except urllib.error.HTTPError as error:
        raise FetchError(f"{address}: the server answers {error.code}: check the address"
                         ) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise FetchError(f"{address}: no answer ({reason}): check the address and the network, or "
                         "give a directory") from error
    if len(content) > largest:
        raise FetchError(f"{address}: larger than {largest >> 20} MiB, so not the course's: check "
                         "the address")
    return content


def from_address(address: str) -> dict[str, bytes]:
    """The four files from the address of a zip, or of a folder that holds them."""
    try:
        parts = urllib.parse.urlsplit(address)
    except ValueError as error:
        raise FetchError(f"{address}: not a valid address: check its spelling") from error
    if parts.scheme == "file":
        return from_path(Path(urllib.request.url2pathname(parts.path)))
    if parts.path.lower().endswith(".zip"):
        return from_zip(download(address, LARGEST_ZIP), address)
    files = {}
    for name in SUMS:
        path = f"{parts.path.rstrip('/')}/{name}"
        where = urllib.parse.urlunsplit(parts._replace(path=path))
        files[name] = choose(name, iter([(where, download(where, LARGEST_FILE))]), address)
    return files


def from_path(path: Path) -> dict[str, bytes]:
    """The four files from a directory or a zip file on this machine."""
    if path.is_dir():
        return from_directory(path)
    if path.is_file():
        return from_zip(path.read_bytes(), str(path))
    raise FetchError(f"{path}: no such directory or zip file: give one, or an http address")


def collect(source: str) -> dict[str, bytes]:
    """The four files, their sums checked, from whatever the source is."""
    if source.lower().startswith(("http://", "https://", "file:")):
        return from_address(source)
    if "://" in source:
        raise FetchError(f"{source}: only http, https and file addresses are understood: download "
                         "the files and give their directory")
    return from_path(Path(source).expanduser())


def store(files: dict[str, bytes], folder: Path) -> None:
    """Writes a new folder beside the final one, then swaps the two, so that no half is seen."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    old = fresh / "old"
    new = fresh / "new"
    try:
        new.mkdir()
        for name, content in files.items():
            (new / name).write_bytes(content)
        if folder.exists():
            for extra in folder.iterdir():  # what else somebody keeps there stays
                if extra.name not in files:
                    copy = shutil.copytree if extra.is_dir() else shutil.copy2
                    copy(extra, new / extra.name)
            os.replace(folder, old)
        try:
            os.replace(new, folder)
        except OSError:
            if old.exists():
                os.replace(old, folder)
            raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def main(arguments: list[str] | None = None) -> None:
    parser = Parser(description="Put the course's four files into data/cs224n/.")
    parser.add_argument("source", metavar="URL_OR_DIRECTORY",
                        help="directory, .zip file, or http(s)/file address of a zip or a folder")
    source = parser.parse_args(arguments).source
    try:
        store(collect(source), DESTINATION)
    except FetchError as error:
        raise UserError(" ".join(str(error).split())) from None
    except OSError as error:
        where = error.filename or DESTINATION
        raise UserError(
            f"{where}: cannot be read or written ({error.strerror or error}): check its "
            "permissions and the free space"
        ) from None
    print(f"{DESTINATION}: {', '.join(SUMS)}, all with the right sums")


if __name__ == "__main__":
    with errors_are_sentences():
        main()
