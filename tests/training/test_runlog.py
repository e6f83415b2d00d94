"""The folder that describes a run: settings, metrics, what is kept when a run is resumed."""

import json
import sys
import types
from pathlib import Path

import pytest
import torch
from test_trainer import CORPUS, tiny

from dataset import CharCorruptionDataset
from trainer import Trainer, TrainerConfig
from training import runlog
from training.runlog import RunLog

CPU = torch.device("cpu")


def train(folder, steps, stop_after=None, numbered=False, **settings):
    """A run of `steps` steps, logged in `folder`; with `stop_after`, one that is killed there."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = TrainerConfig(**{
        "device": "cpu", "precision": "fp32", "max_epochs": 1, "max_steps": steps, "batch_size": 7,
        "log": RunLog(str(folder), {"command": {"function": "pretrain"}}, numbered=numbered),
        "checkpoint_path": str(folder) + ".checkpoint", **settings,
    })  # fmt: skip
    run = Trainer(tiny(dataset), dataset, None, config)
    if stop_after:

        def killed(step):
            if step == stop_after:
                run.save_progress(step - 1)  # the log has a step more
                raise KeyboardInterrupt

        run.fit_to_time = killed
        with pytest.raises(KeyboardInterrupt):
            run.train()
        run.log.close()
    else:
        run.train()
    return run


def rows(folder):
    return [json.loads(row) for row in (Path(folder) / "metrics.jsonl").read_text().splitlines()]


def about(folder):
    return json.loads((Path(folder) / "config.json").read_text())


def test_config_has_all_settings_as_they_were_decided(tmp_path):
    train(tmp_path / "r", 2, precision="fp32", learning_rate=0.003, betas=(0.8, 0.9),
          warmup_tokens=11, identity={"variant": "vanilla"}, num_workers=3)  # fmt: skip
    config = about(tmp_path / "r")
    expected = {
        "command": {"function": "pretrain"}, "variant": "vanilla", "precision": "torch.float32",
        "compile": "auto", "compiled": False, "processes": 1, "learning_rate": 0.003,
        "betas": [0.8, 0.9], "warmup_tokens": 11, "batch_size": 7, "max_steps": 2, "seed": 0,
        "optimizer": "adamw", "weight_decay": 0.1, "grad_norm_clip": 1.0, "num_workers": 3,
        "schedule": "course", "parts": 8, "shuffle": False, "examples": 25, "device": "cpu",
        "torch": torch.__version__,
    }  # fmt: skip
    assert {name: config.get(name) for name in expected} == expected
    assert "resumed" not in config and config["commit"] == runlog.machine(CPU)["commit"]


def test_a_run_that_goes_on_keeps_what_was_logged(tmp_path, monkeypatch):
    folder = tmp_path / "r"
    train(folder, 6, stop_after=4)
    first, before = about(folder), rows(folder)
    assert [row["step"] for row in before] == [0, 1, 2, 3]
    late = [row | {"seconds": 1000.0 + row["step"]} for row in before]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in late))
    monkeypatch.setattr(runlog, "commit", lambda: "another")
    train(folder, 6, resume=True)
    after = rows(folder)
    assert [row["step"] for row in after] == [0, 1, 2, 3, 4, 5] and after[:3] == late[:3]
    assert all(1002 <= row["seconds"] < 1060 for row in after[3:])
    config = about(folder)
    (again,) = config.pop("resumed")
    assert 0 <= again.pop("startup_seconds") < 60 and 0 <= config["startup_seconds"] < 60
    assert again == {"from_step": 3, "commit": "another"}
    assert config == first


def test_metrics_survive_a_kill_while_a_run_takes_them_up(tmp_path, monkeypatch):
    folder = tmp_path / "r"
    train(folder, 6, stop_after=4)
    before = (folder / "metrics.jsonl").read_text()

    def killed(file):
        raise KeyboardInterrupt

    monkeypatch.setattr("os.fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        train(folder, 6, resume=True)
    assert (folder / "metrics.jsonl").read_text() == before


def test_tensorboard_forgets_the_steps_that_are_made_again(tmp_path, monkeypatch):
    opened = []

    class SummaryWriter:
        def __init__(self, folder, purge_step=None):
            opened.append(purge_step)

        def add_scalar(self, *args):
            pass

        def close(self):
            pass

    module = types.SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    train(tmp_path / "r", 6, stop_after=4)
    train(tmp_path / "r", 6, resume=True)
    assert opened == [None, 3]


@pytest.mark.parametrize("full", ["metrics", "tensorboard"])
def test_a_full_disk_ends_the_log_not_the_run(tmp_path, monkeypatch, capsys, full):
    class SummaryWriter:
        def __init__(self, folder, purge_step=None):
            self.left = 3 if full == "tensorboard" else 99  # three curves a step

        def add_scalar(self, *args):
            self.left -= 1
            if self.left < 0:
                raise OSError(28, "No space left on device")

        def close(self):
            assert full == "metrics", "waits for ever"

    module = types.SimpleNamespace(SummaryWriter=SummaryWriter)
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", module)
    if full == "metrics":
        dumps = json.dumps

        def refused(row, **more):
            if isinstance(row, dict) and row.get("step") == 2:
                raise OSError(28, "No space left on device")
            return dumps(row, **more)

        monkeypatch.setattr(runlog.json, "dumps", refused)
    train(tmp_path / "r", 6)
    assert len(rows(tmp_path / "r")) == 2
    said = capsys.readouterr().out
    assert said.count("the log ends here (No space left on device); the run continues") == 1


def test_runs_of_the_same_second_have_a_folder_each(tmp_path):
    logs = [RunLog(str(tmp_path / "r"), {"run": i}, numbered=True) for i in range(3)]
    for log in logs:
        log.start(1, 0, CPU)
    for log in logs:
        log.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["r", "r-2", "r-3"]
    assert [about(log.folder)["run"] for log in logs] == [0, 1, 2]
    assert [log.folder.name for log in logs] == ["r", "r-2", "r-3"]


def test_a_numbered_run_goes_on_in_its_own_folder(tmp_path):
    (tmp_path / "r").mkdir()
    train(tmp_path / "r", 6, stop_after=4, numbered=True)
    train(tmp_path / "r", 6, resume=True, numbered=True)
    assert [row["step"] for row in rows(tmp_path / "r-2")] == [0, 1, 2, 3, 4, 5]
    assert list((tmp_path / "r").iterdir()) == []


def test_a_line_now_and_then_where_there_is_no_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(runlog, "LINE_SECONDS", -1.0)
    train(tmp_path / "r", 3)
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("step ")]
    assert [line.split()[1] for line in lines] == ["1/3", "2/3", "3/3"]
    assert " loss " in lines[0] and " tokens/s " in lines[0] and lines[-1].endswith("0.0 min left")
