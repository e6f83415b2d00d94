"""The handout's commands as a user types them, on a small world; and what a user gets wrong."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile

import pytest
import torch
from conftest import COURSE, ROOT, TINY, needs_course_data, run_script

import attention
import model
import recipes
import run
from base.errors import UserError
from base.source import keys, literal
from experiment import build_training, questions_seen

RUN = "src/run.py"
BRIEF = (*TINY, "--max_epochs", 2)
FILES = ("wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv")


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A folder with a world of 60 people, as the handout's commands expect it."""
    folder = tmp_path_factory.mktemp("world")
    done = run_script("data/make_world.py", "--people", 60, "--out", folder)
    assert done.returncode == 0, done.stderr
    return folder


def good(done):
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def lines(path):
    return path.read_text(encoding="utf-8").split("\n")


@pytest.fixture(scope="module", params=["vanilla", "synthesizer"])
def experiment(request, world, tmp_path_factory):
    """Every command of the handout for one variant; the folder, and what was printed."""
    v, folder = request.param, tmp_path_factory.mktemp(request.param)
    for name in FILES:
        shutil.copy(world / name, folder)
    said = {}

    def run(name, *args):
        said[name] = good(run_script(RUN, *args, cwd=folder))

    tune = ("--finetune_corpus_path", "birth_places_train.tsv", *BRIEF)
    run("finetune", "finetune", v, "wiki.txt", "--writing_params_path", f"{v}.model.params", *tune)
    run("pretrain", "pretrain", v, "wiki.txt", "--writing_params_path", f"{v}.pretrain.params",
        *BRIEF)  # fmt: skip
    run("tune", "finetune", v, "wiki.txt", "--reading_params_path", f"{v}.pretrain.params",
        "--writing_params_path", f"{v}.finetune.params", *tune[:2], "--no_log")  # fmt: skip
    for params, phase in (("model", "nopretrain"), ("finetune", "pretrain")):
        for split, file in (("dev", "birth_dev.tsv"), ("test", "birth_test_inputs.tsv")):
            run(f"{phase} {split}", "evaluate", v, "wiki.txt", "--reading_params_path",
                f"{v}.{params}.params", "--eval_corpus_path", file, "--outputs_path",
                f"{v}.{phase}.{split}.predictions")  # fmt: skip
    return v, folder, said


def test_the_commands_print_the_courses_words(experiment):
    v, folder, said = experiment
    corpus = (folder / "wiki.txt").read_text(encoding="utf-8")
    first = f"data has {len(corpus)} characters, {len(set(corpus)) + 2} unique."
    model = torch.load(folder / f"{v}.pretrain.params", weights_only=True)
    count = sum(t.numel() for name, t in model.items() if not name.endswith("mask"))
    for name in ("finetune", "pretrain", "tune", "pretrain dev"):
        assert said[name].splitlines()[:2] == [first, f"number of parameters: {count}"]
    answers = lines(folder / f"{v}.pretrain.dev.predictions")[:-1]
    gold = [line.split("\t")[1] for line in lines(folder / "birth_dev.tsv")[:-1]]
    right = float(sum(a == g for a, g in zip(answers, gold, strict=True)))
    share = right / len(gold) * 100
    assert f"Correct: {right} out of {float(len(gold))}: {share}%" in said["pretrain dev"]
    written = f"Predictions written to {v}.pretrain.test.predictions; no targets provided"
    assert written in said["pretrain test"]


def test_predictions_have_one_line_a_question(experiment):
    v, folder, _ = experiment
    for split, file in (("dev", "birth_dev.tsv"), ("test", "birth_test_inputs.tsv")):
        for phase in ("nopretrain", "pretrain"):
            found = lines(folder / f"{v}.{phase}.{split}.predictions")
            assert len(found) == len(lines(folder / file)) and found[-1] == ""
            assert not any("⁇" in line or "□" in line for line in found)


def test_params_are_state_dicts_with_a_description(experiment):
    v, folder, _ = experiment
    state = torch.load(folder / f"{v}.finetune.params", weights_only=True)
    assert list(state)[:2] == ["pos_emb", "tok_emb.weight"] and "blocks.1.attn.mask" in state
    about = json.loads((folder / f"{v}.finetune.params.json").read_text(encoding="utf-8"))
    assert about["variant"] == v and about["n_head"] == 2 and about["function"] == "finetune"
    assert len(about["vocabulary"]) == 64


