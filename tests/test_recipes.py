"""Recipes, optimizers and lengths of runs: what `--recipe`, `--optimizer`, `--max_minutes` do."""

import json
import math
import shutil
import subprocess
import sys
import time

import pytest
import torch
from conftest import ROOT, TINY, needs_bf16, run_script
from test_trainer import CORPUS, Kept, fit, tiny

import run
from attention import VARIANTS
from dataset import CharCorruptionDataset
from model import GPT, GPTConfig
from recipes import COURSE, KNOWLEDGE, Phase, trainer_config
from trainer import Step, Trainer, TrainerConfig
from training.knowledge import KnowledgeDataset, Mixture
from training.optimizers import Together, build_optimizer, hidden_matrices
from training.schedule import lr_multiplier

RUN = "src/run.py"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A world of 60 people."""
    path = tmp_path_factory.mktemp("world")
    done = run_script("data/make_world.py", "--people", 60, "--out", path)
    assert done.returncode == 0, done.stderr
    return path


def test_the_courses_phases_are_plain():
    """Nothing of ours in the default recipe: the course's optimizer, order, dropout and data."""
    for phase in COURSE.values():
        plain = Phase(phase.max_epochs, phase.batch_size, phase.learning_rate)
        assert phase == plain
        assert (plain.schedule, plain.optimizer, plain.dropout) == ("course", "adamw", 0.1)
        assert plain.mixture is None and not plain.shuffle and not plain.unicode_names


def test_the_linear_schedule_by_hand():
    config = TrainerConfig(lr_decay=True, warmup_tokens=100, schedule="linear")
    tokens = (0, 50, 100, 2000, 3000, 3600, 4000)
    multipliers = [lr_multiplier(config, n, 4000) for n in tokens]
    assert multipliers == pytest.approx([0, 0.5, 1, 1, 0.5, 0.2, 0])
    assert lr_multiplier(config, 25, 1000) == 0.5  # a short run rises in a twentieth of itself


@pytest.mark.parametrize("documents", [60, 700])
def test_the_short_finetuning_rises_and_falls(documents):
    config = trainer_config(KNOWLEDGE["finetune"], documents, 128)
    per_epoch = math.ceil(documents / config.batch_size)
    steps, width = per_epoch * config.max_epochs, config.batch_size * 127
    rates = [lr_multiplier(config, (i + 0.5) * width, steps * width) for i in range(steps)]
    assert max(rates) == 1.0 and rates[-1] <= 0.5 and rates[-1] == min(rates)


# -- Muon --------------------------------------------------------------------------------------


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_parameter_has_exactly_one_optimizer(variant):
    config = GPTConfig(13, 24, n_layer=3, n_head=2, n_embd=12, variant=variant, bottleneck_dim=5)
    model = GPT(config)
    settings = TrainerConfig(optimizer="muon", learning_rate=1e-3, weight_decay=0.1)
    optimizer = build_optimizer(model, settings)
    held = [id(p) for group in optimizer.param_groups for p in group["params"]]
    wanted = [id(p) for p in model.parameters() if p.requires_grad]
    assert sorted(held) == sorted(wanted)
    matrices = {id(p) for o in optimizer.optimizers[1:] for p in o.param_groups[0]["params"]}
    outside = {id(model.tok_emb.weight), id(model.head.weight)}
    assert matrices and not matrices & outside
    assert all(p.ndim == 2 for p in hidden_matrices(model))


def test_a_muon_step_is_the_orthogonal_factor_of_the_momentum():
    """One step from gradient G moves W by -lr (G + 0.95 G), made nearly orthogonal, less decay."""
    torch.manual_seed(3)
    layer = torch.nn.Linear(7, 11, bias=False)
    model = torch.nn.Module()
    model.blocks = torch.nn.ModuleList([layer])
    settings = TrainerConfig(optimizer="muon", muon_learning_rate=0.5, weight_decay=0.1)
    optimizer = build_optimizer(model, settings)
    before, gradient = layer.weight.detach().clone(), torch.randn(11, 7)
    layer.weight.grad = gradient.clone()
    optimizer.step()
    moved = (before * (1 - 0.5 * 0.1) - layer.weight.detach()) / (0.5 * math.sqrt(11 / 7))
    singular = torch.linalg.svdvals(moved)
    assert singular.min() > 0.6 and singular.max() < 1.3  # Newton-Schulz is approximate
    U, _, V = torch.linalg.svd(gradient, full_matrices=False)
    assert torch.nn.functional.cosine_similarity(moved.flatten(), (U @ V).flatten(), dim=0) > 0.95


