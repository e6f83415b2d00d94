"""Signals: a checkpoint and a sentence during training, no traceback before it."""

import os
import signal
import subprocess
import sys
import time

import pytest
from conftest import ROOT
from test_trainer import command, course_files, threads

from training.signals import STOP_SIGNALS, Stopped, StopSignals

posix = pytest.mark.skipif(os.name == "nt", reason="Windows cannot send these signals")
STATUS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}


@posix
@pytest.mark.parametrize("name", STATUS)
def test_a_polite_signal_saves_first(tmp_path, name):
    course_files(tmp_path)
    patient = command(tmp_path)
    patient[patient.index("0.0005")] = "100"
    patient[patient.index("60")] = "6000"
    run = subprocess.Popen(patient, cwd=tmp_path, env=threads(1), stderr=subprocess.PIPE, text=True)
    while not any(log.stat().st_size for log in tmp_path.glob("runs/*/metrics.jsonl")):
        assert run.poll() is None
        time.sleep(0.05)
    run.send_signal(getattr(signal, name))
    _, errors = run.communicate(timeout=60)
    assert run.returncode == STATUS[name], errors
    assert "Traceback" not in errors and "--resume" in errors
    assert (tmp_path / "out.params.checkpoint").exists()
    assert not (tmp_path / "out.params").exists()


IMPORTING = {  # command: words, and imports at which Ctrl-C comes (torch._C is a third of the way)
    "src/ask.py": ([], ("argparse", "numpy", "torch._C", "torch.nn", "dataset")),
    "src/run.py": (["pretrain", "vanilla", "none.txt"], ("numpy", "torch._C", "torch.nn")),
    "src/dataset.py": (["namedata"], ("numpy", "torch.nn")),
    "src/explore.py": (["none.params", "none.txt"], ("torch.nn",)),
    "london_baseline.py": ([], ("torch.nn",)),
}


@posix
@pytest.mark.parametrize(
    "door, module", [(door, name) for door, (_, names) in IMPORTING.items() for name in names]
)
def test_ctrl_c_while_a_command_imports_leaves_no_traceback(tmp_path, door, module):
    """With `-X importtime` Python tells of each import when it is done."""
    run = subprocess.Popen(
        [sys.executable, "-X", "importtime", str(ROOT / door), *IMPORTING[door][0]], cwd=tmp_path,
        env=threads(1), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    for line in run.stderr:
        if line.split("|")[-1].strip() == module:
            break
    run.send_signal(signal.SIGINT)
    said, errors = run.communicate(timeout=60)
    told = [line for line in errors.splitlines() if line and not line.startswith("import time:")]
    assert (run.returncode, told) == (130, ["interrupted"]), (said, told)


@posix
def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopSignals(once=True) as signals:
            os.kill(os.getpid(), signal.SIGHUP)
            assert signals.number is None
            assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@posix
def test_a_second_signal_does_not_wait_for_the_step():
    with StopSignals(once=True) as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.number == signal.SIGINT
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(1)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_systems_without_hangups_stop_too():
    assert signal.SIGINT in STOP_SIGNALS and signal.SIGTERM in STOP_SIGNALS
    assert Stopped("words", signal.SIGTERM).status == 143 and Stopped("words").status == 130
