"""The quickstart: its parts, their shares of the time, what it prints, how it fails."""

import ast
import contextlib
import io
import os
import re
import runpy
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path

import pytest
from conftest import ROOT

import install
import quickstart


class InProcess(quickstart.Commands):
    """Runs the commands in this process, which has imported torch already. A training run counts
    its time from the start of the process, so that it has none left and makes one step."""

    def run(self, command, training=False, watch=None):
        self.progress.tick()
        script, *arguments = command[1:]
        words, argv, path, folder = io.StringIO(), sys.argv, list(sys.path), os.getcwd()
        os.chdir(self.folder)
        try:
            sys.argv = [script, *arguments]
            sys.path.insert(0, str(Path(script).resolve().parent))
            with contextlib.redirect_stdout(words), contextlib.redirect_stderr(words):
                runpy.run_path(script, run_name="__main__")
            status = 0
        except SystemExit as stop:
            status = stop.code or 0
        finally:
            sys.argv, sys.path[:] = argv, path
            os.chdir(folder)
        self.write(words.getvalue())
        return status, words.getvalue()


def settings(out: Path, **changes) -> quickstart.Settings:
    about = {"variant": "vanilla", "people": 60, "minutes": 0.1, "python": sys.executable}
    return quickstart.Settings(**about | {"out": out} | changes)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """The folder and the words of a quickstart of 60 people with a step for each training run."""
    out, words = tmp_path_factory.mktemp("quickstart") / "out", io.StringIO()
    with contextlib.redirect_stdout(words):
        quickstart.run_all(settings(out), InProcess)
    return out, words.getvalue()


def test_says_first_what_it_will_do(finished):
    first = finished[1].split("0:00 of 0:06")[0]
    assert first.startswith('"Where was X born?" in 0.1 minutes (vanilla attention):\n')
    assert "60 invented people" in first and "expect no right answers" in first


def test_table_in_per_cent_with_intervals(finished):
    lines = finished[1].split("Right answers to the 10 questions held out")[1].splitlines()[1:5]
    pattern = r"  (.*?)  +(\d+\.\d) %  \((\d+\.\d) % to (\d+\.\d) %\)"
    rows = [re.fullmatch(pattern, line).groups() for line in lines]
    assert [row[0].split(" recipe")[0] for row in rows] == [
        "London every time", "vanilla, no pretraining", "vanilla, the course's",
        f"vanilla, the {quickstart.RECIPE}",
    ]  # fmt: skip
    assert all(float(low) <= float(share) <= float(high) for _, share, low, high in rows)
    assert len({line.index(" %") for line in lines}) == 1


