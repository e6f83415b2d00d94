"""Every command: `--help` at once, numbers that cannot be are refused in one sentence."""

import functools
import json
import subprocess
import sys

import pytest
from conftest import ROOT, run_script

import quickstart
import run
from base import source
from base.errors import UserError

STARTED_BY_OTHERS = {"autograder/runner.py", "autograder/forkserver.py"}  # inside the sandbox
FOLDERS = ("src", "data", "bench", "docs", "autograder")
COMMANDS = sorted(
    name
    for folder in ("", *(f"{folder}/" for folder in FOLDERS))
    for path in ROOT.glob(f"{folder}*.py")
    if 'if __name__ == "__main__"' in path.read_text(encoding="utf-8")
    and (name := path.relative_to(ROOT).as_posix()) not in STARTED_BY_OTHERS
)
LABS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in ROOT.glob("labs/*/*.py")
    if 'if __name__ == "__main__"' in (text := path.read_text(encoding="utf-8"))
    and "Parser(" in text
)
SLOW = ("torch", "matplotlib")

# Run in a process of its own: when the command reads its words, look at its parser instead.
LOOK = """
import argparse, json, os, runpy, sys
script, bad, slow = sys.argv[1], json.loads(sys.argv[2]), json.loads(sys.argv[3])
read = argparse.ArgumentParser.parse_known_args

def look(parser, args=None, namespace=None):
    argparse.ArgumentParser.parse_known_args = read
    imported = [name for name in slow if name in sys.modules]
    print(json.dumps({"imported": imported, "help": len(parser.format_help()),
                      "numbers": numbers(parser, [])}), flush=True)
    os._exit(0)

def numbers(parser, words):
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                found |= numbers(inner, [*words, name])
        elif action.option_strings and action.nargs != 0 and number(action):
            flag = action.option_strings[-1]
            found[flag] = {text: answer(parser, flag, text) for text in bad}
    return found

def number(action):
    for text in ("3", "61"):
        try:
            return isinstance(action.type(text), (int, float))
        except argparse.ArgumentTypeError:
            continue
        except TypeError:
            return isinstance(action.default, (int, float))

def answer(parser, flag, text):
    try:
        parser.parse_args([flag, text])
    except ValueError as error:
        return str(error)
    return None

argparse.ArgumentParser.parse_known_args = look
sys.argv = [script]
sys.path.insert(0, os.path.dirname(script))
if script.startswith("labs/"):
    sys.path[0] = os.getcwd()
    runpy.run_module(script[:-3].replace("/", "."), run_name="__main__")
else:
    runpy.run_path(script, run_name="__main__")
"""

NEVER = ["", "x", "nan", "inf", "-inf", "-1", "1e999", "9" * 5000]
FRACTIONS = ("_lr", "rate", "rates", "minutes", "seconds", "clip", "target", "flops", "budgets",
             "far", "holds")  # fmt: skip
NO_COUNT = ["1.5", "1e308", str(10**30)]  # nor a time


@functools.cache
def seen(command: str) -> dict:
    """What `command` had imported when it read its words, and its answers to bad numbers."""
    words = (command, json.dumps(NEVER + NO_COUNT), json.dumps(SLOW))
    done = subprocess.run([sys.executable, "-c", LOOK, *words], cwd=ROOT, capture_output=True,
                          text=True, timeout=60)  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_commands_are_found():
    assert len(COMMANDS) > 20 and {"src/run.py", "quickstart.py", "bench/machine.py"} <= {*COMMANDS}


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "install.py"] + LABS)
def test_help_needs_no_slow_import(command):
    """torch alone takes more than a second. (install.py reads its words by itself.)"""
    assert seen(command)["imported"] == [] and seen(command)["help"] > 80


@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "install.py"] + LABS)
def test_numbers_that_cannot_be(command):
    for flag, answers in seen(command)["numbers"].items():
        allowed = ["1.5"] if flag.endswith(FRACTIONS) else []
        for text, sentence in answers.items():
            if text in allowed:
                continue
            assert sentence is not None, f"{flag} {text[:40]} is taken"
            assert flag in sentence and "\n" not in sentence and len(sentence) < 300, sentence


def test_what_is_read_from_the_text_is_what_the_modules_have():
    """Parsers read it there (base/source.py), since importing the modules imports torch."""
    from attention import POSITIONS, VARIANTS
    from labs.attention_study.__main__ import arms
    from labs.microscope.holding import SHAPES
    from labs.pig_latin.arm import Settings
    from labs.recipe_study.arm import ARMS

    others = [name for name in POSITIONS if name != VARIANTS["vanilla"].positions]
    assert list(arms()) == [*VARIANTS, *(f"vanilla+{name}" for name in others)]
    assert source.keys("../labs/recipe_study/arm.py", "ARMS") == tuple(ARMS)
    assert source.literal("../labs/microscope/holding.py", "SHAPES") == SHAPES
    arm = "../labs/pig_latin/arm.py"
    assert source.default_of(arm, "Settings", "patience") == Settings.patience
    with pytest.raises(LookupError):
        source.default_of(arm, "Settings", "patients")


def test_numbers_are_found():
    assert len(seen("src/run.py")["numbers"]) >= 14
    assert {"--count", "--seed"} <= {*seen("src/calibrate.py")["numbers"]}
    assert "--minutes" in seen("bench/accelerator.py")["numbers"]
    assert len(LABS) > 20 and sum("--seeds" in seen(lab)["numbers"] for lab in LABS) > 7


@pytest.mark.parametrize("words", [("--batch_size", 10**30), ("--max_minutes", "1e308")])
def test_huge_numbers_end_a_command(words):
    done = run_script("src/run.py", "pretrain", "vanilla", "wiki.txt", *words)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith(f"error: argument {words[0]}: {words[1]} is not a ")


@pytest.mark.parametrize("word", ["--a\nb", "\x85", "\r", "\x1b[31m"])
def test_a_word_with_a_line_end_is_told_in_one_line(word):
    with pytest.raises(UserError) as error:
        run.main(["evaluate", "vanilla", "wiki.txt", word])
    assert str(error.value).isprintable()


@pytest.mark.parametrize("words", [["--people", "1e30"], ["--people", str(10**30)],
                                   ["--minutes", "inf"], ["--minutes", "-1"], ["--minutes", "x"]])
def test_numbers_of_the_quickstart(words):
    with pytest.raises(quickstart.Failure):
        quickstart.parse(words)


def test_a_learning_rate_beyond_reason_ends_in_a_sentence(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "c.txt").write_text("Ada Byron was born in London .\n" * 5)
    with pytest.raises(UserError, match="not finite|learning rate"):
        run.main("pretrain vanilla c.txt --writing_params_path p --pretrain_lr 1e6 --max_steps 5 "
                 "--n_layer 1 --n_head 1 --n_embd 8 --block_size 32 --no_log".split())  # fmt: skip
    assert not (tmp_path / "p").exists()