def test_muon_lowers_the_loss_and_resumes_to_the_same_weights(tmp_path):
    dataset = CharCorruptionDataset(CORPUS, 32)
    settings = dict(
        max_epochs=4, batch_size=7, learning_rate=3e-3, optimizer="muon", schedule="linear",
        lr_decay=True, warmup_tokens=100, shuffle=True,
    )  # fmt: skip
    whole = tiny(dataset)
    rows = fit(whole, dataset, **settings)
    assert rows[-1]["loss"] < rows[0]["loss"] - 0.3
    path = str(tmp_path / "c")
    config = dict(device="cpu", precision="fp32", checkpoint_path=path, **settings)
    first = Trainer(tiny(dataset), dataset, None, TrainerConfig(**config))
    first.prepare()
    assert isinstance(first.optimizer, Together)
    for step, pieces in zip(range(9), first.batches(0), strict=False):
        first.step(step, pieces)
    first.save_progress(9)
    second = tiny(dataset, seed=6)
    Trainer(second, dataset, None, TrainerConfig(resume=True, **config)).train()
    for name, value in whole.state_dict().items():
        assert torch.equal(second.state_dict()[name], value), name


# -- how long a run is -------------------------------------------------------------------------


@pytest.mark.parametrize("schedule", ["course", "cosine"])
def test_max_steps_shrinks_the_schedule_with_the_run(schedule):
    """The rates of a run of 30 steps, at every third step, are those of one of 10."""
    dataset = CharCorruptionDataset(CORPUS, 32)
    common = dict(
        max_epochs=6, batch_size=5, learning_rate=0.01, lr_decay=True, warmup_tokens=155,
        final_tokens=1500, schedule=schedule,
    )  # fmt: skip
    long = [row["rate"] for row in fit(tiny(dataset), dataset, **common)]
    short = [row["rate"] for row in fit(tiny(dataset), dataset, max_steps=10, **common)]
    assert len(long) == 30 and len(short) == 10
    assert short == pytest.approx(long[::3])


def test_max_minutes_follows_a_machine_that_slows_down(monkeypatch):
    """Steps of one second, from the 300th on of two: 600 seconds hold 300 and 150 of them."""
    dataset, now = CharCorruptionDataset(CORPUS, 32), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def step(self, number, pieces):
        now[0] += 1.0 if number < 300 else 2.0
        rates.append(self.lr_multiplier(number))
        return Step(torch.tensor(1.0), 1, rates[-1], 1.0)

    rates = []
    monkeypatch.setattr(Trainer, "step", step)
    config = TrainerConfig(
        device="cpu", max_epochs=2, batch_size=7, max_minutes=10, lr_decay=True, schedule="linear",
        warmup_tokens=100, log=Kept(),
    )  # fmt: skip
    Trainer(tiny(dataset), dataset, None, config).train()
    assert 570 <= now[0] - 1000 <= 600 and 435 <= len(rates) <= 450
    assert rates[-1] < 0.03 and max(rates[20:150]) == min(rates[20:150]) == 1.0


