"""What is written is whole, and never stands beside what belonged to something else."""

import hashlib
import json
import os
import subprocess
import sys

import pytest
import torch
from conftest import ROOT
from torch import nn

from base.errors import UserError
from base.files import write_whole
from params import save_params


@pytest.fixture
def params(tmp_path):
    """Params with their description and a calibration."""
    path = tmp_path / "a.params"
    save_params(nn.Linear(2, 3), str(path), {"steps": 1})
    (tmp_path / "a.params.calibration.json").write_text("{}")
    return path


def test_new_weights_take_the_place_of_all_that_was_said_of_the_old(params):
    save_params(nn.Linear(5, 7), str(params), {"steps": 2})
    assert torch.load(params, weights_only=True)["weight"].shape == (7, 5)
    assert sorted(os.listdir(params.parent)) == ["a.params", "a.params.json"]
    digest = hashlib.sha256(params.read_bytes()).hexdigest()
    about = json.loads((params.parent / "a.params.json").read_text())
    assert about == {"steps": 2, "params": digest}


@pytest.mark.parametrize("broken", ["torch.save", "os.fsync"])
def test_weights_that_cannot_be_written_leave_the_old_with_their_description(
    params, monkeypatch, broken
):
    before = {path.name: path.read_bytes() for path in params.parent.iterdir()}

    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(broken, full)
    with pytest.raises(UserError, match="No space left"):
        save_params(nn.Linear(5, 7), str(params), {"steps": 2})
    assert {path.name: path.read_bytes() for path in params.parent.iterdir()} == before


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[1])
from base.files import write_whole
with write_whole("a") as file:
    file.write("half")
    file.flush()
    os._exit(9)
"""


def test_what_kills_left_is_gone_after_the_next_write(tmp_path):
    for _ in range(2):
        code = [sys.executable, "-c", KILLED, str(ROOT / "src")]
        assert subprocess.run(code, cwd=tmp_path, timeout=60).returncode == 9
    assert len(os.listdir(tmp_path)) == 2 and not (tmp_path / "a").exists()
    with write_whole(str(tmp_path / "a")) as file:
        file.write("whole")
    assert os.listdir(tmp_path) == ["a"] and (tmp_path / "a").read_text() == "whole"
