"""Archives that lead out of their folder, link, or explode are refused, in one sentence."""

import os
import stat
import zipfile

import pytest
import unpack as unpacking
from unpack import BadSubmission, unpack


def zipped(path, *entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name, target):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, target


def test_files_come_out_and_a_folder_around_them_is_taken_off(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("work/src/run.py", "1"), ("work/x.params", "2"))
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / "src" / "run.py").read_text() == "1"
    assert (tmp_path / "out" / "x.params").read_text() == "2"


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([("../out.py", "")], "leads out"),
        ([("src/../../out.py", "")], "leads out"),
        ([("/etc/passwd", "")], "leads out"),
        ([("C:\\windows", "")], "leads out"),
        ([link("src/run.py", "/etc/passwd")], "link"),
        ([("a" * 300, "")], "too long"),
        ([("a.txt", "1"), ("./a.txt", "2")], "twice"),
        ([("zeros", bytes(3 * 2**20))], "bomb"),
        ([(f"{i}.txt", "") for i in range(2001)], "2001 files"),
    ],
)
def test_hostile_zips_are_refused(tmp_path, entries, word):
    archive = zipped(tmp_path / "a.zip", *entries)
    (tmp_path / "out").mkdir()
    with pytest.raises(BadSubmission, match=word):
        unpack(archive, tmp_path / "out")
    assert not (tmp_path / "out.py").exists()


def test_what_comes_out_is_counted_not_believed(tmp_path, monkeypatch):
    monkeypatch.setattr(unpacking, "LARGEST_TOTAL", 5000)
    archive = zipped(tmp_path / "a.zip", ("a", os.urandom(3000)), ("b", os.urandom(3000)))
    (tmp_path / "out").mkdir()
    with pytest.raises(BadSubmission, match="more than 5000 bytes"):
        unpack(archive, tmp_path / "out")


def test_a_damaged_zip_and_a_text_file_are_refused(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("a.txt", "hello " * 100))
    damaged = tmp_path / "damaged.zip"
    content = bytearray(archive.read_bytes())
    content[40:60] = bytes(20)
    damaged.write_bytes(content)
    (tmp_path / "text.zip").write_text("hello")
    for path, word in ((damaged, "damaged"), (tmp_path / "text.zip", "neither")):
        target = tmp_path / f"out-{path.stem}"
        target.mkdir()
        with pytest.raises(BadSubmission, match=word):
            unpack(path, target)


@pytest.mark.parametrize("compression", [zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA])
def test_a_large_damaged_member_is_refused(tmp_path, compression):
    content = os.urandom(1 << 16).hex().encode() * 5
    archive = zipped(tmp_path / "a.zip", ("a.params", content), compression=compression)
    damaged = bytearray(archive.read_bytes())
    damaged[3000:9000] = b"\xff" * 6000
    archive.write_bytes(damaged)
    (tmp_path / "out").mkdir()
    with pytest.raises(BadSubmission, match="a damaged zip"):
        unpack(archive, tmp_path / "out")


def test_a_folder_around_everything_may_have_any_name_and_content(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("work/.wrapper", "1"), ("work/.wrapper_/work", "2"))
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out" / ".wrapper").read_text() == "1"
    assert (tmp_path / "out" / ".wrapper_" / "work").read_text() == "2"


def test_folders_with_links_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "run.py").symlink_to("/etc/passwd")
    with pytest.raises(BadSubmission, match="link"):
        unpack(tmp_path / "in", tmp_path / "out")
