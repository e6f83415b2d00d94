"""What real submissions have and the handout does not forbid; each with the mistake next to it.

Only the checks in question are judged: whole submissions are in test_autograder_styles.py."""

import dataclasses
import shutil
import time
from pathlib import Path

import grading as grading_module
import pytest
import torch
from feedback import Report, Result, table
from grade import judge, other_kit
from grader_styles import HERE, edit
from grader_world import settings_of, shared
from grading import Grading

A, B = HERE / "submission_a", HERE / "submission_b"
SIZES = ("n_layer=4, n_head=8, n_embd=256", "n_layer=2, n_head=4, n_embd=32")
RUN, DATASET, TRAINER = "src/run.py", "src/dataset.py", "src/trainer.py"
ATTENTION = "src/attention.py"


def folder_of(source: Path, target: Path) -> Path:
    """A copy of a small submission, to be changed; its models are small, it has no params."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
    edit(target, (RUN, *SIZES))
    return target


def verdicts(folder: Path, *names: str, **changes) -> tuple[dict[str, Result], Grading]:
    """The named checks on the submission; `changes`: what the world has otherwise."""
    grader = shared()
    world = dataclasses.replace(grader.world, **changes)
    grading = Grading(folder, world, grader.sandbox, grader.reference, time.monotonic())
    entries = {entry["name"]: entry for entry in world.settings["checks"]}
    return {name: judge(entries[name], grading) for name in names}, grading


def statuses(folder: Path, *names: str, **changes) -> list[str]:
    return [result.status for result in verdicts(folder, *names, **changes)[0].values()]


# -- part e -------------------------------------------------------------------------------------

WIDTH = "        width = min(max(1, width), n)\n"


@pytest.mark.slow
def test_a_mask_may_be_empty_in_very_short_pieces_only(tmp_path):
    """A quarter of fewer than 8 characters may be rounded down to none; the mean still counts."""
    none_below = "        width = min(max({}, width), n) if n >= {} else 0\n"
    folder = folder_of(A, tmp_path / "8")
    edit(folder, (DATASET, WIDTH, none_below.format(1, 8)))
    assert statuses(folder, "e.spread", "e.short", "e.mean") == ["passed"] * 3
    folder = folder_of(A, tmp_path / "16")
    edit(folder, (DATASET, WIDTH, none_below.format(1, 16)))
    found, _ = verdicts(folder, "e.spread", "e.short", "e.mean")
    assert [result.status for result in found.values()] == ["failed", "failed", "passed"]
    assert "empty masked content" in found["e.spread"].lines[1]
    folder = folder_of(A, tmp_path / "half")
    edit(folder, (DATASET, WIDTH, none_below.format(0, 80)))
    assert statuses(folder, "e.mean") == ["failed"]


def test_empty_documents_are_asked_for_only_where_the_corpus_has_one(tmp_path):
    """The corpus of 2024 has no final newline, so its datasets never see an empty document."""
    folder = folder_of(A, tmp_path / "a")
    edit(folder, (DATASET, WIDTH, WIDTH + "        assert n > 0\n"))
    data = Path(shutil.copytree(shared().world.data, tmp_path / "data"))
    for end, status in (("\n", "failed"), ("", "passed")):
        text = (data / "wiki.txt").read_text(encoding="utf-8").rstrip("\n")
        (data / "wiki.txt").write_text(text + end, encoding="utf-8")
        assert statuses(folder, "e.short", data=data) == [status]


def test_either_length_of_rows_where_the_edition_allows_both_but_not_both(tmp_path):
    pad = "text += PAD * (self.block_size - len(text))"
    checks = "e.format", "e.short", "e.other"
    both = settings_of("2024")
    folder = folder_of(A, tmp_path / "one")
    edit(folder, (DATASET, pad, pad.replace("block_size", "block_size + 1")))
    assert statuses(folder, *checks, settings=both) == ["passed"] * 3
    assert statuses(folder, *checks) == ["failed"] * 3
    folder = folder_of(A, tmp_path / "mixed")
    edit(folder, (DATASET, pad,
                  pad.replace("block_size", "block_size + (self.block_size == 128)")))
    assert "failed" in statuses(folder, *checks, settings=both)


def test_leaving_out_long_documents_is_no_leaving_out_of_short_ones(tmp_path):
    folder = folder_of(A, tmp_path / "a")
    edit(folder, (DATASET, 'self.data = data.split("\\n")',
                  'self.data = [d for d in data.split("\\n") if len(d) < 200]'))
    assert statuses(folder, "e.order") == ["failed"]


# -- training -----------------------------------------------------------------------------------

OWN_LOOP = """
def fit(net, data, tconf):
    net.train()
    optimizer = torch.optim.AdamW(net.parameters(), lr=tconf.learning_rate)
    for _ in range(tconf.max_epochs):
        for start in range(0, len(data), tconf.batch_size):
            rows = [data[i] for i in range(start, min(len(data), start + tconf.batch_size))]
            x, y = (torch.stack(part) for part in zip(*rows))
            net(x, y)[1].backward()
            optimizer.step()


