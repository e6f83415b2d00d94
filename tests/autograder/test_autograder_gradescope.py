"""The zip for Gradescope: built, unpacked and run as Gradescope does, and the desk's command."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from conftest import ROOT, run_script
from feedback import FAILED, Report, Result, gradescope
from grade import check_answers
from grader_styles import STYLES
from grader_world import settings_of, shared


def bash(script, *args, **env):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHON": sys.executable} | env
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    return subprocess.run(
        ["bash", str(script), *map(str, args)],
        capture_output=True, text=True, timeout=600, env=environment,
    )  # fmt: skip


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """autograder.zip for the small world, with its test answers."""
    folder = tmp_path_factory.mktemp("built")
    settings = folder / "small.json"
    settings.write_text(json.dumps(settings_of("2021")))
    world = shared().world
    run = bash(ROOT / "autograder" / "build.sh", "--edition", settings, "--data", world.data,
               "--answers", world.answers, "--out", folder / "autograder.zip")  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder / "autograder.zip"


@pytest.fixture(scope="module")
def results(built, tmp_path_factory):
    """What run_autograder writes for a submission with visible and terse failures."""
    root = tmp_path_factory.mktemp("gradescope")
    with zipfile.ZipFile(built) as archive:
        archive.extractall(root / "source")
    (root / "results").mkdir()
    (root / "submission_metadata.json").write_text("{}")
    submission = Path(shutil.copytree(shared().correct, root / "submission"))
    for name, stem in (("dev", "vanilla.nopretrain"), ("test", "synthesizer.pretrain")):
        path = submission / f"{stem}.{name}.predictions"
        count = len(path.read_text(encoding="utf-8").splitlines())
        path.write_text("Nowhere\n" * count, encoding="utf-8")
    run = bash(root / "source" / "run_autograder", AUTOGRADER_ROOT=str(root))
    assert run.returncode == 0, run.stderr
    return json.loads((root / "results" / "results.json").read_text(encoding="utf-8"))


def test_the_zip_has_its_files_at_the_root_and_nothing_more_than_it_needs(built):
    with zipfile.ZipFile(built) as archive:
        names = set(archive.namelist())
        modes = {n: archive.getinfo(n).external_attr >> 16 for n in ("run_autograder", "setup.sh")}
    needed = {"setup.sh", "run_autograder", "grade.py", "edition.json", "reference.npz",
              "src/attention/core.py", "checks/corruption.py", "data/wiki.txt", "requirements.txt",
              "hidden/birth_test.tsv"}  # fmt: skip
    assert needed <= names
    assert "data/birth_test.tsv" not in names and "make_starter.py" not in names
    assert all(mode & 0o111 for mode in modes.values())


def test_results_follow_gradescopes_specification(results):
    tests = {test["name"].split(":")[0]: test for test in results["tests"]}
    assert len(tests) == len(settings_of("2021")["checks"])
    for number, test in enumerate(results["tests"], start=1):
        assert test.keys() == {
            "name", "number", "score", "max_score", "output", "visibility", "status"
        }  # fmt: skip
        assert test["number"] == str(number)
        assert test["status"] == ("passed" if test["score"] == test["max_score"] else "failed")
    assert isinstance(results["execution_time"], int)
    assert results["stdout_visibility"] == "hidden"
    assert [entry["name"] for entry in results["leaderboard"]] == ["dev accuracy", "test accuracy"]
    assert all(entry["value"] >= 10 for entry in results["leaderboard"])
    assert sum(test["max_score"] for test in tests.values()) == 33


def test_feedback_teaches_and_terse_checks_only_say_pass_or_fail(results):
    tests = {test["name"].split(":")[0]: test for test in results["tests"]}
    assert tests["f.test"]["output"] == "passed."
    assert tests["g.test"]["output"] == "failed."
    shown = tests["d.dev"]["output"]
    for word in ("Expected:", "Seen:", "Handout: part (d)"):
        assert word in shown
    gold = shared().world.gold("test")
    assert not any(f" {place}" in tests["g.test"]["output"] for place in gold)


STYLE = {style.name: style for style in STYLES}


@pytest.mark.parametrize(
    ("style", "edition", "line"),
    [
        ("script style", "2021", "final_tokens = 200 * len"),
        ("renamed perceiver", "2023", "final_tokens = 200 * len"),
        ("models.py", "2024", "final_tokens = 650 * len"),
    ],
)
def test_auto_explains_by_the_submissions_own_kit(tmp_path, style, edition, line):
    STYLE[style].write(tmp_path / "work")
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", tmp_path, "work")
    run = run_script("autograder/grade.py", archive, "--edition", "auto",
                     "--explain", "f.pretrain")  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert line in run.stdout
    unknown = run_script("autograder/grade.py", archive, "--edition", "auto", "--explain", "f.x")
    assert unknown.returncode == 2 and f"{edition} has a.source" in unknown.stderr


def test_the_desks_command_prints_a_table_and_auto_says_which_edition(tmp_path):
    """All that is there is the model's file, under the name that the kit of 2024 gives it."""
    (tmp_path / "src").mkdir()
    shutil.copy(ROOT / "tests/autograder/styles/kit2024/src/models.py", tmp_path / "src")
    run = run_script("autograder/grade.py", tmp_path, "--edition", "auto", "--data",
                     shared().world.data, "--json", tmp_path / "out.json")  # fmt: skip
    assert run.returncode == 0, run.stderr
    for text in (run.stdout, json.loads((tmp_path / "out.json").read_text())["output"]):
        assert "(2024)" in text and "edition 2024, by the submission's own files" in text
        assert "part (g): rotary positions (RoPE)" in text
    assert "e.order" in run.stdout and "not run" in run.stdout and "0/29.5" in run.stdout


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("print('nothing of any kit')", "no edition's marks are in it; name one"),
        ("def initialize_rope_model(mconf):\n    pass", "is from XCS224N with RoPE"),
    ],
)
def test_auto_says_what_it_cannot_tell(tmp_path, code, words):
    (tmp_path / "program.py").write_text(code)
    run = run_script("autograder/grade.py", tmp_path, "--edition", "auto")
    assert run.returncode == 2 and words in run.stderr


