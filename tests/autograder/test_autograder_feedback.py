"""What a report says: causes once, a summary, no control characters; what --explain says."""

import ctypes
import json
import os

import pytest
import sandbox
from conftest import run_script
from feedback import FAILED, PASSED, Report, Result, gradescope, table
from grader_world import settings_of
from weights import pair_names


def report(*results, **more) -> Report:
    return Report(settings_of("2021"), list(results), {}, 1.0, "plain", 1.0, **more)


def entries() -> dict:
    return {entry["name"]: entry for entry in settings_of("2021")["checks"]}


def test_a_shared_cause_is_said_once_and_numbered():
    known, cause = entries(), "not in the submission: vanilla.finetune.params"
    made = report(*(Result(known[n], FAILED, ["Seen: none"], cause) for n in ("f.files", "f.dev")),
                  Result(known["e.mean"], FAILED, ["Seen: half"], "only here"))  # fmt: skip
    assert made.causes == [cause]
    assert [r.lines for r in made.results] == [["because of 1"]] * 2 + [["Seen: half"]]
    assert table(made).count(cause) == 2  # at the top, and among what would gain most
    assert f"1. {cause}" in gradescope(made)["output"]


def test_the_summary_has_a_line_a_part_and_the_largest_gains():
    known = entries()
    lost = ("f.dev", "f.pretrain", "e.mean", "d.london")
    made = report(*(Result(known[n], FAILED, ["x"]) for n in lost),
                  Result(known["g.test"], PASSED, ["x"]))  # fmt: skip
    lines = made.summary()
    assert lines[-3:] == ["  2 points: f.dev: dev accuracy",
                          "  1.5 points: f.pretrain: settings of pretraining",
                          "  1 point: e.mean: a quarter is masked on average"]  # fmt: skip
    assert any(line.startswith("total") and line.endswith(" 1/6") for line in lines)


def test_control_characters_are_shown_as_escapes_everywhere():
    evil = "\x1b[2J\rtotal 33/33\x0b\u2028\u202e\x85"
    made = report(Result(entries()["e.mean"], FAILED, [evil], evil), notes=[evil])
    for text in (table(made), json.dumps(gradescope(made), ensure_ascii=False)):
        assert not any(char in text for char in "\x1b\r\x0b\u2028\u202e\x85")
    assert "\\x1b[2J\\rtotal" in table(made)
    assert gradescope(made)["test_output_format"] == "text"


def test_explain_says_what_a_check_wants_and_why():
    run = run_script("autograder/grade.py", "--edition", "2024", "--explain", "f.pretrain")
    assert run.returncode == 0, run.stderr
    for words in ("Why:", "max_epochs = 650", "final_tokens = 650 * len(pretrain_dataset)"):
        assert words in run.stdout
    run = run_script("autograder/grade.py", "--explain", "f.nothing")
    assert run.returncode == 2 and "no such check" in run.stderr


def test_foreign_names_are_paired_by_shape_and_likeness():
    wanted = {"blocks.0.attn.key.weight": [7, 7], "blocks.0.attn.query.weight": [7, 7],
              "b2": [5]}  # fmt: skip
    found = {"h.0.attn.q.weight": [7, 7], "h.0.attn.k.weight": [7, 7], "mask": [3, 3]}
    assert pair_names(wanted, found) == {"blocks.0.attn.key.weight": "h.0.attn.k.weight",
                                         "blocks.0.attn.query.weight": "h.0.attn.q.weight"}


@pytest.mark.skipif(os.getuid() != 0, reason="only root can act as another user")
def test_what_another_user_leaves_behind_is_found_and_deleted():
    """Files in open folders, System V shared memory, semaphores and message queues."""
    uid, folders, libc = 60999, sandbox.open_folders(), ctypes.CDLL(None)
    assert {"/tmp", "/var/tmp"} <= set(folders)
    kept = [path for path in ("/tmp", "/var/tmp", "/dev/shm", "/run/lock") if path in folders]
    child = os.fork()
    if child == 0:
        try:
            os.setresuid(uid, uid, uid)
            made = [libc.shmget(77777, 4096, 0o1666), libc.semget(77778, 1, 0o1666),
                    libc.msgget(77779, 0o1666)]  # fmt: skip
            for path in kept:
                os.makedirs(f"{path}/left-{uid}/deep")
            os._exit(min(made) < 0)
        finally:  # whatever happens, the child must not go on as a second pytest
            os._exit(1)
    assert os.waitpid(child, 0)[1] == 0
    sandbox.remove_files_of(uid, folders)
    sandbox.remove_memory_of(uid)
    assert not any(os.path.exists(f"{path}/left-{uid}") for path in kept)
    gone = [libc.shmget(77777, 4096, 0), libc.semget(77778, 1, 0), libc.msgget(77779, 0)]
    assert gone == [-1, -1, -1]