def test_params_without_their_description(experiment, tmp_path):
    v, folder, _ = experiment
    shutil.copy(folder / f"{v}.finetune.params", tmp_path / "bare.params")
    args = ("evaluate", v, folder / "wiki.txt", "--reading_params_path", tmp_path / "bare.params",
            "--eval_corpus_path", folder / "birth_dev.tsv", "--outputs_path")  # fmt: skip
    out = good(run_script(RUN, *args, tmp_path / "a", "--n_head", 2))
    assert "bare.params.json is missing; assuming" in out
    same = (folder / f"{v}.pretrain.dev.predictions").read_bytes()
    assert (tmp_path / "a").read_bytes() == same


def test_same_seed_same_weights_other_seed_others(experiment, tmp_path):
    v, folder, _ = experiment
    for name, seed in (("a", 0), ("b", 1)):
        good(run_script(RUN, "pretrain", v, folder / "wiki.txt", "--writing_params_path",
                        tmp_path / name, "--seed", seed, *BRIEF))  # fmt: skip
    first = torch.load(folder / f"{v}.pretrain.params", weights_only=True)
    a, b = (torch.load(tmp_path / name, weights_only=True) for name in "ab")
    assert all(torch.equal(first[k], a[k]) for k in a)
    assert not torch.equal(a["head.weight"], b["head.weight"])


