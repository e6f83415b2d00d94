"""Inputs are read once, outputs harm nothing, and no half-written file is ever seen."""

import contextlib
import hashlib
import os
import subprocess
import sys
import threading

import pytest
from conftest import ROOT

from base import files
from base.errors import UserError, readable


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def write(name, text="x"):
    with open(name, "w", encoding="utf-8") as file:
        file.write(text)
    return name


def test_a_pipe_is_read_once_and_gives_the_same_again():
    os.mkfifo("pipe")
    writer = threading.Thread(target=write, args=("pipe", "what was read"))
    writer.start()
    expected = hashlib.sha256(b"what was read").hexdigest()
    assert files.read_text_and_digest("pipe") == ("what was read", expected)
    assert files.read_text("pipe") == "what was read" and files.digest("pipe") == expected
    writer.join()


@pytest.mark.parametrize("how", ["same name", "other spelling", "symlink", "hard link"])
def test_an_output_that_is_an_input_is_refused(how):
    write("in")
    os.mkdir("sub")
    output = {"same name": "in", "other spelling": "sub/../in"}.get(how, "link")
    if output == "link":
        (os.symlink if how == "symlink" else os.link)("in", "link")
    with pytest.raises(UserError, match="is read and would be overwritten"):
        files.check_outputs([output], [None, "in"])


def test_two_outputs_that_are_one_new_file_are_refused():
    with pytest.raises(UserError, match="two outputs would go to this one file"):
        files.check_outputs(["a", None, "./a"])
    files.check_outputs(["a", None, "b"], ["c"])
    files.check_outputs([os.devnull, os.devnull], [os.devnull])
    assert os.listdir() == []


@pytest.mark.parametrize("length", [255, 300])
def test_names_of_every_length_are_tried(length):
    name = "n" * length
    if length <= 255:
        files.check_writable(name)
        with files.write_whole(name) as file:
            file.write("whole")
        assert files.read_text(name) == "whole" and os.listdir() == [name]
    else:
        with pytest.raises(UserError, match="File name too long"):
            files.check_writable(name)


def test_a_file_of_another_user_in_a_sticky_folder_is_refused(monkeypatch):
    os.mkdir("sticky")
    os.chmod("sticky", 0o1777)
    write("sticky/theirs")
    monkeypatch.setattr(os, "geteuid", lambda: os.stat("sticky").st_uid + 1)
    with pytest.raises(UserError, match="the file is another user's"):
        files.check_writable("sticky/theirs")
    files.check_writable("sticky/new")


def test_a_pipe_as_output_is_written_to_and_stays():
    os.mkfifo("pipe")
    files.check_writable("pipe")
    got = []
    reader = threading.Thread(target=lambda: got.append(files.read_bytes("pipe")))
    reader.start()
    with files.write_whole("pipe", "wb") as file:
        file.write(b"to the reader")
    reader.join(10)
    assert got == [b"to the reader"] and not os.path.isfile("pipe")


def test_our_own_stdout_as_output_keeps_what_was_printed():
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from base.files import write_whole\n"
        "print('before', flush=True)\n"
        "with write_whole('/dev/stdout') as file: file.write('answer\\n')\n"
        "print('after')"
    )
    with open("out", "w") as out:
        subprocess.run([sys.executable, "-c", code, str(ROOT / "src")], stdout=out, check=True)
    assert files.read_text("out") == "before\nanswer\nafter\n"


def test_a_link_is_followed_and_stays_a_link():
    write("target", "old")
    os.symlink("target", "link")
    with files.write_whole("link") as file:
        file.write("new")
    assert os.path.islink("link") and files.read_text("target") == "new"


def test_two_writers_of_one_path_each_have_a_temporary_file():
    with contextlib.ExitStack() as stack:
        a, b = (stack.enter_context(files.write_whole("out")) for _ in range(2))
        a.write("a" * 10_000)
        b.write("b")
    assert files.read_text("out") in ("a" * 10_000, "b") and os.listdir() == ["out"]


def test_the_second_of_two_runs_is_refused_while_the_first_lives():
    with files.locked("out"):
        with pytest.raises(UserError, match="another run is writing to it"):
            with files.locked("out"):
                pass
    with files.locked("out"):
        pass
    assert os.listdir() == []


def test_a_killed_run_leaves_no_lock():
    code = (
        "import os, sys; sys.path.insert(0, sys.argv[1])\n"
        "from base.files import locked\n"
        "with locked('out'): os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(ROOT / "src")])
    assert done.returncode == 9 and os.listdir() == ["out.lock"]
    with files.locked("out"):
        pass
    assert os.listdir() == []


def test_a_paths_bytes_are_shown_as_a_person_reads_them():
    assert readable(os.fsdecode("nö".encode())) == "nö"
    assert readable("n\udcc3\udcb6.tsv") == "nö.tsv" and readable("\udce9") == "\\xe9"
    assert readable("a\rb\x1b[2Jc\u2028d é 東") == "a\\rb\\x1b[2Jc\\u2028d é 東"


def test_a_file_that_appears_during_the_check_is_another_processs_and_stays(monkeypatch):
    write("theirs")
    monkeypatch.setattr(os.path, "exists", lambda path: False)  # it was not there a moment ago
    files.check_writable("theirs")
    assert os.listdir() == ["theirs"]
