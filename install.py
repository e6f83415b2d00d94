"""Makes .venv/ beside this file and installs requirements files in it, on any system.

    python install.py requirements.txt [FILE ...]

It needs Python 3.10 or newer and nothing else. An older Python reads this file too, far enough to
say so.
"""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    version = ".".join(map(str, sys.version_info[:2]))
    sys.stderr.write(
        f"error: this is Python {version}; install 3.10 or newer (python.org) and run that one\n"
    )
    sys.exit(2)

import contextlib
import os
import shutil
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent
CPU_WHEELS = "https://download.pytorch.org/whl/cpu"  # PyTorch without gigabytes of CUDA
SPACE = 2.5e9  # bytes that PyTorch and the rest need on the disk, with pip's temporary copies
Run = Callable[[list[str]], tuple[int, str]]


class SetupError(Exception):
    """Something that the user can mend: one sentence."""


def run_command(command: list[str]) -> tuple[int, str]:
    """Run a command quietly: its exit status and all that it printed."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    return done.returncode, done.stdout.decode("utf-8", errors="replace")


def venv_python(folder: Path = ROOT) -> Path:
    """The interpreter of the virtual environment in `folder`."""
    name = "Scripts/python.exe" if os.name == "nt" else "bin/python"
    return folder / ".venv" / name


def has_torch(folder: Path = ROOT) -> bool:
    """Whether PyTorch is installed there already."""
    return any((folder / ".venv").glob("[Ll]ib/**/site-packages/torch/version.py"))


def check_space(folder: Path, needed: float) -> None:
    """Raise SetupError where the disk that `folder` is on has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise SetupError(
            f"{folder} has {free / 1e9:.1f} GB of free space and about {needed / 1e9:.1f} GB are "
            "needed; free some and start again"
        )


def make_venv(folder: Path, run: Run) -> str:
    """Make `.venv` in `folder` unless a working one is there; its interpreter.

    Raises SetupError where this Python cannot.
    """
    python = str(venv_python(folder))
    if os.path.exists(python) and run([python, "-c", "import pip"])[0] == 0:
        return python
    status, text = run([sys.executable, "-m", "venv", "--clear", str(folder / ".venv")])
    if status == 0:
        return python
    shutil.rmtree(folder / ".venv", ignore_errors=True)
    if "ensurepip" in text:
        raise SetupError(
            f"{sys.executable} has no venv module; install it (Debian, Ubuntu: apt install "
            "python3-venv) and start again"
        )
    raise SetupError(f"{folder / '.venv'} could not be made ({last_line(text)}); check the folder")


def extra_index() -> list[str]:
    """pip's options that find PyTorch without CUDA, where Linux has no use for it.

    On macOS and Windows PyPI's own wheels have none.
    """
    if not sys.platform.startswith("linux") or os.path.exists("/dev/nvidiactl"):
        return []
    try:
        urllib.request.urlopen(f"{CPU_WHEELS}/torch/", timeout=5).close()
    except OSError:
        return []  # pip's usual sources have PyTorch too, only larger
    return ["--extra-index-url", CPU_WHEELS]


def last_line(text: str) -> str:
    """What pip or venv said last."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "it said nothing"


def pip_error(text: str) -> str:
    """What went wrong with pip, in one sentence."""
    if "No space left" in text:
        return "the disk is full; free about 2.5 GB and start again"
    if any(word in text for word in ("NewConnectionError", "Max retries", "Retrying (")):
        return "the packages could not be downloaded; check the internet connection, start again"
    if "No matching distribution" in text:
        return f"there is no PyTorch for Python {sys.version.split()[0]} here; try Python 3.12"
    errors = [line for line in text.splitlines() if line.startswith("ERROR:")]
    return f"pip could not install the packages ({last_line(errors[0] if errors else text)})"


def install(files: list[str], folder: Path = ROOT, run: Run = run_command) -> str:
    """Install requirements files in `folder`/.venv; the path of its interpreter.

    `run` runs one command and returns its exit status and output. Raises SetupError.
    """
    fresh = not has_torch(folder)
    if fresh:
        check_space(folder, SPACE)
    python = make_venv(folder, run)
    command = [python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += [] if sys.dont_write_bytecode else ["--no-compile"]  # imports compile what is used
    command += extra_index() if fresh else []
    for name in files:
        command += ["-r", str(folder / name)]
    status, text = run(command)
    if status:
        raise SetupError(pip_error(text))
    return python


@contextlib.contextmanager
def errors_are_sentences(interrupted: str) -> Iterator[None]:
    """What the user can mend ends the process with one sentence, and so does Ctrl-C: with the
    sentence `interrupted`."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError):  # a stream that a test put there, or none
            stream.reconfigure(errors="replace")
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    except SetupError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except OSError as error:
        print(f"error: {error.strerror or error}: {error.filename or 'the disk'}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print(f"\n{interrupted}", file=sys.stderr)
        sys.exit(130)


def main(files: list[str]) -> None:
    if not files or files[0].startswith("-"):
        print(__doc__)
        sys.exit(0 if files[:1] in (["-h"], ["--help"]) else 2)
    with errors_are_sentences("interrupted; the same command goes on with the installation"):
        install(files)


if __name__ == "__main__":
    main(sys.argv[1:])