def test_log_folder_describes_the_run(world, tmp_path):
    args = [arg for arg in BRIEF if arg != "--no_log"]
    good(run_script(RUN, "pretrain", "vanilla", world / "wiki.txt", "--writing_params_path", "a",
                    "--schedule", "cosine", "--shuffle", *args, cwd=tmp_path))  # fmt: skip
    (folder,) = (tmp_path / "runs").iterdir()
    assert folder.name.endswith("-pretrain-vanilla")
    about = json.loads((folder / "config.json").read_text())
    assert about["command"]["schedule"] == "cosine" and about["torch"] == torch.__version__
    rows = [json.loads(row) for row in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [0, 1]
    assert rows[-1]["rate"] < rows[0]["rate"] and rows[-1]["targets"] > 1000


# -- the submission ----------------------------------------------------------------------------


def collect(folder, **env):
    env = os.environ | {"PYTHON": sys.executable} | env
    return subprocess.run(["bash", str(ROOT / "collect_submission.sh")], cwd=folder, env=env,
                          capture_output=True, text=True, timeout=60)  # fmt: skip


def save_tiny(variant, path):
    """A model of this variant in a params file without a description."""
    sizes = dict(n_layer=1, n_head=2, n_embd=8)
    torch.save(model.GPT(model.GPTConfig(11, 16, variant=variant, **sizes)).state_dict(), path)


@pytest.fixture
def artifacts(world, tmp_path):
    for name in FILES:
        shutil.copy(world / name, tmp_path)
    for name in ("vanilla.model", "vanilla.finetune", "synthesizer.finetune"):
        save_tiny(name.split(".")[0], tmp_path / f"{name}.params")
    for phase in ("vanilla.nopretrain", "vanilla.pretrain", "synthesizer.pretrain"):
        for split, file in (("dev", "birth_dev.tsv"), ("test", "birth_test_inputs.tsv")):
            count = len(lines(world / file)) - 1
            (tmp_path / f"{phase}.{split}.predictions").write_text("London\n" * count)
    return tmp_path


def test_submission_holds_code_data_and_artifacts(artifacts):
    done = collect(artifacts)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(artifacts / "assignment5.zip") as archive:
        names = set(archive.namelist())
    assert {"src/run.py", "london_baseline.py", *FILES, "vanilla.model.params"} <= names
    assert "synthesizer.pretrain.test.predictions" in names
    assert not any("pycache" in name or name.startswith("/") for name in names)


def test_submission_runs_alone(artifacts, tmp_path_factory):
    """The zip, unpacked elsewhere, has all that its own commands need."""
    assert collect(artifacts).returncode == 0
    alone = tmp_path_factory.mktemp("alone")
    with zipfile.ZipFile(artifacts / "assignment5.zip") as archive:
        archive.extractall(alone)
    london = good(run_script(alone / "london_baseline.py", cwd=alone))
    assert london.startswith("Correct: 1.0 out of")
    good(run_script(alone / "src" / "run.py", "pretrain", "vanilla", "wiki.txt",
                    "--writing_params_path", "p", *BRIEF, cwd=alone))  # fmt: skip


@pytest.mark.parametrize("broken, word", [
    (lambda f: (f / "vanilla.model.params").unlink(), "vanilla.model.params is missing"),
    (lambda f: (f / "vanilla.model.params").write_bytes(b""), "vanilla.model.params is empty"),
    (lambda f: (f / "vanilla.model.params").write_bytes(b"x"), "vanilla.model.params: not a"),
    (lambda f: shutil.copy(f / "vanilla.model.params", f / "synthesizer.finetune.params"),
     "synthesizer.finetune.params holds a vanilla model"),
    (lambda f: save_tiny("synthesizer", f / "vanilla.finetune.params"),
     "vanilla.finetune.params holds a synthesizer model"),
    (lambda f: save_tiny("rope", f / "vanilla.finetune.params"), "holds a rope model"),
    (lambda f: (f / "vanilla.pretrain.dev.predictions").write_text("a\n"), "has 1 lines for"),
])  # fmt: skip
def test_submission_names_what_is_wrong(artifacts, broken, word):
    broken(artifacts)
    done = collect(artifacts)
    assert done.returncode != 0 and word in done.stderr
    assert not (artifacts / "assignment5.zip").exists()


def test_submission_without_torch_says_what_was_not_looked_into(artifacts, tmp_path_factory):
    """A Python without torch, as the system's own is: names and JSON count."""
    without = tmp_path_factory.mktemp("bin") / "python"
    without.write_text(f'#!/bin/sh\nexec "{sys.base_prefix}/bin/python3" -I "$@"\n')
    without.chmod(0o755)
    probe = "import importlib.util as u, sys; sys.exit(u.find_spec('torch') is not None)"
    if subprocess.run([without, "-c", probe]).returncode:
        pytest.skip("the Python behind this one has torch too")
    done = collect(artifacts, PYTHON=str(without))
    assert done.returncode == 0 and "were not looked into" in done.stdout, done.stderr


@pytest.mark.parametrize("year", [1975, 2110])
def test_submission_of_files_with_any_date(artifacts, year):
    seconds = (year - 1970) * 365.25 * 86400
    os.utime(artifacts / "vanilla.model.params", (seconds, seconds))
    done = collect(artifacts)
    assert done.returncode == 0, done.stderr
    assert (artifacts / "assignment5.zip").is_file()


# -- files -------------------------------------------------------------------------------------


def test_files_are_never_half_from_one_world(tmp_path, monkeypatch):
    from base import files

    monkeypatch.setattr(files, "WORLDS", (tmp_path / "course", tmp_path / "own"))
    monkeypatch.chdir(tmp_path)
    for name in ("course/a", "own/a", "own/b"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    assert files.find_files("a", "b") == [str(tmp_path / "own" / n) for n in "ab"]
    assert files.find_files("a") == [str(tmp_path / "course" / "a")]
    (tmp_path / "a").write_text("x")
    assert files.find_files("a", "b") == ["a", str(tmp_path / "own" / "b")]


@needs_course_data
def test_london_on_the_courses_dev_set():
    done = run_script("london_baseline.py", cwd=COURSE)
    assert done.stdout == "Correct: 25.0 out of 500.0: 5.0%\n"


def test_london_needs_places_and_its_help_runs_nothing(tmp_path):
    (tmp_path / "birth_dev.tsv").write_text("Where was Bo born?\n")
    done = run_script("london_baseline.py", cwd=tmp_path)
    assert done.returncode == 2 and "birth_dev.tsv: has no places" in done.stderr
    assert len(done.stderr.splitlines()) == 1 and done.stdout == ""
    done = run_script("london_baseline.py", "--help", cwd=tmp_path)
    assert done.returncode == 0 and "Correct" not in done.stdout


def test_london_on_the_embedded_world():
    done = run_script("london_baseline.py", cwd=ROOT / "data")
    assert done.stdout == "Correct: 25.0 out of 500.0: 5.0%\n"


# -- a run is built before it is run -----------------------------------------------------------


@needs_course_data
def test_building_a_run_trains_and_writes_nothing(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    out = ("--writing_params_path", "a.params")
    names = ("--finetune_corpus_path", str(COURSE / "birth_places_train.tsv"))
    corpus = str(COURSE / "wiki.txt")
    expected = {"pretrain": (650, 128, 6e-3), "finetune": (75, 256, 6e-4)}
    for function, (epochs, batch, rate) in expected.items():
        more = names if function == "finetune" else ()
        args = run.parser().parse_args([function, "vanilla", corpus, *out, *more])
        config = build_training(args).config
        assert (config.max_epochs, config.batch_size, config.learning_rate) == (epochs, batch, rate)
        assert (config.final_tokens, config.warmup_tokens) == (75_212_800, 10_240)
    assert list(tmp_path.iterdir()) == []


def test_finetuning_of_read_params_is_shorter(experiment):
    v, folder, _ = experiment
    about = json.loads((folder / f"{v}.finetune.params.json").read_text(encoding="utf-8"))
    assert about["max_epochs"] == 10 and about["learning_rate"] == 6e-4
    assert about["reading_params"] == f"{v}.pretrain.params"


def test_params_tell_which_questions_they_have_seen(experiment):
    v, folder, _ = experiment
    train = hashlib.sha256((folder / "birth_places_train.tsv").read_bytes()).hexdigest()
    for name, expected in (("pretrain", []), ("finetune", [train]), ("model", [train])):
        about = json.loads((folder / f"{v}.{name}.params.json").read_text(encoding="utf-8"))
        assert about["questions_seen"] == expected
    path = str(folder / f"{v}.finetune.params")
    assert questions_seen(path, "another") == [train, "another"]
    assert questions_seen(path, None) == questions_seen(path, train) == [train]


# -- the command line --------------------------------------------------------------------------


@pytest.mark.parametrize("function, has, lacks", [
    ("pretrain", ["--writing_params_path", "--pretrain_lr"], ["--outputs_path", "--finetune_lr"]),
    ("finetune", ["--finetune_corpus_path", "--resume"], ["--eval_corpus_path", "--pretrain_lr"]),
    ("evaluate", ["--outputs_path", "--report"], ["--writing_params_path", "--max_epochs"]),
])  # fmt: skip
def test_help_of_one_function(capsys, function, has, lacks):
    run.main([function, "--help"])
    text = capsys.readouterr().out
    assert text.startswith("usage: ") and f"{function} VARIANT CORPUS" in text
    assert all(option in text for option in has) and not any(option in text for option in lacks)


def test_every_option_is_explained():
    assert [a.dest for a in run.parser()._actions if not a.help] == []


def test_help_needs_no_torch():
    code = "import sys; sys.path.insert(0, sys.argv.pop()); import run; run.parser().format_help()"
    code += "; assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(ROOT / "src")], check=True)


def test_names_read_from_sources_are_the_real_ones():
    assert keys("attention/__init__.py", "VARIANTS") == tuple(attention.VARIANTS)
    assert literal("attention/registry.py", "POSITIONS") == attention.POSITIONS
    assert keys("recipes.py", "RECIPES") == tuple(recipes.RECIPES)
    assert literal("model.py", "COURSE_SIZES") == model.COURSE_SIZES


@pytest.mark.parametrize("words, meant", [
    (("pretrian", "vanilla", "w"), "did you mean pretrain?"),
    (("pretrain", "rop", "w"), "did you mean rope?"),
    (("pretrain", "vanilla", "w", "--batchsize", "3"), "did you mean --batch_size?"),
])  # fmt: skip
def test_near_misses_are_suggested(words, meant):
    with pytest.raises(UserError, match=re.escape(meant)):
        run.main(list(words))


def test_options_can_be_abbreviated():
    args = run.parser().parse_args(["evaluate", "vanilla", "w", "--reading", "p", "--outp", "o"])
    assert (args.reading_params_path, args.outputs_path) == ("p", "o")
