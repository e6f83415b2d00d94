"""What code in the sandbox can reach, use up and say."""

import dataclasses
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import wire
from grade import check_secrecy
from grader_world import GRADERS, shared
from sandbox import Sandbox

in_both_modes = pytest.mark.parametrize("mode", GRADERS)


def run(code: str, mode: str = "strongest", **limits):
    """The outcome of importing a module with this code."""
    files = {"hostile.py": code.encode()}
    return GRADERS[mode]().sandbox.ask("imports", files, {"name": "hostile"}, **limits)


def printed(code: str, mode: str = "strongest") -> str:
    outcome = run(code, mode)
    assert not outcome.failure
    return outcome.output


@in_both_modes
def test_code_runs_without_rights(mode):
    assert int(printed("import os; print(os.getuid())", mode)) != 0
    status = printed("print(open('/proc/self/status').read())", mode)
    fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert int(fields["CapEff"], 16) == int(fields["CapPrm"], 16) == 0
    assert fields["NoNewPrivs"] == "1"


def test_hidden_answers_results_and_environment_are_out_of_reach(tmp_path):
    world = shared().world
    for path in (world.answers, world.source / "run.py", tmp_path, "/etc/shadow"):
        outcome = run(f"import os; os.stat({str(path)!r}); open({str(path)!r})")
        assert "FileNotFoundError" in outcome.failure or "PermissionError" in outcome.failure
    os.environ["SECRET_OF_THE_GRADER"] = "1"
    assert "SECRET" not in printed("import os; print(dict(os.environ))")
    del os.environ["SECRET_OF_THE_GRADER"]


def test_there_is_no_network():
    if shared().sandbox.mode != "namespaces":
        pytest.skip("this platform lets nobody take the network away")
    outcome = run("import socket; socket.create_connection(('192.0.2.1', 80), timeout=5)")
    assert "unreachable" in outcome.failure


@pytest.mark.parametrize(
    ("code", "word"),
    [
        ("while True: print('x' * 1000)", "printed more than 1 MB"),
        ("import time; time.sleep(1000)", "the code hangs"),
        ("while True: pass", "seconds of computing"),
        ("import os\nwhile True: os.fork()", "BlockingIOError"),
        ("hoard = bytearray(10**10)", "MemoryError"),
        ("import torch; hoard = torch.zeros(10**10)", "memory"),
        ("f = open('f', 'wb')\nwhile True: f.write(bytes(10**6))", "File too large"),
        ("import os; os._exit(0)", "ended the process"),
        ("import sys; sys.exit(3)", "sys.exit(3)"),
        ("import os; os.close(3)", "ended the process"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("import ctypes; ctypes.string_at(0)", "SIGSEGV"),
    ],
)
def test_limits_end_in_a_sentence(code, word):
    assert word in run(code, cpu_s=2, wall_s=4).failure


@in_both_modes
def test_a_probe_finds_nothing_of_the_one_before(mode):
    """Files in whatever folders are open to all, and System V shared memory."""
    roots = "('/tmp', '/var/tmp', '/dev/shm', '/dev/mqueue', '/run/lock')"
    leave = f"import ctypes, os\nfor root in {roots}:\n" \
            "    if os.access(root, os.W_OK):\n" \
            "        open(root + '/left', 'w').write('1')\n" \
            "        if root != '/dev/mqueue':\n" \
            "            os.makedirs(root + '/left.d/behind')\n" \
            "print(ctypes.CDLL(None).shmget(224, 4096, 0o1666))"
    assert int(printed(leave, mode)) >= 0
    look = f"import ctypes, os; print([r for r in {roots} if os.path.exists(r + '/left') " \
           "or os.path.exists(r + '/left.d')], ctypes.CDLL(None).shmget(224, 4096, 0))"
    assert printed(look, mode).strip() == "[] -1"


def test_the_other_user_reads_no_answers_and_open_ones_are_refused(tmp_path, capsys):
    grader = GRADERS["user"]()
    check_secrecy(grader.world, grader.sandbox)
    outcome = run(f"open({str(grader.world.answers)!r})", "user")
    assert "PermissionError" in outcome.failure
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        answers = Path(folder) / "answers.tsv"
        answers.write_text("")
        with pytest.raises(SystemExit):
            check_secrecy(dataclasses.replace(grader.world, answers=answers), grader.sandbox)
        assert "chmod 600" in capsys.readouterr().err
        answers.chmod(0o600)
        check_secrecy(dataclasses.replace(grader.world, answers=answers), grader.sandbox)


def test_deep_folders_are_removed():
    base = shared().sandbox.base
    run("import os\nfor _ in range(1500):\n    os.mkdir('d')\n    os.chdir('d')")
    assert [path.name for path in base.iterdir() if path.name.startswith("run")] == []


def test_computing_counts_for_all_processes_together():
    code = (
        "import os\nfor _ in range(10):\n    if os.fork() == 0:\n        break\n"
        "while True:\n    pass"
    )
    run("pass")  # so that the sandbox runs
    began = time.monotonic()
    outcome = run(code, cpu_s=3, wall_s=60)
    assert outcome.hung and "after 3 seconds of computing" in outcome.failure
    assert time.monotonic() - began < 16  # eleven times three seconds take longer on two cores


@in_both_modes
def test_nothing_survives_a_probe(mode):
    """A process that left its session writes for ever; after the probe it is gone."""
    run("import os, time\nif os.fork() == 0:\n    os.setsid()\n    time.sleep(3600)", mode)
    time.sleep(0.1)
    uid = GRADERS[mode]().sandbox.uid
    if uid is None:
        pytest.skip("processes of the sandbox look like one's own")
    owners = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            owners.append(os.stat(f"/proc/{name}").st_uid)
        except FileNotFoundError:
            continue
    assert uid not in owners


def test_answers_need_the_nonce():
    payload = wire.pack("right", {"a": 1}, {"x": np.arange(6, dtype=np.int32).reshape(2, 3)})
    data, arrays = wire.unpack(payload, "right")
    assert data == {"a": 1} and arrays["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    with pytest.raises(ValueError):
        wire.unpack(payload, "wrong")
    other = payload.replace(b"int32", b"object")
    vast = payload.replace(b"[2, 3]", b"[0, 1" + 30 * b"0" + b"]")
    assert len({payload, other, vast}) == 3
    for bad in (payload[:-1], b"", b"[]\n", b"{}\n", b"\x80\x04N.", other, vast):
        with pytest.raises(ValueError):
            wire.unpack(bad, "right")


def test_the_grader_may_write_to_a_file(tmp_path):
    """Code that sets the encoding of its output, as src/ does, once failed where the grader's own
    output was no pipe."""
    code = "import sys; sys.stdout.reconfigure(encoding='utf-8'); print('fine')"
    kept, file = os.dup(1), os.open(tmp_path / "out", os.O_RDWR | os.O_CREAT)
    os.dup2(file, 1)
    try:
        with Sandbox(shared().world.settings["limits"]) as sandbox:
            outcome = sandbox.ask("imports", {"own.py": code.encode()}, {"name": "own"})
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(file)
    assert not outcome.failure and outcome.output.strip() == "fine"