def test_warns_where_too_few_steps_fit(finished):
    pattern = r"^(\d) of about 125 steps: expect nothing; give MINUTES=(\d+)$"
    ((steps, minutes),) = re.findall(pattern, finished[1], re.MULTILINE)
    assert int(minutes) == -(-0.1 * 125 // int(steps))


def test_three_answers_with_confidence_and_source(finished):
    lines = finished[1].split("Three of its answers")[1].splitlines()[1:7]
    for answer, source in zip(lines[::2], lines[1::2], strict=True):
        assert re.match(r"  Where was .* born\? .* \(\d+ % sure; (right|wrong: .*)\)$", answer)
        assert source.startswith("      ")


def test_report_page_stands_where_it_says(finished):
    out, words = finished
    page = quickstart.relative(out / "report.html", Path.cwd())
    assert f"All answers on one page: {page}\n" in words
    assert "<html" in (out / "report.html").read_text(encoding="utf-8")


@pytest.mark.skipif(os.name == "nt", reason="the command is for another shell there")
def test_command_that_it_ends_with_asks_the_model(finished):
    command = finished[1].split("To ask it about anybody:\n")[1].split("\n(")[0]
    script = " && ".join(line.strip() for line in command.splitlines())
    asked = subprocess.run(
        ["bash", "-c", script], input="Ann Lee\n", capture_output=True, text=True
    )
    assert asked.returncode == 0 and "Ann Lee: " in asked.stdout, asked.stderr


class Clock:
    """A clock that only a pretended computer moves."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        return self.now


class Pretended(quickstart.Commands):
    """A computer on which every command takes `start` seconds beside its training."""

    clock, start, trained = None, 0.0, None

    def run(self, command, training=False, watch=None):
        minutes = 0.0
        if training:
            minutes = float(command[command.index("--max_minutes") + 1])
            self.trained.append((command[2], command[command.index("--recipe") + 1], minutes))
            name = command[command.index("--writing_params_path") + 1]
            (self.folder / f"{name}.json").write_text('{"steps": 27}')
        self.clock.now += max(self.start, 60 * minutes)
        if "report.py" in command[1]:
            (self.folder / "model.dev.predictions.jsonl").write_text(
                '{"question": "Where was A born?", "answer": "B", "confidence": 0.5, "gold": "C", '
                '"correct": false, "provenance": null}\n'
            )
        return 0, "Correct: 6.0 out of 119.0: 5.04%"


@pytest.mark.parametrize("start", [0.5, 3.0, 9.0])
@pytest.mark.parametrize("minutes", [10, 30])
def test_takes_the_time_it_was_given_on_any_computer(start, minutes, tmp_path, monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(quickstart, "time", clock)
    kind = type("Kind", (Pretended,), {"clock": clock, "start": start, "trained": []})
    quickstart.run_all(settings(tmp_path / "out", people=700, minutes=minutes), kind)
    assert 0.85 * minutes * 60 < clock.now - 1000 < minutes * 60 + 1
    ours = [spent for function, recipe, spent in kind.trained if recipe == quickstart.RECIPE]
    assert ours[0] > 0.6 * minutes
    others = [spent for _, recipe, spent in kind.trained if recipe == "course"]
    assert sum(others) < 0.2 * minutes
    words = capsys.readouterr().out
    assert f"27 of about 250 steps: expect nothing; give MINUTES={-(-minutes * 250 // 27)}" in words


def test_warns_while_there_is_time_to_stop(tmp_path, capsys):
    progress = quickstart.Progress(600)
    asked = settings(tmp_path, people=700, minutes=10)
    experiment = quickstart.Experiment(asked, progress, None, "")
    watch = experiment.foresee(400.0)
    watch({"step": 4, "seconds": 50.0}, 60.0)
    assert capsys.readouterr().out == ""  # too early to tell
    for _ in range(2):
        watch({"step": 9, "seconds": 100.0}, 110.0)
    said = capsys.readouterr().out
    assert said == "39 of about 250 steps: expect nothing; give MINUTES=65\n"  # once
    fast = quickstart.Experiment(asked, progress, None, "")
    fast.foresee(400.0)({"step": 99, "seconds": 100.0}, 110.0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("seconds, total", [(60, 600), (150, 600), (500, 600 + 500 - 180)])
def test_a_slow_download_does_not_eat_the_lesson(seconds, total, tmp_path, monkeypatch, capsys):
    clock = Clock()
    monkeypatch.setattr(quickstart, "time", clock)

    def installed(files, folder, run):
        clock.now += seconds
        return sys.executable

    monkeypatch.setattr(install, "install", installed)
    kind = type("Kind", (Pretended,), {"clock": clock, "start": 2.0, "trained": []})
    quickstart.run_all(settings(tmp_path / "out", people=700, minutes=10, python=None), kind)
    assert total - 90 < clock.now - 1000 <= total + 1
    assert ("The installation took 8:20" in capsys.readouterr().out) == (seconds == 500)


def test_interval_is_wilsons():
    low, high = quickstart.Result("", 94, 119).interval()
    assert (round(100 * low, 1), round(100 * high, 1)) == (70.8, 85.3)
    low, high = quickstart.Result("", 0, 119).interval()
    assert low == 0 and high == pytest.approx(1.96**2 / (119 + 1.96**2))
    assert quickstart.Result("", 7, 7).interval()[1] == 1.0


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_one_bar_that_never_outgrows_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("TERM", "xterm")
    clock, screen = Clock(), Terminal()
    monkeypatch.setattr(quickstart, "time", clock)
    progress = quickstart.Progress(600, screen)
    progress.start("pretraining by the knowledge recipe")
    clock.now += 300
    progress.tick("step 210, loss 0.61 " * 5)
    shown = screen.getvalue().split("\r")
    assert shown[-1].startswith("[##########..........] 5:00 of 10:00  pretraining")
    assert all(len(text) <= 59 for text in shown) and "\n" not in screen.getvalue()


# ---------------------------------------------------------------------------------------------
# How it fails
# ---------------------------------------------------------------------------------------------


def run_quickstart(*arguments, **env):
    return subprocess.run(
        [sys.executable, str(ROOT / "quickstart.py"), *map(str, arguments)],
        capture_output=True, text=True, timeout=120, env=os.environ | env,
    )  # fmt: skip


@pytest.mark.parametrize("env, words", [
    ({"MINUTES": "ten"}, "PEOPLE and MINUTES are numbers"),
    ({"MINUTES": "0"}, "MINUTES=0: give a number above zero"),
    ({"PEOPLE": "12"}, "PEOPLE=12: give a number from 60"),
])  # fmt: skip
def test_bad_settings_are_one_sentence(env, words):
    done = run_quickstart(**env)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(f"error: {words}") and done.stderr.count("\n") == 1


def test_a_part_that_fails_is_told_in_its_own_words(tmp_path):
    done = run_quickstart("--python", sys.executable, "--out", tmp_path / "out", "ropee",
                          PEOPLE="60", MINUTES="0.2")  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert re.match("error: finetuning without pretraining: .*ropee", done.stderr)
    assert done.stderr.count("\n") == 1


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    done = run_quickstart("--python", sys.executable, "--out", tmp_path / "file" / "out")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "cannot be written" in done.stderr


def test_no_space_is_one_sentence(tmp_path, monkeypatch, capsys):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage(10**9, 10**9, 10**7))
    with pytest.raises(SystemExit) as stop:
        quickstart.main(["--out", str(tmp_path / "out")])
    assert stop.value.code == 2
    assert "0.0 GB of free space" in capsys.readouterr().err


@pytest.mark.parametrize("file", ["install.py", "quickstart.py"])
def test_an_older_python_reads_far_enough_to_say_so(file):
    text = (ROOT / file).read_text(encoding="utf-8")
    ast.parse(text, feature_version=(3, 7))
    pretend = "import sys; sys.version_info = (3, 7, 9, 'final', 0); sys.argv = ['x']; "
    pretend += f"sys.path.insert(0, {str(ROOT)!r}); exec(open({str(ROOT / file)!r}).read())"
    done = subprocess.run([sys.executable, "-c", pretend], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    assert re.fullmatch(r"error: this is Python 3.7; install 3.10 or newer.*\n", done.stderr)


@pytest.mark.skipif(os.name == "nt", reason="signals of another kind there")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_is_one_sentence_and_leaves_no_process(number, tmp_path):
    child = subprocess.Popen(
        [sys.executable, str(ROOT / "quickstart.py"), "--python", sys.executable, "--people", "60",
         "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while "run.py" not in words_of(tmp_path / "out" / "log.txt") and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(child.pid, number)
    _, errors = child.communicate(timeout=60)
    assert child.returncode == 130
    assert re.fullmatch(r"\nstopped; .*\n", errors), errors
    with pytest.raises(ProcessLookupError):
        os.killpg(child.pid, 0)


def words_of(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


# ---------------------------------------------------------------------------------------------
# The installation
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("said, words", [
    ("OSError: [Errno 28] No space left on device", "the disk is full"),
    ("WARNING: Retrying (Retry(total=4))\nERROR: No matching distribution", "could not be dow"),
    ("ERROR: No matching distribution found for torch==2.13.0", "there is no PyTorch for Python"),
    ("ERROR: something else\nmore", "pip could not install the packages (ERROR: something else)"),
])  # fmt: skip
def test_what_pip_says_becomes_a_sentence(said, words, tmp_path, monkeypatch):
    monkeypatch.setattr(install, "extra_index", lambda: [])
    answers = {"venv": (0, ""), "pip": (1, said)}
    with pytest.raises(install.SetupError, match=re.escape(words)):
        install.install(["requirements.txt"], tmp_path, lambda command: answers[command[2]])


def test_a_python_without_venv_is_a_sentence_and_leaves_nothing(tmp_path):
    def run(command):
        (tmp_path / ".venv").mkdir()
        return 1, "The virtual environment was not created because ensurepip is not available"

    with pytest.raises(install.SetupError, match="has no venv module; install it"):
        install.install(["requirements.txt"], tmp_path, run)
    assert not (tmp_path / ".venv").exists()


def test_what_is_installed_is_not_made_anew(tmp_path):
    python = install.venv_python(tmp_path)
    python.parent.mkdir(parents=True)
    python.write_text("")
    (tmp_path / ".venv/lib/python3/site-packages/torch").mkdir(parents=True)
    (tmp_path / ".venv/lib/python3/site-packages/torch/version.py").write_text("")
    asked = []
    install.install(["a.txt"], tmp_path, lambda command: (asked.append(command), (0, ""))[1])
    assert [command[1:3] for command in asked] == [["-c", "import pip"], ["-m", "pip"]]
    assert asked[1][-2:] == ["-r", str(tmp_path / "a.txt")] and "--extra-index-url" not in asked[1]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="needs bash")
def test_quickstart_from_nothing(tmp_path):
    """The first command of the README in a copy that has no virtual environment yet."""
    for name in ("src", "data"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("cs224n"))
    for name in ("quickstart.sh", "quickstart.py", "install.py", "london_baseline.py"):
        shutil.copy(ROOT / name, tmp_path)
    for name in quickstart.REQUIREMENTS:
        shutil.copy(ROOT / name, tmp_path)
    done = subprocess.run(
        ["bash", str(tmp_path / "quickstart.sh")], capture_output=True, text=True, timeout=1200,
        env=os.environ | {"PEOPLE": "60", "MINUTES": "1"},
    )  # fmt: skip
    if "could not be downloaded" in done.stderr:
        pytest.skip("no network, and no packages on the disk")
    assert done.returncode == 0, done.stderr
    assert "Right answers to the 10 questions held out" in done.stdout
    assert (tmp_path / "quickstart_out" / "report.html").exists()
    assert shlex.quote(".venv/bin/python") in done.stdout
