"""data/fetch_course_data.py: every source, every mistake; all four files or none."""

import functools
import hashlib
import http.server
import io
import threading
import zipfile
from pathlib import Path

import fetch_course_data as fetch
import pytest

from base.errors import UserError

ROOT = Path(__file__).resolve().parents[2]

CONTENTS = {
    "wiki.txt": b"Ada Ny. Ada Ny was born in Oslo .\n",
    "birth_places_train.tsv": b"Where was Ada Ny born?\tOslo\n",
    "birth_dev.tsv": b"Where was Bo Ek born?\tLund\n",
    "birth_test_inputs.tsv": b"Where was Cy Aho born?\n",
}


@pytest.fixture
def target(tmp_path, monkeypatch) -> Path:
    """Where the files go; the sums are those of CONTENTS, the first with or without newline."""
    sums = {name: (hashlib.sha256(content).hexdigest(),) for name, content in CONTENTS.items()}
    sums["wiki.txt"] += (hashlib.sha256(CONTENTS["wiki.txt"][:-1]).hexdigest(),)
    monkeypatch.setattr(fetch, "SUMS", sums)
    monkeypatch.setattr(fetch, "DESTINATION", tmp_path / "data" / "cs224n")
    return tmp_path / "data" / "cs224n"


def fill(folder: Path, contents: dict[str, bytes] = CONTENTS) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def zipped(contents: dict[str, bytes], prefix: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(prefix + name, content)
    return buffer.getvalue()


@pytest.fixture
def server(tmp_path):
    """(folder, address) of an http server on this machine."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))
    ) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{running.server_port}"
        running.shutdown()


def arrived(target: Path) -> bool:
    """Whether exactly the four files are there, and nothing lies beside their folder."""
    assert [path.name for path in target.parent.iterdir()] == ["cs224n"]
    return {path.name: path.read_bytes() for path in target.iterdir()} == CONTENTS


def refused(source: str, target: Path, capsys) -> str:
    """Runs a fetch that must fail; returns its one sentence."""
    before = sorted(target.parent.rglob("*")) if target.parent.exists() else []
    with pytest.raises(UserError) as mistake:
        fetch.main([str(source)])
    errors = str(mistake.value)
    assert capsys.readouterr().out == "" and "\n" not in errors
    assert (sorted(target.parent.rglob("*")) if target.parent.exists() else []) == before
    return errors


def test_from_a_directory_at_any_depth(tmp_path, target):
    fill(tmp_path / "download" / "student" / "data")
    fetch.main([str(tmp_path / "download")])
    assert arrived(target)


def test_from_a_directory_with_a_wrong_namesake(tmp_path, target):
    fill(tmp_path / "download" / "b")
    fill(tmp_path / "download" / "a", {"wiki.txt": b"something else"})
    fetch.main([str(tmp_path / "download")])
    assert arrived(target)


@pytest.mark.parametrize("prefix", ["", "a5/data/", "../../"])
def test_from_a_zip(tmp_path, target, prefix):
    """Members are found by their last name alone, and never written to the path they carry."""
    archive = tmp_path / "a5.zip"
    archive.write_bytes(zipped(CONTENTS, prefix))
    fetch.main([str(archive)])
    assert arrived(target)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a5.zip", "data"]


def test_from_file_addresses(tmp_path, target):
    fill(tmp_path / "with blank")
    fetch.main([(tmp_path / "with blank").as_uri()])
    assert arrived(target)
    archive = tmp_path / "a5.zip"
    archive.write_bytes(zipped(CONTENTS))
    fetch.main([archive.as_uri()])
    assert arrived(target)


def test_from_a_server(server, target):
    folder, address = server
    (folder / "a5.zip").write_bytes(zipped(CONTENTS, "student/"))
    fill(folder / "files")
    for source in ("a5.zip", "a5.zip?download=1", "files", "files/"):
        fetch.main([f"{address}/{source}"])
        assert arrived(target)


def test_the_edition_without_the_last_newline(tmp_path, target):
    short = CONTENTS | {"wiki.txt": CONTENTS["wiki.txt"][:-1]}
    fetch.main([str(fill(tmp_path / "download", short))])
    assert (target / "wiki.txt").read_bytes() == short["wiki.txt"]


def test_a_second_fetch_replaces_and_keeps_what_else_is_there(tmp_path, target):
    source = fill(tmp_path / "download")
    fill(target, {"wiki.txt": b"old", "notes.md": b"mine"})
    fetch.main([str(source)])
    assert (target / "notes.md").read_bytes() == b"mine"
    (target / "notes.md").unlink()
    assert arrived(target)


def test_fetching_from_the_destination_itself(target):
    fill(target)
    fetch.main([str(target)])
    assert arrived(target)


@pytest.mark.parametrize("name", CONTENTS)
@pytest.mark.parametrize("kind", ["directory", "zip"])
@pytest.mark.parametrize("trouble", ["missing", "wrong"])
def test_one_bad_file_stops_all(tmp_path, target, capsys, name, kind, trouble):
    contents = dict(CONTENTS)
    if trouble == "missing":
        del contents[name]
    else:
        contents[name] = contents[name].replace(b"\n", b"\r\n")
    source = fill(tmp_path / "download")
    if kind == "directory":
        (source / name).unlink()
        fill(source, contents)
    else:
        source = tmp_path / "a5.zip"
        source.write_bytes(zipped(contents))
    assert name in refused(source, target, capsys)
    fill(target, {"wiki.txt": b"old"})
    refused(source, target, capsys)
    assert (target / "wiki.txt").read_bytes() == b"old"


def test_broken_zips(tmp_path, target, capsys):
    archive = tmp_path / "a5.zip"
    whole = zipped(CONTENTS)
    at = whole.index(b"wiki.txt") + len("wiki.txt")
    damaged = whole[:at] + bytes(byte ^ 0xFF for byte in whole[at : at + 20]) + whole[at + 20 :]
    for content in (b"", b"no zip at all", whole[: len(whole) // 2], damaged):
        archive.write_bytes(content)
        assert str(archive) in refused(archive, target, capsys)


def test_addresses_that_do_not_answer(server, tmp_path, target, capsys):
    folder, address = server
    assert "404" in refused(f"{address}/nothing.zip", target, capsys)
    assert "404" in refused(f"{address}/nothing", target, capsys)
    (folder / "a5.zip").write_bytes(b"<html>please log in</html>")
    assert "zip" in refused(f"{address}/a5.zip", target, capsys)
    refused("http://127.0.0.1:9/a5.zip", target, capsys)
    refused("http://[broken/a5.zip", target, capsys)
    refused("ftp://127.0.0.1/a5.zip", target, capsys)
    refused((tmp_path / "nowhere").as_uri(), target, capsys)
    refused(tmp_path / "nowhere", target, capsys)


def test_a_destination_that_cannot_be_written(tmp_path, target, capsys):
    source = fill(tmp_path / "download")
    target.parent.write_bytes(b"a file where the folder should be")
    with pytest.raises(UserError, match="cannot be"):
        fetch.main([str(source)])
    assert target.parent.read_bytes() == b"a file where the folder should be"


def test_a_failed_write_leaves_the_old_files(tmp_path, target, monkeypatch, capsys):
    source = fill(tmp_path / "download")
    fill(target, {"wiki.txt": b"old"})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    assert "No space left" in refused(source, target, capsys)


def test_readme_has_the_sums_that_are_checked():
    readme = (ROOT / "data" / "README.md").read_text(encoding="utf-8")
    assert all(digest in readme for digests in fetch.SUMS.values() for digest in digests)


def test_the_real_sums(tmp_path, monkeypatch):
    """With the course's files at hand: both editions of wiki.txt are taken."""
    source = ROOT.parent / "shared" / "cs224n"
    if not (source / "wiki.txt").exists():
        pytest.skip("the course's files are not on this machine")
    monkeypatch.setattr(fetch, "DESTINATION", tmp_path / "cs224n")
    fetch.main([str(source)])
    wiki = tmp_path / "cs224n" / "wiki.txt"
    wiki.write_bytes(wiki.read_bytes()[:-1])
    assert wiki.stat().st_size == 419252
    fetch.main([str(tmp_path / "cs224n")])


def test_a_zip_with_backslashes(target, tmp_path):
    (tmp_path / "a.zip").write_bytes(zipped(CONTENTS, "course\\data\\"))
    fetch.main([str(tmp_path / "a.zip")])
    assert arrived(target)
