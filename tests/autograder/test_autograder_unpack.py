"""Archives that lead out of their folder, link, or explode are refused, in one sentence."""

import os
import stat
import zipfile

import pytest
import unpack as unpacking
from layout import Layout
from unpack import BadSubmission, unpack
from verdicts import Failed


def zipped(path, *entries, compression=zipfile.ZIP_DEFLATED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries:
            archive.writestr(name, content)
    return path


def link(name, target):
    entry = zipfile.ZipInfo(name)
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    return entry, target


CODE = {"folder": "src", "modules": {"dataset": ["dataset.py"], "model": ["model.py"]}}


def layout(archive, folder) -> Layout:
    folder.mkdir()
    unpack(archive, folder)
    return Layout(folder, CODE)


@pytest.mark.parametrize("prefix", ["", "work/", "a/b/"])
def test_the_project_is_found_under_any_folders(tmp_path, prefix):
    names = ("src/run.py", "src/dataset.py", "src/sub/more.py", "london.py", "x.params")
    archive = zipped(tmp_path / "a.zip", *((prefix + name, name) for name in names))
    found = layout(archive, tmp_path / "out")
    assert set(found.programs) == {"src/run.py", "src/dataset.py", "src/sub/more.py", "london.py"}
    assert found.find("x.params").read_text() == "x.params"
    assert found.notes == []


def test_what_systems_leave_behind_is_not_taken_in(tmp_path):
    names = ("work/src/dataset.py", "work/.DS_Store", "work/src/._dataset.py", ".DS_Store",
             "__MACOSX/work/src/._dataset.py", "work/src/__pycache__/dataset.pyc",
             "work/Thumbs.db")  # fmt: skip
    archive = zipped(tmp_path / "a.zip", *((name, name) for name in names))
    found = layout(archive, tmp_path / "out")
    assert set(found.programs) == {"src/dataset.py"} and found.notes == []
    assert [path.name for path in found.folder.rglob("*") if path.is_file()] == ["dataset.py"]


def test_files_beside_the_project_and_without_folders_are_found_and_said(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("README.md", ""), ("work/src/dataset.py", ""),
                     ("work/models/x.params", "2"))  # fmt: skip
    found = layout(archive, tmp_path / "out")
    assert found.find("x.params").read_text() == "2"
    assert found.notes == ["the project was found in work/",
                           "x.params was found as work/models/x.params"]  # fmt: skip
    flat = zipped(tmp_path / "b.zip", ("dataset.py", ""), ("run.py", ""), ("x.params", ""))
    found = layout(flat, tmp_path / "flat")
    assert set(found.programs) == {"src/dataset.py", "src/run.py"}
    assert found.notes == ["the programs were not in a folder src/"]


def test_two_files_of_one_name_are_not_chosen_between(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("src/dataset.py", ""), ("a/x.params", ""),
                     ("b/x.params", ""))  # fmt: skip
    with pytest.raises(Failed, match="2: a/x.params, b/x.params"):
        layout(archive, tmp_path / "out").find("x.params")


def test_backslashes_between_folders(tmp_path):
    archive = zipped(tmp_path / "a.zip", ("work\\src\\dataset.py", "1"), ("work\\x.params", ""))
    found = layout(archive, tmp_path / "out")
    assert set(found.programs) == {"src/dataset.py"} and found.find("x.params")
    bad = zipped(tmp_path / "b.zip", ("..\\out.py", ""))
    (tmp_path / "bad").mkdir()
    with pytest.raises(BadSubmission, match="leads out"):
        unpack(bad, tmp_path / "bad")


def test_a_real_submission_is_far_below_the_limits(tmp_path):
    """Three params files of 13 MB; one of 70 MB is refused before it is unpacked."""
    params = os.urandom(13 * 2**20)
    names = ("a.params", "b.params", "c.params")
    archive = zipped(tmp_path / "a.zip", *((n, params) for n in names),
                     compression=zipfile.ZIP_STORED)  # fmt: skip
    (tmp_path / "out").mkdir()
    unpack(archive, tmp_path / "out")
    large = zipped(tmp_path / "b.zip", ("a.params", bytes(70 * 2**20)),
                   compression=zipfile.ZIP_STORED)  # fmt: skip
    (tmp_path / "large").mkdir()
    with pytest.raises(BadSubmission, match="more than"):
        unpack(large, tmp_path / "large")
    assert list((tmp_path / "large").iterdir()) == []


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


def test_folders_with_links_are_refused(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "out").mkdir()
    (tmp_path / "in" / "run.py").symlink_to("/etc/passwd")
    with pytest.raises(BadSubmission, match="link"):
        unpack(tmp_path / "in", tmp_path / "out")
