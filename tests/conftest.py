"""What several tests share: the tiny reference of the course's program, the real data, a runner."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import small_world
import torch

from base.machine import multiplies_bf16

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # what a shell does with `pytest &`
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent
PLACES = (ROOT / "data" / "cs224n", ROOT.parent / "shared" / "cs224n")
COURSE = next((place for place in PLACES if (place / "wiki.txt").is_file()), PLACES[0])

needs_bf16 = pytest.mark.skipif(
    not multiplies_bf16(torch.device("cpu")), reason="this CPU has no bfloat16 instructions"
)
needs_course_data = pytest.mark.skipif(
    not (COURSE / "wiki.txt").is_file(), reason="the course's own files are not here"
)


@pytest.fixture(params=["vanilla", "synthesizer"])
def reference(request):
    """What the course's own program does with a tiny model (tests/reference/)."""
    path = ROOT / "tests" / "reference" / f"{request.param}.pt"
    return torch.load(path, weights_only=True) | {"variant": request.param}


def run_python(*command, cwd=ROOT, stdin="", **env) -> subprocess.CompletedProcess:
    """Run `python command` in `cwd`, with `stdin` as its input and its output captured."""
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=900,  # a slow machine with other work is no failure
        env=os.environ | {"OMP_NUM_THREADS": "1"} | env,
    )


def run_script(script: str, *args, **options) -> subprocess.CompletedProcess:
    """Run a script of the project."""
    return run_python(ROOT / script, *args, **options)


def run_module(module: str, *args, **options) -> subprocess.CompletedProcess:
    """Run a module of the project, a lab say."""
    return run_python("-m", module, *args, PYTHONPATH=str(ROOT), **options)


@pytest.fixture(scope="session")
def known(tmp_path_factory):
    """A folder with a small world, and params that know nine of its twelve people by heart."""
    return small_world.make(tmp_path_factory.mktemp("world"))


FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip

@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Debian's Chromium, without a window and with a fresh profile."""
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no browser: apt-get install chromium chromium-driver")
    reason = "no selenium: pip install selenium"
    webdriver = pytest.importorskip("selenium.webdriver", reason=reason)
    options = webdriver.ChromeOptions()
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.binary_location = shutil.which("chromium")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(shutil.which("chromedriver"))
    driver = webdriver.Chrome(options=options, service=service)
    yield driver
    driver.quit()


TINY = ("--n_layer", 2, "--n_head", 2, "--n_embd", 32, "--no_log")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With `pytest -n 2`, the tests of a file run in one process and make its fixtures once."""
    from xdist.scheduler import LoadFileScheduling

    return LoadFileScheduling(config, log) if config.getvalue("dist") == "load" else None