"""


@pytest.mark.parametrize("kind", ["another name", "a loop in run.py"])
def test_training_is_stopped_whatever_it_is_called(tmp_path, kind):
    """650 epochs would take longer than the limits allow; no step of them is made."""
    folder = folder_of(B, tmp_path / "b")
    call = "Trainer(net, data, None, config).train()"
    if kind == "another name":
        edit(folder, (TRAINER, "    def train(self):", "    def learn_it(self):"),
             (RUN, call, call.replace("train", "learn_it")))  # fmt: skip
    else:
        edit(folder, (RUN, "def train(args", OWN_LOOP + "def train(args"),
             (RUN, call, "fit(net, data, config)"))  # fmt: skip
    saved = "    torch.save(net"
    edit(folder, (RUN, saved, "    raise RuntimeError('trained')\n" + saved))
    began = time.monotonic()
    found, grading = verdicts(folder, "f.pretrain", "f.finetune")
    assert [result.status for result in found.values()] == ["passed"] * 2, found
    assert time.monotonic() - began < 30 and not any(grading.hangs.values())


# -- packages, names, params --------------------------------------------------------------------


def test_a_missing_public_package_is_the_graders_fault_and_a_missing_file_the_students(tmp_path):
    folder = folder_of(A, tmp_path / "a")
    edit(folder, (ATTENTION, "import math\n", "import math\nimport einops\n"))
    found, grading = verdicts(folder, "g.equation", "f.pretrain")
    for result in found.values():
        assert result.status == "not run" and result.score == 0 < result.most
        assert "does not have the package einops" in result.lines[0]
    assert len(grading.notes) >= 1 and "add it to setup.sh" in grading.notes[0]
    edit(folder, (ATTENTION, "import einops", "import my_helpers"))
    found, _ = verdicts(folder, "g.equation", "f.pretrain")
    for result in found.values():
        assert result.status == "failed"
        assert result.cause.endswith("imports my_helpers, which is not in the submission; hand "
                                     "it in")  # fmt: skip


def with_params(folder: Path, change) -> Path:
    """The shared artifacts beside the programs, each state changed."""
    for path in (*shared().correct.glob("*.params"), *shared().correct.glob("*.predictions")):
        shutil.copy(path, folder)
    for path in folder.glob("*.params"):
        torch.save(change(torch.load(path, weights_only=True)), path)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change", "note"),
    [
        ("wrapped", lambda state: {"model_state_dict": state, "epoch": 7}, "its entry"),
        ("module.", lambda state: {f"module.{n}": v for n, v in state.items()}, "'module.'"),
    ],
)
def test_params_in_another_wrapping_are_used_and_it_is_said(tmp_path, name, change, note):
    folder = with_params(folder_of(A, tmp_path / "a"), change)
    checks = "d.params", "d.confirmed", "f.params", "f.confirmed", "f.dev", "g.params"
    found, grading = verdicts(folder, *checks)
    assert {result.status for result in found.values()} == {"passed"}, found
    assert any(note in sentence for sentence in grading.notes)


def test_a_pickled_model_is_refused_in_one_sentence_with_the_mend(tmp_path):
    folder = with_params(folder_of(A, tmp_path / "a"), lambda state: torch.nn.Linear(3, 5))
    found, _ = verdicts(folder, "d.params", "d.confirmed")
    cause = found["d.params"].cause
    assert cause == found["d.confirmed"].cause and "\n" not in cause
    assert "whole pickled model" in cause and "save model.state_dict()" in cause
    assert "weights_only=False" not in cause and "WeightsUnpickler" not in cause


@pytest.mark.slow
def test_foreign_names_of_right_shapes_pass_and_the_outputs_decide(tmp_path):
    """Layers called q_proj and so on in another module list, in the programs and in the params."""
    renames = {"key": "k_proj", "query": "q_proj", "value": "v_proj", "proj": "out_proj"}

    def foreign(state: dict) -> dict:
        parts = ([renames.get(part, part) for part in name.split(".")] for name in state)
        names = [".".join(["layers" if p == "blocks" else p for p in own]) for own in parts]
        return dict(zip(names, state.values(), strict=True))

    folder = with_params(folder_of(B, tmp_path / "b"), foreign)
    edits = [(ATTENTION, '("key", "query", "value", "proj")',
              '("k_proj", "q_proj", "v_proj", "out_proj")'),
             (ATTENTION, '("w1", "value", "proj")', '("w1", "v_proj", "out_proj")'),
             (ATTENTION, "self.proj(", "self.out_proj("),
             ("src/model.py", "self.blocks", "self.layers")]  # fmt: skip
    for name in ("key", "query", "value"):
        edits.append((ATTENTION, f"self.{name}(x)", f"self.{renames[name]}(x)"))
    edit(folder, *edits)
    checks = ("d.params", "f.params", "f.confirmed", "g.params", "g.equation", "g.variant",
              "g.reproduced", "g.confirmed", "f.finetune")  # fmt: skip
    found, _ = verdicts(folder, *checks)
    assert {result.status for result in found.values()} == {"passed"}, found
    edit(folder, (ATTENTION, "* q.shape[-1] ** -0.5", "* 1.0"))
    found, _ = verdicts(folder, "g.variant")
    assert found["g.variant"].status == "failed"


def test_missing_params_are_one_cause_said_once(tmp_path):
    folder = folder_of(A, tmp_path / "a")
    for path in shared().correct.glob("*.predictions"):
        shutil.copy(path, folder)
    names = [entry["name"] for entry in shared().world.settings["checks"]]
    found, _ = verdicts(folder, *(name for name in names if name[0] in "df"))
    report = Report(shared().world.settings, list(found.values()), {}, 1.0, "plain", 1.0)
    assert report.causes == ["not in the submission: vanilla.model.params, "
                             "vanilla.finetune.params, synthesizer.finetune.params"]  # fmt: skip
    because = {r.entry["name"] for r in report.results if r.lines == ["because of 1"]}
    assert because == {f"{part}.{check}" for part in "df" for check in
                       ("files", "params", "reproduced", "confirmed", "dev", "test")}
    assert "answers otherwise" not in table(report)


def test_a_submission_of_another_edition_is_named_as_one(tmp_path):
    (tmp_path / "src").mkdir()
    shutil.copy(HERE / "styles" / "kit2024" / "src" / "models.py", tmp_path / "src")
    sentence = "this looks like a submission of edition 2024, and is graded as 2021"
    assert sentence in shared().grade(tmp_path).notes
    assert other_kit(A, "2021") == other_kit(tmp_path, "2024") == other_kit(A, "mine") == []


# -- what a program prints and how long it takes --------------------------------------------------


def test_nothing_that_a_program_says_reaches_the_terminal_as_it_is(tmp_path):
    """An exception, a print and a file name with escape codes that clear the screen."""
    folder = folder_of(A, tmp_path / "a")
    evil = "\\x1b[2J\\x1b[H\\rtotal 33/33\\x9b"
    edit(folder, (DATASET, "        n = len(document)\n", f"        raise ValueError('{evil}')\n"))
    (folder / "london_baseline.py").write_text(f"print('{evil}')\nraise SystemExit('{evil}')\n")
    found, _ = verdicts(folder, "e.format", "e.mean", "d.london")
    report = Report(shared().world.settings, list(found.values()), {}, 1.0, "plain", 1.0)
    text = table(report)
    assert "\\x1b[2J" in text and not any(char in text for char in "\x1b\r\x9b")


@pytest.mark.slow
def test_imports_that_wait_share_one_patience(tmp_path, monkeypatch):
    """Eleven checks would import it again and again, and each time it sleeps."""
    monkeypatch.setattr(grading_module, "IMPORT_PATIENCE", 3.0)
    folder = folder_of(A, tmp_path / "a")
    edit(folder, (DATASET, "import random\n", "import random\nimport time\ntime.sleep(2.5)\n"))
    names = [entry["name"] for entry in shared().world.settings["checks"] if entry["part"] == "e"]
    began = time.monotonic()
    found, _ = verdicts(folder, *names, "f.pretrain")
    assert time.monotonic() - began < 30
    late = [r for r in found.values() if r.status == "failed"]
    assert len(late) >= 6 and len({r.cause for r in late}) == 1
    assert "importing dataset.py waits for" in late[0].cause