@pytest.mark.parametrize("seconds, expected", [
    ([20.0] * 99, {2, 3}),  # a third of the minute each
    ([100.0] * 99, {1}),  # more than there is
    ([1.0, 1.0, 1.0] + [8.0] * 99, {9, 10}),  # slow from the fourth on
    ([10.0, 10.0, 10.0] + [0.1] * 999, {270, 303}),  # slow at first: time is not left over
])  # fmt: skip
def test_max_minutes_with_slow_steps(monkeypatch, seconds, expected):
    """One minute, of which `seconds` are the steps' own; the run ends before it is over."""
    dataset, now = CharCorruptionDataset(CORPUS, 32), [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def step(self, number, pieces):
        now[0] += seconds[number]
        return Step(torch.tensor(1.0), 1, 0.1, 1.0)

    monkeypatch.setattr(Trainer, "step", step)
    config = TrainerConfig(
        device="cpu", max_epochs=9, batch_size=7, max_minutes=1, log=Kept(),
    )  # fmt: skip
    run = Trainer(tiny(dataset), dataset, None, config)
    run.train()
    assert now[0] <= 1060 or run.total_steps == 1
    assert min(expected) <= run.total_steps <= max(expected)


def test_max_minutes_ends_in_time_and_is_in_the_log():
    dataset = CharCorruptionDataset(CORPUS, 32)
    started = time.monotonic()
    rows = fit(
        tiny(dataset), dataset, max_epochs=100_000, batch_size=7, max_minutes=0.1, lr_decay=True,
        schedule="linear", warmup_tokens=100,
    )  # fmt: skip
    seconds = time.monotonic() - started
    assert 2 < seconds < 9  # six, on a machine that may be busy
    assert len(rows) > 25 and rows[-1]["rate"] < 0.05 * rows[len(rows) // 3]["rate"]


def test_max_minutes_counts_the_time_before_a_stop(tmp_path):
    dataset = CharCorruptionDataset(CORPUS, 32)
    config = dict(
        device="cpu", precision="fp32", max_epochs=1, batch_size=7, max_minutes=0.05,
        checkpoint_path=str(tmp_path / "c"),
    )  # fmt: skip
    first = Trainer(tiny(dataset), dataset, None, TrainerConfig(**config))
    first.train()
    first.save_progress(first.total_steps - 2)
    second = Trainer(tiny(dataset), dataset, None, TrainerConfig(resume=True, **config))
    second.train()
    assert second.total_steps <= first.total_steps and first.total_steps > 25


# -- the commands ------------------------------------------------------------------------------

LISTEN = """
import os, sys
sys.path.insert(0, {src!r})
opened = set()
def listen(event, args):
    if event == "open" and not isinstance(args[0], int):
        opened.add(os.fsdecode(args[0]))
sys.addaudithook(listen)
import run
run.main({argv!r})
for path in opened:
    print("opened", path)
"""


def opened_by(folder, *argv):
    """The files that a command of run.py opens."""
    code = LISTEN.format(src=str(ROOT / "src"), argv=list(map(str, argv)))
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return [line.removeprefix("opened ") for line in done.stdout.splitlines()
            if line.startswith("opened ")]  # fmt: skip


@pytest.mark.parametrize("variant, recipe", [
    ("vanilla", "knowledge"), ("synthesizer", "knowledge"), ("rope", "reading"),
])  # fmt: skip
def test_the_handouts_commands_with_our_recipe(folder, tmp_path, variant, recipe):
    """pretrain, finetune and evaluate; training opens neither dev nor test questions."""
    for name in ("wiki.txt", "birth_places_train.tsv", "birth_dev.tsv", "birth_test_inputs.tsv"):
        shutil.copy(folder / name, tmp_path)
    ours = ("--recipe", recipe, "--finetune_corpus_path", "birth_places_train.tsv", *TINY)
    pretrained, finetuned = tmp_path / "p.params", tmp_path / "f.params"
    files = opened_by(
        tmp_path, "pretrain", variant, "wiki.txt", "--writing_params_path", pretrained,
        "--max_epochs", 3, "--snapshots", 3, *ours,
    )  # fmt: skip
    files += opened_by(
        tmp_path, "finetune", variant, "wiki.txt", "--reading_params_path", pretrained,
        "--writing_params_path", finetuned, "--max_epochs", 1, *ours,
    )  # fmt: skip
    assert any(path.endswith("birth_places_train.tsv") for path in files)
    assert not [path for path in files if "birth_dev" in path or "birth_test" in path]
    about = json.loads((tmp_path / "p.params.json").read_text(encoding="utf-8"))
    assert about["recipe"] == recipe and about["optimizer"] == "muon"
    taken = sorted(int(path.suffix[1:]) for path in tmp_path.iterdir() if path.suffix[1:].isdigit())
    assert len(taken) == 3 and taken[-1] == about["steps"]
    done = run_script(
        RUN, "evaluate", variant, "wiki.txt", "--reading_params_path", finetuned,
        "--eval_corpus_path", "birth_dev.tsv", "--outputs_path", tmp_path / "out", cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0 and "Correct:" in done.stdout


def test_questions_are_taken_from_beside_the_corpus(folder, tmp_path):
    command = ("--writing_params_path", tmp_path / "p.params", "--recipe", "knowledge",
               "--max_steps", 2, *TINY)  # fmt: skip
    files = opened_by(tmp_path, "pretrain", "vanilla", folder / "wiki.txt", *command)
    assert str(folder / "birth_places_train.tsv") in files
    about = json.loads((tmp_path / "p.params.json").read_text(encoding="utf-8"))
    assert about["dropout"] == 0 and about["mixture"]["questions"] == 0.3
    assert about["unicode_names"] and about["steps"] == 2
    shutil.copy(folder / "wiki.txt", tmp_path)
    done = run_script(RUN, "pretrain", "vanilla", tmp_path / "wiki.txt", *command, cwd=tmp_path)
    assert done.returncode == 2 and "birth_places_train.tsv" in done.stderr


def test_one_length_at_a_time(folder, tmp_path):
    done = run_script(
        RUN, "pretrain", "vanilla", folder / "wiki.txt", "--writing_params_path", tmp_path / "p",
        "--max_minutes", 1, "--max_epochs", 3, *TINY,
    )  # fmt: skip
    assert done.returncode == 2 and "not allowed with" in done.stderr


@pytest.mark.parametrize("precision", ["fp32", pytest.param("bf16", marks=needs_bf16)])
@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_trains_by_the_recipe(variant, precision):
    corpus = CharCorruptionDataset(CORPUS, 32)
    data = KnowledgeDataset(corpus, None, Mixture(shift=5))
    model = tiny(corpus, variant)
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    rows = fit(
        model, data, max_steps=3, batch_size=13, optimizer="muon", learning_rate=1e-3,
        precision=precision, schedule="linear", lr_decay=True, warmup_tokens=0,
    )  # fmt: skip
    assert len(rows) == 3 and all(math.isfinite(row["loss"]) for row in rows)
    moved = [not torch.equal(p, before[name]) for name, p in model.named_parameters()]
    assert sum(moved) >= len(moved) - 1  # a position beyond the rows may stay


LETTERS = "Where was born?CyFxRmBDLAO"  # so that the questions can be read


@pytest.mark.parametrize("corpus, questions, said", [
    (["no title here", "nor there Oslo"], ["Where was Ann Lee born?\tOslo"],
     "no reader: no document starts with a title and a full stop; only the training"),
    (["Ann Lee. Lee left Oslo .", "Bo Day. Day sang ."], ["Where was Cy Fox born?\tOslo"],
     "no reader: no question mentions the title of a document; only the training"),
    (["Ann Lee. Lee left Oslo .", "Bo Day. Day sang ."], ["Where was Ann Lee born?\tRome"],
     "no reader: no answer is a run of capitalised words in the document that it is about"),
    (["Ann Lee. Lee left Oslo .", "Bo Day. Day saw Rome ."], ["Where was Ann Lee born?\tOslo"],
     "the reader learns from 1 answer that stands in its document"),
])  # fmt: skip
@pytest.mark.parametrize("reader", ["ranker", "network"])
def test_reading_goes_on_where_little_can_be_read(
    corpus, questions, said, reader, tmp_path, monkeypatch, capsys
):
    """One sentence, then the recipe does what it can: both phases, with either reader."""
    monkeypatch.setattr("network_reader.STEPS", 1)
    (tmp_path / "wiki.txt").write_text("\n".join([*corpus, LETTERS]), encoding="utf-8")
    (tmp_path / "train.tsv").write_text("\n".join(questions), encoding="utf-8")
    common = ["vanilla", str(tmp_path / "wiki.txt"), "--recipe", "reading", "--reader", reader]
    common += ["--finetune_corpus_path", str(tmp_path / "train.tsv"), "--max_steps", "1"]
    common += [*map(str, TINY), "--writing_params_path"]
    run.main(["pretrain", *common, str(tmp_path / "p.params")])
    assert capsys.readouterr().out.count(said) == 1
    run.main(["finetune", *common, str(tmp_path / "f.params"),
              "--reading_params_path", str(tmp_path / "p.params")])  # fmt: skip
    assert capsys.readouterr().out.count(said) == 1
    assert (tmp_path / "f.params").is_file()