def test_half_characters_and_floods_of_feedback_are_harmless():
    settings = settings_of("2021")
    flood = Result(settings["checks"][0], FAILED, ["Seen: \ud800", "x" * 10**6])
    report = Report(settings, [flood], {}, 1.0, "plain", 1.0)
    written = json.dumps(gradescope(report), ensure_ascii=False).encode("utf-8")
    assert len(written) < 10**5


def test_a_grader_that_is_ended_leaves_a_sentence(tmp_path):
    world, out = shared().world, tmp_path / "results.json"
    settings = tmp_path / "small.json"
    settings.write_text(json.dumps(settings_of("2021")))
    command = [sys.executable, ROOT / "autograder" / "grade.py", shared().correct, "--json", out]
    command += ["--edition", settings, "--data", world.data]
    with subprocess.Popen([*map(str, command)], env=os.environ | {"TMPDIR": str(tmp_path)}) as run:
        give_up = time.monotonic() + 60
        while not out.exists() and time.monotonic() < give_up:
            time.sleep(0.01)
        run.kill()
    content = json.loads(out.read_text())
    assert content["score"] == 0 and "did not finish" in content["output"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to grade"),
        (["nowhere.zip"], "nowhere.zip: no such file"),
        (["now\x1b[2Jhere.zip"], "now\\x1b[2Jhere.zip: no such file"),
        (["autograder", "--edition", "1999"], "give 2021, 2023, 2024"),
        (["autograder", "--data", "autograder"], "wiki.txt: no such file"),
        (["autograder", "--answers", "nowhere.tsv"], "nowhere.tsv: no such file"),
        (["autograder", "--answers", "LICENSE"], "LICENSE: not"),
    ],
)
def test_mistakes_at_the_desk_end_in_a_sentence(arguments, words):
    run = run_script("autograder/grade.py", *arguments)
    assert run.returncode == 2 and run.stderr.startswith("error: ")
    assert words in run.stderr and "Traceback" not in run.stderr


def test_answers_to_other_questions_are_refused_and_line_ends_do_not_matter(tmp_path):
    world, path = shared().world, tmp_path / "answers.tsv"
    rows = world.answers.read_text(encoding="utf-8").splitlines()
    path.write_bytes("".join(f"{row}\r\n" for row in rows).encode())
    path.chmod(0o600)
    same = dataclasses.replace(world, answers=path)
    check_answers(same)
    assert same.gold("test") == world.gold("test")
    rows[2], rows[3] = rows[3], rows[2]
    path.write_text("".join(f"{row}\n" for row in rows), encoding="utf-8")
    run = run_script("autograder/grade.py", shared().correct, "--data", world.data,
                     "--answers", path)  # fmt: skip
    assert run.returncode == 2 and "answers.tsv, row 3: asks" in run.stderr


def test_build_names_what_is_missing(tmp_path):
    run = bash(ROOT / "autograder" / "build.sh", "--data", tmp_path, "--out", tmp_path / "a.zip")
    assert run.returncode == 2 and "wiki.txt: no such file" in run.stderr
    assert not (tmp_path / "a.zip").exists()


def test_a_zip_bomb_scores_nothing_and_says_why(tmp_path):
    grader = shared()
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("src/run.py", bytes(5 * 2**20))
    report = grader.grade(tmp_path / "bomb.zip")
    assert report.score == 0 and report.most == 33
    assert len(report.causes) == 1 and "bomb" in report.causes[0]
    assert all(result.lines == ["because of 1"] for result in report.results)
